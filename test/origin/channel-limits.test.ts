// What a peer that does not read, floods or goes away can cost: bounded buffers, time limits, and nobody else's speed.
import { describe, expect, it } from 'vitest';
import { createOriginMetrics } from '../../origin/metrics.ts';
import type { RunningOrigin } from '../../origin/main.ts';
import type { OriginTuning } from '../../origin/options.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { bytesOf, eventually, makeWorld, metricOf, WITH_ADMIN } from './fixture.ts';
import type { World } from './fixture.ts';

const SEGMENTS = 1_000;
const BYTES = bytesOf(SEGMENTS * LEAF_BYTES);
const ALL = { type: 'credit', total: SEGMENTS } as const;
const HELD = 'heddle_origin_cache_held_bytes';
const CHANNELS = 'heddle_origin_channels';

type Open = {
  world: World;
  origin: RunningOrigin;
  opened: AsyncDisposableStack;
  [Symbol.asyncDispose](): Promise<void>;
};

async function open(tuning: Partial<OriginTuning> = {}): Promise<Open> {
  const opened = new AsyncDisposableStack();
  const world = opened.use(await makeWorld({ file: BYTES }));
  const origin = await world.start(tuning, WITH_ADMIN);
  return { world, origin, opened, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** A channel that is owed the whole object and does not read. */
async function stopped({ origin, opened }: Open, number = 1, from = 0): Promise<RawChannel> {
  const first = [patternOf(1, { from, cycle: [number] }), ALL];
  return opened.use(await openRawChannel({ url: origin.url, key: 'file', number, first, paused: true }));
}

/** Waits until the origin has stopped taking more for its stopped readers. */
async function settled(origin: RunningOrigin): Promise<number> {
  let sent = -1;
  await expect
    .poll(
      async () => {
        const before = sent;
        sent = await metricOf(origin, 'heddle_origin_bytes_total{kind="segments"}');
        return sent > 0 && sent === before;
      },
      { interval: 100, timeout: 20_000 },
    )
    .toBe(true);
  return sent;
}

describe('a reader that stops', () => {
  it('pins no more than the queue, and gets everything when it reads on', async () => {
    await using all = await open();
    const channel = await stopped(all);
    expect(await settled(all.origin)).toBeLessThan(BYTES.length);
    // the queue of a quick connection (1 MiB) and one segment, in blocks of 256 KiB, and one read ahead
    expect(await metricOf(all.origin, HELD)).toBeLessThanOrEqual(7 * 262_144);
    channel.socket.resume();
    const segments = await channel.collect('segment', SEGMENTS);
    expect(Buffer.concat(segments.map(({ payload }) => payload)).equals(BYTES)).toBe(true);
  });

  it('starves nobody, also when there are so many that blocks are scarce', async () => {
    await using all = await open({ cacheBytes: 16_777_216 });
    // Each stops at another place and pins a block of 256 KiB there at least; half of the pool are 32 blocks.
    for (let number = 1; number <= 48; number += 1) await stopped(all, number, 12 * number);
    await settled(all.origin);
    await using reader = await openRawChannel({
      url: all.origin.url,
      key: 'file',
      number: 99,
      first: [patternOf(1, { cycle: [99] }), ALL],
    });
    const segments = await reader.collect('segment', SEGMENTS);
    expect(Buffer.concat(segments.map(({ payload }) => payload)).equals(BYTES)).toBe(true);
    expect(await metricOf(all.origin, 'heddle_origin_cache_bytes')).toBeLessThanOrEqual(16_777_216);
    expect(await metricOf(all.origin, 'heddle_origin_reads_total{kind="private"}')).toBeGreaterThan(0);
  });

  it('is closed when the kernel takes nothing for long, and everything is given back', async () => {
    await using all = await open({ writeStallMs: 300 });
    const channel = await stopped(all);
    await eventually(() => metricOf(all.origin, 'heddle_origin_channels_total')).toBe(1);
    await eventually(() => metricOf(all.origin, CHANNELS)).toBe(0);
    await eventually(() => metricOf(all.origin, HELD)).toBe(0);
    channel.socket.resume();
    await channel.closed;
    expect(channel.frames.filter(({ type }) => type === 'segment').length).toBeLessThan(SEGMENTS);
  });

  it('is ended when it floods with PINGs, and pins nothing', async () => {
    await using all = await open({ controlBacklogBytes: 4_096 });
    const channel = await stopped(all);
    await settled(all.origin);
    for (let nonce = 0; nonce < 20_000; nonce += 1) channel.send({ type: 'ping', nonce });
    channel.socket.resume();
    expect(await channel.skipTo('error')).toMatchObject({ code: 'overloaded' });
    await channel.closed;
    await expect.poll(() => metricOf(all.origin, HELD)).toBe(0);
  });

  it.each([262_144, 1_048_576])('tells in PONG how much waits, %i bytes at most and one segment', async (most) => {
    await using all = await open({ quickQueueBytes: most });
    const channel = await stopped(all);
    await settled(all.origin);
    channel.send({ type: 'ping', nonce: 1 });
    channel.socket.resume();
    const { queued } = await channel.skipTo('pong');
    expect(queued).toBeGreaterThanOrEqual(262_144);
    expect(queued).toBeLessThan(most + 2 * LEAF_BYTES);
  });
});

describe('a client that goes away', () => {
  it('gives everything back, however it goes', async () => {
    await using all = await open();
    for (const leave of [
      (channel: RawChannel) => channel.socket.destroy(),
      (channel: RawChannel) => channel.socket.resetAndDestroy(),
      (channel: RawChannel) => channel.socket.end(),
    ]) {
      const channel = await stopped(all);
      await settled(all.origin);
      leave(channel);
      if (!channel.socket.destroyed) channel.socket.resume();
      await channel.closed;
      await eventually(() => metricOf(all.origin, CHANNELS)).toBe(0);
      await eventually(() => metricOf(all.origin, HELD)).toBe(0);
    }
  });

  it('does so before the answer, too', async () => {
    await using all = await open();
    const { socket } = await openRawChannel({ url: all.origin.url, key: 'file', paused: true });
    socket.resetAndDestroy();
    for (let at = 0; at < 20; at += 1) {
      const opening = openRawChannel({ url: all.origin.url, key: 'file', first: [patternOf(1), ALL] });
      void opening.then((channel) => channel.destroy());
      await opening;
    }
    await eventually(() => metricOf(all.origin, CHANNELS)).toBe(0);
    await eventually(() => metricOf(all.origin, HELD)).toBe(0);
  });
});

describe('the metrics', () => {
  it('count segments, bytes, drops and channels', async () => {
    await using all = await open();
    const send = {
      type: 'send',
      ranges: [
        { first: 0, length: 1 },
        { first: SEGMENTS, length: 2 },
      ],
      again: false,
    } as const;
    await using channel = await openRawChannel({
      url: all.origin.url,
      key: 'file',
      first: [patternOf(1), { type: 'credit', total: 3 }, send],
    });
    await channel.collect('dropped', 2);
    await channel.collect('segment', 3);
    expect(await metricOf(all.origin, 'heddle_origin_segments_total{by="pattern"}')).toBe(3);
    expect(await metricOf(all.origin, 'heddle_origin_segments_total{by="send"}')).toBe(1);
    expect(await metricOf(all.origin, 'heddle_origin_bytes_total{kind="segments"}')).toBe(4 * LEAF_BYTES);
    expect(await metricOf(all.origin, 'heddle_origin_dropped_total{reason="not-held"}')).toBe(2);
    expect(await metricOf(all.origin, CHANNELS)).toBe(1);
    expect(await metricOf(all.origin, 'heddle_origin_channels_total')).toBe(1);
    expect(
      await metricOf(all.origin, `heddle_build_info{version="0.1.0",role="origin",runtime="${process.version}"}`),
    ).toBe(1);
    expect(await metricOf(all.origin, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('of two origins in one process are two', () => {
    expect(createOriginMetrics('1', false).registry).not.toBe(createOriginMetrics('1', false).registry);
  });
});
