// Clients that mean harm: each meets a limit with a name, is told which, is counted, and takes nothing from an honest one.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningOrigin } from '../../origin/main.ts';
import type { ClientFrame } from '../../protocol/frames.ts';
import { LEAF_BYTES, LIMITS } from '../../protocol/limits.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { bytesOf, eventually, makeWorld, metricOf, WITH_ADMIN } from './fixture.ts';

const SEGMENTS = 64;
const FLOOD = 2_000;
const EVERYTHING = { first: 0, length: 0xffff_ffff };
const owned = new AsyncDisposableStack();
let origin: RunningOrigin;

beforeAll(async () => {
  const world = owned.use(await makeWorld({ file: bytesOf(SEGMENTS * LEAF_BYTES) }));
  const tuning = { channelIdleMs: 2_000, sweepMs: 50, headersMs: 1_000, maxConnections: 40 };
  origin = await world.start(tuning, WITH_ADMIN);
});
afterAll(() => owned.disposeAsync());

function repeated(count: number, make: (at: number) => ClientFrame): (channel: RawChannel) => void {
  return (channel) => {
    for (let at = 1; at <= count; at += 1) channel.send(make(at));
  };
}

const raw =
  (...bytes: readonly number[]): ((channel: RawChannel) => void) =>
  (channel) =>
    void channel.socket.write(Buffer.from(bytes));

/** What is done, the limit that it meets, and what is said. */
const HARM: readonly (readonly [string, string, (channel: RawChannel) => void, string])[] = [
  ['PINGs without end', 'MOST_FRAMES_PER_SECOND', repeated(FLOOD, (nonce) => ({ type: 'ping', nonce })), 'overloaded'],
  ['PATTERNs without end', 'MOST_FRAMES_PER_SECOND', repeated(FLOOD, (at) => patternOf(at + 1)), 'overloaded'],
  [
    'CANCELs of everything without end',
    'MOST_FRAMES_PER_SECOND',
    repeated(FLOOD, () => ({ type: 'cancel', ranges: [EVERYTHING] })),
    'overloaded',
  ],
  [
    'PROVEs without end',
    'maxQueuedProves',
    repeated(FLOOD, () => ({ type: 'prove', level: 0, first: 0, count: SEGMENTS })),
    'too-many-sends',
  ],
  [
    'STEER on and off',
    'MOST_FRAMES_PER_SECOND',
    repeated(FLOOD, (at) => ({ type: 'steer', on: at % 2 === 0 })),
    'overloaded',
  ],
  [
    'a SEND of everything',
    'maxQueuedSends',
    repeated(1, () => ({ type: 'send', again: true, ranges: [EVERYTHING] })),
    'too-many-sends',
  ],
  [
    'the same SEND in many ranges',
    'maxQueuedSends',
    repeated(1, () => ({
      type: 'send',
      again: true,
      ranges: Array.from({ length: LIMITS.maxRanges }, () => ({ first: 0, length: SEGMENTS })),
    })),
    'too-many-sends',
  ],
  ['a PATTERN of 16 MB', 'FRAME_TYPES.pattern.maxBytes', raw(0x01, 0xff, 0xff, 0xff), 'frame-too-large'],
  ['a CREDIT of 5 bytes', 'FRAME_TYPES.credit.maxBytes', raw(0x02, 0, 0, 5), 'frame-too-large'],
  ['an optional frame of 16 MB', 'maxUnknownFrameBytes', raw(0xff, 0xff, 0xff, 0xff), 'frame-too-large'],
  ['a frame that nobody knows', 'FRAME_TYPES', raw(0x7f, 0, 0, 0), 'unknown-frame'],
  ['a frame that only sources send', 'CLIENT_FRAME_TYPES', raw(0x26, 0, 0, 12), 'bad-frame'],
  ['an upgrade and then silence', 'channelIdleMs', () => undefined, 'timeout'],
  ['half a frame and then silence', 'channelIdleMs', raw(0x06, 0, 0, 4, 1), 'timeout'],
  ['a frame byte by byte, for ever', 'channelIdleMs', drip, 'timeout'],
];

