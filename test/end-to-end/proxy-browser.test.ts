// A real Chromium behind the proxy: it downloads a large file, and plays a sound of which it reads what it needs, with
// seeks; through the forward proxy, and from the gateway.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, BrowserContext } from 'playwright-core';
import { createTransferList } from '../../client/control.ts';
import { startLink } from '../../client/demo/link-shaper.ts';
import { startProxy } from '../../client/proxy/server.ts';
import type { RunningProxy } from '../../client/proxy/server.ts';
import { chromiumPath, startChromium, withoutChromium } from '../support/chromium.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startWorld } from '../support/world.ts';

const SITE = 'http://data.example';
const LARGE = objectBytes(30_000_001, 91);
const SOUND_SECONDS = 120;
const SAMPLES_PER_SECOND = 44_100;
const owned = new AsyncDisposableStack();
const transfers = createTransferList();
let proxy: RunningProxy;
let browser: Browser;

/** Two minutes of silence as a WAV of 10 MB: what a browser plays without any codec. */
function sound(): Buffer {
  const bytes = SOUND_SECONDS * SAMPLES_PER_SECOND * 2;
  const file = Buffer.alloc(44 + bytes);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + bytes, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLES_PER_SECOND, 24);
  file.writeUInt32LE(2 * SAMPLES_PER_SECOND, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(bytes, 40);
  return file;
}

describe.skipIf(chromiumPath === undefined)(`Chromium${withoutChromium}`, () => {
  beforeAll(async () => {
    const page = Buffer.from('<!doctype html><title>A sound</title><audio preload="metadata" src="sound.wav"></audio>');
    const world = owned.use(await startWorld({ 'large.bin': LARGE, 'sound.wav': sound(), 'page.html': page }));
    const shape = { target: { port: world.origin.port }, megabitsPerSecond: 200, delayMs: 2 };
    const links = [owned.use(await startLink(shape)), owned.use(await startLink(shape))];
    const routes = links.map(({ port }, at) => ({ name: `r${at}`, url: `http://127.0.0.1:${port}` }));
    proxy = owned.use(await startProxy({ host: '127.0.0.1', port: 0, origins: [{ origin: SITE, routes, transfers }] }));
    browser = await startChromium();
    owned.defer(() => browser.close());
  }, 60_000);
  afterAll(() => owned.disposeAsync());

  async function contextOf(server: string | undefined): Promise<BrowserContext> {
    return browser.newContext(server === undefined ? {} : { proxy: { server } });
  }

  test.each([
    ['through the proxy', () => ({ server: proxy.url, url: `${SITE}/v1/objects/large.bin` })],
    ['from the gateway', () => ({ server: undefined, url: `${proxy.url}/o/large.bin` })],
  ])('downloads a large file %s, over all routes', async (_, where) => {
    const { server, url } = where();
    const before = transfers.list().length;
    const context = await contextOf(server);
    const page = await context.newPage();
    const downloading = page.waitForEvent('download');
    // a navigation that becomes a download is none
    await page.goto(url).catch(() => {});
    const path = await (await downloading).path();
    const hash = createHash('sha256');
    await once(
      createReadStream(path).on('data', (chunk) => void hash.update(chunk)),
      'end',
    );
    expect(hash.digest('hex')).toBe(createHash('sha256').update(LARGE).digest('hex'));
    const [transfer] = transfers.list();
    expect(transfers.list().length).toBe(before + 1);
    expect(transfer?.snapshot().routes.map(({ bytes }) => bytes > 0)).toEqual([true, true]);
    await context.close();
  });

  test('plays a sound, and goes on where it is told to', async () => {
    const context = await contextOf(proxy.url);
    const page = await context.newPage();
    const ranges: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('.wav')) ranges.push(request.headers()['range'] ?? '');
    });
    await page.goto(`${SITE}/v1/objects/page.html`);
    const seek = `(async (seconds) => {
      const audio = document.querySelector('audio');
      if (audio.readyState < 1) await new Promise((resolve) => audio.addEventListener('loadedmetadata', resolve, { once: true }));
      const sought = new Promise((resolve) => audio.addEventListener('seeked', resolve, { once: true }));
      audio.currentTime = seconds;
      await sought;
      return [audio.duration, audio.currentTime, audio.error];
    })`;
    for (const seconds of [100, 10, 119]) {
      expect(await page.evaluate(`(${seek})(${seconds})`)).toEqual([SOUND_SECONDS, seconds, null]);
    }
    expect(ranges.some((range) => /^bytes=[1-9]\d+-$/.test(range))).toBe(true);
    await context.close();
  });
});
