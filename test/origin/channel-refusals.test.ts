// Upgrade requests that do not become a channel: an HTTP status, a problem with a code, and the connection closed.
import { truncate } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningOrigin } from '../../origin/main.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import type { RawChannelOptions } from '../support/raw-channel.ts';
import { eventually, makeWorld } from './fixture.ts';
import type { World } from './fixture.ts';

const TRANSFER = '0123456789abcdef0123456789abcdef';
const CHANNEL = `transfer=${TRANSFER}; number=1; segment=32768`;

let shared: World;
let origin: RunningOrigin;
const url = (): string => origin.url;

beforeAll(async () => {
  shared = await makeWorld({ file: 'x', 'a/file': 'x', '.hidden': 'x' });
  origin = await shared.start();
});

afterAll(() => shared[Symbol.asyncDispose]());

describe('an upgrade request', () => {
  const rows: [string, Partial<RawChannelOptions>, number, string][] = [
    ['for nothing', { key: 'none' }, 404, 'object-not-found'],
    ['for a hidden file', { key: '.hidden' }, 404, 'object-not-found'],
    ['outside the segments', { path: '/v1/objects/file' }, 404, 'object-not-found'],
    ['out of the folder', { path: '/v1/segments/../../etc/passwd' }, 400, 'bad-request'],
    ['out of the folder, encoded', { path: '/v1/segments/%2e%2e/%2e%2e/etc/passwd' }, 400, 'bad-request'],
    ['with an encoded slash', { path: '/v1/segments/a%2Ffile' }, 400, 'bad-request'],
    ['without a key', { path: '/v1/segments/' }, 400, 'bad-request'],
    ['for another protocol', { headers: { Upgrade: 'heddle/2' } }, 426, 'handshake-failed'],
    ['without a channel', { headers: { 'Heddle-Channel': '' } }, 400, 'bad-request'],
    ['with a channel 0', { headers: { 'Heddle-Channel': CHANNEL.replace('=1;', '=0;') } }, 400, 'bad-request'],
    ['with an odd segment', { headers: { 'Heddle-Channel': CHANNEL.replace('32768', '40000') } }, 400, 'bad-request'],
    [
      'with a segment too large',
      { headers: { 'Heddle-Channel': CHANNEL.replace('32768', '2097152') } },
      400,
      'bad-request',
    ],
    ['with broken first frames', { headers: { 'Heddle-First': 'AgAAAQA' } }, 400, 'bad-frame'],
    ['with half a first frame', { headers: { 'Heddle-First': 'AgAABA' } }, 400, 'bad-request'],
    [
      'with first frames of the other side',
      { headers: { 'Heddle-First': base64url(encodeFrame({ type: 'idle', epoch: 1, at: 1 })) } },
      400,
      'bad-frame',
    ],
    ['with first frames too long', { headers: { 'Heddle-First': 'A'.repeat(16_385) } }, 400, 'bad-request'],
  ];
  for (const [what, options, status, code] of rows) {
    it(`${what} is answered ${status} ${code}`, async () => {
      await using channel = await openRawChannel({ url: url(), key: 'file', ...options });
      expect(channel.head.status).toBe(status);
      expect(channel.head.headers.get('content-type')).toBe('application/problem+json');
      expect(channel.head.headers.get('connection')).toBe('close');
      expect(channel.head.headers.get('upgrade')).toBe(status === 426 ? 'heddle/1' : undefined);
      expect(JSON.parse(await channel.body())).toMatchObject({ status, code });
    });
  }

  it('for an object that is still being hashed is answered 503 with Retry-After', async () => {
    await using world = await makeWorld({});
    await truncate(await world.write('large', ''), 100_000_000);
    const slow = await world.start({ smallFolderBytes: 0, indexWaitMs: 0 });
    await using channel = await openRawChannel({ url: slow.url, key: 'large' });
    expect([channel.head.status, channel.head.headers.get('retry-after')]).toEqual([503, '5']);
    expect(JSON.parse(await channel.body())).toMatchObject({ code: 'not-indexed' });
  });

  it('beyond the number of channels is answered 503 overloaded', async () => {
    const narrow = await shared.start({ maxChannels: 1 });
    const first = await openRawChannel({ url: narrow.url, key: 'file', number: 1, first: [patternOf(1)] });
    await using second = await openRawChannel({ url: narrow.url, key: 'file', number: 2 });
    expect([first.head.status, second.head.status]).toEqual([101, 503]);
    expect(JSON.parse(await second.body())).toMatchObject({ code: 'overloaded' });
    first.send({ type: 'bye' });
    await first.closed;
    await eventually(async () => {
      await using third = await openRawChannel({ url: narrow.url, key: 'file', number: 3 });
      return third.head.status;
    }).toBe(101);
  });
});

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