/** One byte of an optional frame that is never complete, again and again. */
function drip(channel: RawChannel): void {
  channel.socket.write(Buffer.of(0xff, 0, 0x3f, 0xff));
  const timer = setInterval(() => channel.socket.write(Buffer.of(0)), 20);
  channel.socket.once('close', () => clearInterval(timer));
}

/** Somebody honest gets everything meanwhile, and leaves. */
async function serveHonest(): Promise<void> {
  const all: ClientFrame = { type: 'credit', total: SEGMENTS };
  const first = [patternOf(1, { cycle: [2] }), all];
  await using honest = await openRawChannel({ url: origin.url, key: 'file', number: 2, first });
  expect(await honest.collect('segment', SEGMENTS)).toHaveLength(SEGMENTS);
}

describe('a client that sends', () => {
  test.each(HARM)('%s meets %s', async (_what, _limit, act, code) => {
    const counted = `heddle_origin_refused_total{code="${code}"}`;
    const before = await metricOf(origin, counted);
    await using hostile = await openRawChannel({ url: origin.url, key: 'file', number: 1, first: [patternOf(1)] });
    act(hostile);
    await serveHonest();
    expect(await hostile.skipTo('error')).toMatchObject({ code });
    await hostile.closed;
    expect(await metricOf(origin, counted)).toBe(before + 1);
  });

  test('CREDIT without end is only counted', async () => {
    await using channel = await openRawChannel({ url: origin.url, key: 'file', number: 1, first: [patternOf(1)] });
    for (let total = 1; total <= 20_000; total += 1) channel.send({ type: 'credit', total });
    expect(await channel.collect('segment', SEGMENTS)).toHaveLength(SEGMENTS);
  });
});

/** What is written instead of a request, what is answered, and what counts it. */
const HEADS: readonly (readonly [string, string, (socket: Socket) => void, string, string])[] = [
  [
    'headers without end',
    'maxHeadBytes',
    (socket) => void socket.write(`GET / HTTP/1.1\r\nX: ${'y'.repeat(LIMITS.maxHeadBytes)}`),
    '431',
    'heddle_origin_limited_total{limit="head-bytes"}',
  ],
  [
    'half a head and then silence',
    'headersMs',
    (socket) => void socket.write('GET / HTTP/1.1\r\n'),
    '408',
    'heddle_origin_limited_total{limit="head-time"}',
  ],
  [
    'nonsense',
    'HTTP/1.1',
    (socket) => void socket.write('SSH-2.0-OpenSSH_9.6\r\n\r\n'),
    '400',
    'heddle_origin_refused_total{code="bad-request"}',
  ],
];

describe('a connection that sends', () => {
  test.each(HEADS)('%s meets %s', async (_what, _limit, act, status, counted) => {
    const before = await metricOf(origin, counted);
    const socket = connect({ host: '127.0.0.1', port: origin.port });
    let answer = '';
    socket.on('error', () => {}).on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
    act(socket);
    await once(socket, 'close');
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(await metricOf(origin, counted)).toBe(before + 1);
    await serveHonest();
  });

  test('nothing, with many others beyond maxConnections, is dropped at once', async () => {
    const counted = 'heddle_origin_limited_total{limit="connections"}';
    const crowd = Array.from({ length: 60 }, () => connect({ host: '127.0.0.1', port: origin.port }));
    // some are closed, others reset
    const dropped = crowd.map((socket) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.on('error', () => {}).once('close', () => resolve());
      socket.resume();
      return promise;
    });
    await Promise.race(dropped);
    await eventually(() => metricOf(origin, counted)).toBeGreaterThan(0);
    for (const socket of crowd) socket.destroy();
    await Promise.all(dropped);
    // there is room again as soon as the origin has heard of all of them
    const isServed = (): Promise<boolean> =>
      serveHonest().then(
        () => true,
        () => false,
      );
    await eventually(isServed).toBe(true);
  });
});
