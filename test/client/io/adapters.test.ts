// The conformance suite of channel adapters, run with the two that are built in and with one as somebody else would write
// it; and a transfer that uses that one beside a route of heddle/1.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createClient } from '../../../client/client.ts';
import type { ConnectChannel } from '../../../client/io/channel-adapter.ts';
import type { SessionRoute } from '../../../client/io/order.ts';
import { startLink } from '../../../client/demo/link-shaper.ts';
import { makeWorld } from '../../origin/fixture.ts';
import { startNginx } from '../../support/mirrors.ts';
import { refusingPort } from '../../support/servers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { sha256Of } from '../../support/object-bytes.ts';
import { adapterSuite, CONTENT } from './adapter-suite.ts';
import type { AdapterWorld } from './adapter-suite.ts';
import { readingAdapter } from './reading-adapter.ts';

function routeTo(url: string, more: Partial<SessionRoute> = {}): SessionRoute {
  const target = { baseUrl: new URL(url), localAddress: undefined, authorization: undefined };
  return { ...target, name: 'r', terms: {}, origin: 'o', ...more };
}

/** An unlimited link in front of `port`, whose connections can be broken. */
async function breakable(stack: AsyncDisposableStack, port: number): Promise<{ url: string; breakAll(): void }> {
  const link = stack.use(await startLink({ target: { port }, megabitsPerSecond: 1_000, delayMs: 0 }));
  return { url: `http://127.0.0.1:${link.port}`, breakAll: () => link.kill() };
}

async function nativeWorld(): Promise<AdapterWorld> {
  const stack = new AsyncDisposableStack();
  const world = stack.use(await makeWorld({ 'a.bin': CONTENT, 'empty.bin': '' }));
  const { url, breakAll } = await breakable(stack, (await world.start()).port);
  const route = routeTo(url);
  return {
    whole: { route, key: 'a.bin' },
    empty: { route, key: 'empty.bin' },
    missing: { route, key: 'none.bin' },
    nobody: { route: routeTo(`http://127.0.0.1:${await refusingPort()}`), key: 'a.bin' },
    breakAll,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function rangeWorld(): Promise<AdapterWorld> {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  await writeFile(folder.file('a.bin'), CONTENT);
  await writeFile(folder.file('empty.bin'), '');
  const nginx = stack.use(await startNginx(folder.path));
  const { url, breakAll } = await breakable(stack, Number(new URL(nginx.url).port));
  const at = (path: string, base = url) => ({ route: routeTo(`${base}/${path}`, { mirror: 'copy' }), key: path });
  return {
    whole: at('a.bin'),
    empty: at('empty.bin'),
    missing: at('none.bin'),
    nobody: at('a.bin', `http://127.0.0.1:${await refusingPort()}`),
    breakAll,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Reads `bytes`; undefined: there is no such thing. */
function reading(bytes: Buffer | undefined, isBroken: () => boolean = () => false): ConnectChannel {
  const whole = async (): Promise<void> => {
    if (isBroken()) throw new Error('gone');
  };
  return readingAdapter({
    open: () => whole().then(() => bytes?.length),
    read: ({ first, last }) => whole().then(() => (bytes ?? Buffer.alloc(0)).subarray(first, last + 1)),
  });
}

async function readingWorld(): Promise<AdapterWorld> {
  let broken = false;
  const at = (connect: ConnectChannel) => ({
    route: routeTo('memory://here/a', { mirror: 'copy', connect }),
    key: 'a',
  });
  return {
    whole: at(reading(CONTENT, () => broken)),
    empty: at(reading(Buffer.alloc(0))),
    missing: at(reading(undefined)),
    nobody: at(reading(CONTENT, () => true)),
    breakAll: () => void (broken = true),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

describe('heddle/1', () => adapterSuite(nativeWorld));
describe('ranges of a plain server', () => adapterSuite(rangeWorld));
describe("somebody else's", () => adapterSuite(readingWorld));

describe("a transfer over somebody else's adapter", () => {
  test('as a mirror beside a route: both bring segments, all are proven', async () => {
    await using world = await makeWorld({ 'a.bin': CONTENT });
    const origin = await world.start();
    await using link = await startLink({ target: { port: origin.port }, megabitsPerSecond: 4, delayMs: 5 });
    const { stream, done } = createClient({
      routes: [{ name: 'route', url: `http://127.0.0.1:${link.port}` }],
      mirrors: [{ name: 'memory', url: 'memory://here/a', connect: reading(CONTENT) }],
      segmentBytes: 32_768,
    }).get('a.bin');
    expect(Buffer.compare(Buffer.from(await new Response(stream).arrayBuffer()), CONTENT)).toBe(0);
    const { vouching, routes } = await done;
    expect(vouching.verified).toBe(true);
    expect(routes.find(({ name }) => name === 'memory')?.segments).toBeGreaterThan(0);
  });

  test('as the only source, held against a checksum', async () => {
    const mirrors = [{ name: 'memory', url: 'memory://here/a', connect: reading(CONTENT) }];
    const { stream, done } = createClient({ routes: [], mirrors }).get('a', {
      checksum: `sha256:${sha256Of(CONTENT)}`,
    });
    expect(Buffer.compare(Buffer.from(await new Response(stream).arrayBuffer()), CONTENT)).toBe(0);
    expect((await done).vouching).toMatchObject({ verified: true, checks: ['checksum'] });
  });

  test('a scheme that nobody speaks is still a mistake', () => {
    for (const options of [
      { routes: [{ name: 'a', url: 'memory://here' }] },
      { routes: [], mirrors: [{ name: 'a', url: 'memory://here' }] },
    ]) {
      expect(() => createClient(options)).toThrow(expect.objectContaining({ code: 'bad-configuration' }));
    }
  });
});
