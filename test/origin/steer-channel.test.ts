// Steering on the wire, over real connections: of two channels with the same pattern one is not read. What it was granted
// comes over the other, DEALT says so on both, and when the first is read again nothing comes twice.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningOrigin } from '../../origin/main.ts';
import type { ClientFrame } from '../../protocol/frames.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { bytesOf, makeWorld, metricOf, WITH_ADMIN } from './fixture.ts';
import type { World } from './fixture.ts';

/** More than the buffers of a connection that nobody reads hold of one channel's half. */
const SEGMENTS = 1_200;
/** Segments that the reader may answer beyond its own half. */
const EXTRA = 20;

let world: World;
let origin: RunningOrigin;

beforeAll(async () => {
  world = await makeWorld({ big: bytesOf(SEGMENTS * LEAF_BYTES) });
  origin = await world.start({}, WITH_ADMIN);
});

afterAll(() => world[Symbol.asyncDispose]());

const pattern = patternOf(1, { cycle: [1, 2] });

function open(transfer: string, number: number, credit: number, steer: boolean): Promise<RawChannel> {
  const first: ClientFrame[] = [{ type: 'steer', on: steer }, pattern, { type: 'credit', total: credit }];
  return openRawChannel({ url: origin.url, key: 'big', transfer, number, first, paused: number === 2 });
}

/** Between two PINGs, ms: an origin closes on who sends more than 200 a second. */
const PING_MS = 10;

/** Asks until `isThere`: every PING makes the origin look at what drains. */
async function pingUntil(channel: RawChannel, isThere: () => boolean, most = 1_000): Promise<void> {
  for (let nonce = 1; nonce <= most && !isThere(); nonce += 1) {
    await pause(PING_MS);
    channel.send({ type: 'ping', nonce });
    while ((await channel.skipTo('pong')).nonce !== nonce);
  }
}

function indexesOf(channel: RawChannel): number[] {
  return channel.frames.flatMap((frame) => (frame.type === 'segment' ? [frame.index] : []));
}

/** What the credit of a channel was used for. */
function answersOf(channel: RawChannel): number {
  return channel.frames.filter(({ type }) => type === 'segment' || type === 'dropped').length;
}

// Known: now and then a dozen segments are left to nobody, and only the client's next epoch brings them (see the map).
test('what a channel does not drain comes over the other, once', { retry: 4, timeout: 60_000 }, async () => {
  const transfer = randomBytes(16).toString('hex');
  await using reader = await open(transfer, 1, SEGMENTS / 2 + EXTRA, true);
  await using sleeper = await open(transfer, 2, SEGMENTS / 2, true);
  await pingUntil(reader, () => answersOf(reader) >= SEGMENTS / 2 + EXTRA);
  const dealtAt = reader.frames.findIndex(({ type }) => type === 'dealt');
  const taken = indexesOf(reader).filter((index) => index % 2 === 1);
  expect(taken.length).toBeGreaterThanOrEqual(EXTRA);
  expect(await metricOf(origin, 'heddle_origin_steered_transfers')).toBe(1);
  expect(await metricOf(origin, 'heddle_origin_steer_deals_total')).toBeGreaterThan(0);
  expect(await metricOf(origin, 'heddle_origin_steer_moved_segments_total')).toBeGreaterThanOrEqual(EXTRA);
  for (const [at, frame] of reader.frames.entries()) {
    if (frame.type !== 'segment') continue;
    expect(frame).toMatchObject({ by: 'pattern', epoch: 1 });
    if (frame.index % 2 === 1) expect(at, 'only after DEALT said so').toBeGreaterThan(dealtAt);
  }
  sleeper.socket.resume();
  // what was dealt to either used credit that its own segments need
  for (const channel of [reader, sleeper]) channel.send({ type: 'credit', total: 2 * SEGMENTS });
  const came = (): number[] => [...indexesOf(reader), ...indexesOf(sleeper)];
  await pingUntil(reader, () => came().length >= SEGMENTS);
  expect(came().toSorted((a, b) => a - b)).toEqual(Array.from({ length: SEGMENTS }, (_, index) => index));
  const dropped = sleeper.frames.filter((frame) => frame.type === 'dropped');
  expect(dropped.length).toBeGreaterThanOrEqual(EXTRA);
  const byReader = new Set(indexesOf(reader));
  for (const { index, by, reason } of dropped) {
    expect({ by, reason, isThere: byReader.has(index) }).toEqual({
      by: 'pattern',
      reason: 'already-sent',
      isThere: true,
    });
  }
  expect(sleeper.frames.some(({ type }) => type === 'dealt')).toBe(true);
});

test('the next epoch takes the wheel back', async () => {
  const transfer = randomBytes(16).toString('hex');
  await using reader = await open(transfer, 1, SEGMENTS, true);
  await using sleeper = await open(transfer, 2, SEGMENTS / 2, true);
  await reader.collect('segment', SEGMENTS / 2);
  await pingUntil(reader, () => reader.frames.some(({ type }) => type === 'dealt'));
  const nothing = patternOf(2, { from: 0, cycle: [2] });
  reader.send(nothing);
  await pingUntil(reader, () => reader.frames.some((frame) => frame.type === 'pong' && frame.epoch === 2));
  const before = indexesOf(reader).length;
  // the other is not at epoch 2: nothing can be dealt between them
  await pingUntil(reader, () => false, 50);
  expect(indexesOf(reader)).toHaveLength(before);
  expect(sleeper.socket.isPaused()).toBe(true);
}, 60_000);

test('without STEER, and between transfers, everybody keeps to the pattern', async () => {
  await using reader = await open(randomBytes(16).toString('hex'), 1, SEGMENTS, false);
  await using sleeper = await open(randomBytes(16).toString('hex'), 2, SEGMENTS / 2, true);
  await reader.collect('segment', SEGMENTS / 2);
  await pingUntil(reader, () => false, 50);
  expect(indexesOf(reader).every((index) => index % 2 === 0)).toBe(true);
  expect(reader.frames.some(({ type }) => type === 'dealt')).toBe(false);
  expect(sleeper.head.status).toBe(101);
}, 60_000);
