// What tokens may take from an origin, in channels and plainly: payload in all, and payload per second, shared fairly.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIssuer } from '../protocol/access/issuer.ts';
import { eventually } from '../support/eventually.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { bytesOf, makeWorld, metricOf, WITH_ADMIN } from './fixture.ts';
import type { World } from './fixture.ts';

const SIZE = 8_000_000;
const SEGMENT = 65_536;
const ALL = 1_000_000;
/** What may be under way when a limit is noticed: a block, or a segment; and what a turn deals in advance. */
const SLACK = 262_144;
const BURST_SECONDS = 0.2;
const issuer = await createIssuer();
const bytes = bytesOf(SIZE);
let world: World;

beforeAll(async () => {
  world = await makeWorld({ a: bytes });
});
afterAll(() => world[Symbol.asyncDispose]());

/** A channel that asks for everything at once. */
const open = (url: string, Authorization: string): Promise<RawChannel> =>
  openRawChannel({
    url,
    key: 'a',
    segmentBytes: SEGMENT,
    first: [patternOf(1), { type: 'credit', total: ALL }],
    headers: { Authorization },
  });

/** Bytes of the segments that have come. */
const payloadOf = ({ frames }: RawChannel): number =>
  frames.reduce((sum, frame) => sum + (frame.type === 'segment' ? frame.payload.length : 0), 0);

describe('the bytes of a token in all', () => {
  test('end its channels, and open no more of them, under any token of its subject', async () => {
    const origin = await world.start({}, { tokenKeys: issuer.keys, ...WITH_ADMIN });
    const Authorization = await issuer.issue({ sub: 'spent', maxBytes: 2_000_000 });
    await using channel = await open(origin.url, Authorization);
    const why = 'the bytes of the token are used up';
    expect(await channel.skipTo('error')).toMatchObject({ code: 'refused', text: why });
    expect(payloadOf(channel)).toBeLessThanOrEqual(2_000_000 + SEGMENT);
    await using again = await open(origin.url, await issuer.issue({ sub: 'spent', maxBytes: 2_000_000, jti: '2' }));
    expect(again.head.status).toBe(403);
    const plain = await fetch(`${origin.url}/v1/objects/a`, { headers: { Authorization } });
    expect([plain.status, await plain.json()]).toEqual([403, expect.objectContaining({ detail: why })]);
    const head = await fetch(`${origin.url}/v1/objects/a`, { method: 'HEAD', headers: { Authorization } });
    expect(head.status).toBe(200);
    await using other = await open(origin.url, await issuer.issue({ sub: 'other' }));
    await eventually(() => payloadOf(other) === SIZE);
    expect(await metricOf(origin, 'heddle_origin_limited_total{limit="token-bytes"}')).toBe(3);
  });

  test('break off a plain answer, which is never passed for a whole one', async () => {
    const origin = await world.start({}, { tokenKeys: issuer.keys });
    const headers = { Authorization: await issuer.issue({ sub: 'plain', maxBytes: 2_000_000 }) };
    const answer = await fetch(`${origin.url}/v1/objects/a`, { headers });
    expect(answer.status).toBe(200);
    await expect(answer.bytes()).rejects.toThrow();
    const small = await fetch(`${origin.url}/v1/objects/a`, { headers: { ...headers, Range: 'bytes=0-9' } });
    expect(small.status).toBe(403);
  });

  test('bring exactly what they allow to whoever asks for less', async () => {
    const origin = await world.start({}, { tokenKeys: issuer.keys });
    const headers = { Authorization: await issuer.issue({ sub: 'less', maxBytes: 30 }), Range: 'bytes=10-19' };
    for (const status of [206, 206]) {
      const answer = await fetch(`${origin.url}/v1/objects/a`, { headers });
      expect([answer.status, (await answer.bytes()).length]).toEqual([status, 10]);
    }
  });
});

describe('payload per second', () => {
  test('of a token holds for its channels and plain answers together, and leaves others alone', async () => {
    const origin = await world.start({}, { tokenKeys: issuer.keys });
    const rate = 2_000_000;
    const Authorization = await issuer.issue({ sub: 'slow', maxBytesPerSecond: rate });
    const startedAt = performance.now();
    await using slow = await open(origin.url, Authorization);
    const plain = fetch(`${origin.url}/v1/objects/a`, { headers: { Authorization, Range: 'bytes=0-999999' } });
    await using free = await open(origin.url, await issuer.issue({ sub: 'free' }));
    await eventually(() => payloadOf(free) === SIZE);
    const part = await (await plain).bytes();
    expect(Buffer.from(part).equals(bytes.subarray(0, 1_000_000))).toBe(true);
    await eventually(() => payloadOf(slow) > 1_000_000);
    const seconds = (performance.now() - startedAt) / 1_000;
    // a slow machine gets less, never more
    expect(payloadOf(slow) + part.length).toBeLessThan(rate * (seconds + BURST_SECONDS) + 2 * SLACK);
  });

  test('in all holds without tokens, is shared by those who ask, and changes with a reload', async () => {
    const rate = 2_000_000;
    const origin = await world.start({ maxBytesPerSecond: rate });
    const startedAt = performance.now();
    await using one = await open(origin.url, '');
    await using two = await open(origin.url, '');
    await eventually(() => Math.min(payloadOf(one), payloadOf(two)) > 1_000_000);
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(payloadOf(one) + payloadOf(two)).toBeLessThan(rate * (seconds + BURST_SECONDS) + 2 * SLACK);
    expect(Math.max(payloadOf(one), payloadOf(two)) / Math.min(payloadOf(one), payloadOf(two))).toBeLessThan(1.6);
    const { dir, stateDir } = world;
    const tuning = { lingerMs: 200, sweepMs: 20, maxBytesPerSecond: 0 };
    const { changed } = await origin.reconfigure({ dir, stateDir, listen: { host: '127.0.0.1', port: 0 }, tuning });
    expect(changed).toContain('tuning.maxBytesPerSecond');
    await eventually(() => payloadOf(one) === SIZE && payloadOf(two) === SIZE);
  });
});
