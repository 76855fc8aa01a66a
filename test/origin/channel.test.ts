// What each frame does on a channel, over a real connection: the first frames, patterns, credit, SEND, CANCEL, PROVE,
// PING, BYE, and how broken grammar is answered.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningOrigin } from '../../origin/main.ts';
import { sha256 } from '../../origin/sha256.ts';
import type { ClientFrame, ErrorFrame } from '../../protocol/frames.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import { LEAF_BYTES, LIMITS } from '../../protocol/limits.ts';
import { hashSegment, levelOf, nodeAt, nodeCountOf, sameHash, verifyPage } from '../../protocol/merkle.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { bytesOf, makeWorld } from './fixture.ts';
import type { World } from './fixture.ts';

const SEGMENTS = 8;
const BYTES = bytesOf((SEGMENTS - 1) * LEAF_BYTES + 1_000);
const LONG = bytesOf(300 * LEAF_BYTES, 'long');

type Open = { channel: RawChannel; [Symbol.asyncDispose](): Promise<void> };

let world: World;
let origin: RunningOrigin;

beforeAll(async () => {
  world = await makeWorld({ file: BYTES, 'a/file': BYTES, long: LONG });
  origin = await world.start();
});

afterAll(() => world[Symbol.asyncDispose]());

/** A channel to an object of SEGMENTS segments, behind HELLO and the first page. */
async function open(first: readonly ClientFrame[], behind: readonly ClientFrame[] = []): Promise<Open> {
  const channel = await openRawChannel({ url: origin.url, key: 'file', first, behind });
  await channel.expect('hello');
  await channel.expect('proof');
  return { channel, [Symbol.asyncDispose]: () => channel[Symbol.asyncDispose]() };
}

const credit = (total: number): ClientFrame => ({ type: 'credit', total });
const send = (first: number, length = 1, again = false): ClientFrame => ({
  type: 'send',
  ranges: [{ first, length }],
  again,
});
const ping = (nonce: number): ClientFrame => ({ type: 'ping', nonce });

/**
 * Everything decided up to now, as words: `3p1` is segment 3 by pattern under epoch 1, `3s1` by SEND, `3d:reason` dropped.
 * A PONG says that what was sent has been read, and the page asked for then leaves behind all that was decided.
 */
async function answers(channel: RawChannel): Promise<string> {
  channel.send(ping(77));
  const words: string[] = [];
  for (;;) {
    const frame = await channel.next();
    if (frame.type === 'proof') return words.join(' ');
    if (frame.type === 'pong' && frame.nonce === 77) channel.send({ type: 'prove', level: 0, first: 0, count: 1 });
    else if (frame.type === 'segment') {
      const start = frame.index * LEAF_BYTES;
      expect(Buffer.from(frame.payload).equals(BYTES.subarray(start, start + LEAF_BYTES))).toBe(true);
      words.push(`${frame.index}${frame.by === 'pattern' ? 'p' : 's'}${frame.epoch}`);
    } else if (frame.type === 'dropped') words.push(`${frame.index}d:${frame.reason}`);
    else if (frame.type === 'idle') words.push(`idle${frame.epoch}@${frame.at}`);
    else words.push(frame.type);
  }
}

/** Reads `count` segments and what is between them. */
async function segments(channel: RawChannel, count: number): Promise<number[]> {
  return (await channel.collect('segment', count)).map(({ index }) => index);
}

describe('the beginning', () => {
  it('is 101, HELLO, a page that proves the first segments, and the segments, without a further word', async () => {
    const first = [patternOf(1), credit(3)];
    await using channel = await openRawChannel({ url: origin.url, key: 'a/file', first });
    expect(channel.head.status).toBe(101);
    expect(Object.fromEntries(channel.head.headers)).toEqual({ upgrade: 'heddle/1', connection: 'Upgrade' });
    const hello = await channel.expect('hello');
    expect(hello).toMatchObject({ size: BYTES.length, objectId: 'a/file', held: [{ first: 0, length: SEGMENTS }] });
    expect(hello.manifest).toBe(await (await fetch(`${origin.url}/v1/manifests/a/file`)).text());
    const { page } = await channel.expect('proof');
    expect(verifyPage(page, hello, sha256)).toBe(true);
    for (let index = 0; index < 3; index += 1) {
      const segment = await channel.expect('segment');
      expect(segment).toMatchObject({ index, epoch: 1, by: 'pattern', encoding: 'identity' });
      expect(sameHash(hashSegment(segment.payload, sha256), nodeAt(page.nodes, index))).toBe(true);
    }
  });

  it('proves the segments that the pattern begins with, at the level of their size', async () => {
    for (const [segmentBytes, from] of [
      [LEAF_BYTES, 130],
      [2 * LEAF_BYTES, 70],
      [32 * LEAF_BYTES, 9],
      [32 * LEAF_BYTES, 10_000],
    ] as const) {
      const first = [patternOf(1, { from }), credit(1)];
      await using channel = await openRawChannel({ url: origin.url, key: 'long', segmentBytes, first });
      const hello = await channel.expect('hello');
      const { page } = await channel.expect('proof');
      const level = levelOf(segmentBytes);
      const count = nodeCountOf(LONG.length, level);
      expect(page).toMatchObject({ level, first: Math.floor(Math.min(from, count - 1) / 64) * 64 });
      expect(verifyPage(page, hello, sha256)).toBe(true);
      if (from >= count) continue;
      const { index, payload } = await channel.expect('segment');
      expect(index).toBe(from);
      expect(Buffer.from(payload).equals(LONG.subarray(from * segmentBytes, (from + 1) * segmentBytes))).toBe(true);
    }
  });

  it('takes frames in the header first, then those behind the request head', async () => {
    await using opened = await open([patternOf(1), credit(1)], [credit(3)]);
    expect(await segments(opened.channel, 3)).toEqual([0, 1, 2]);
  });

  it('may be without any frame', async () => {
    await using opened = await open([]);
    expect(await answers(opened.channel)).toBe('');
    opened.channel.send(credit(1));
    expect(await answers(opened.channel)).toBe('');
    opened.channel.send(patternOf(1));
    expect(await segments(opened.channel, 1)).toEqual([0]);
  });
});

describe('PATTERN and CREDIT', () => {
  it('give what the pattern says and the credit allows, neither more nor less', async () => {
    await using opened = await open([patternOf(1, { lead: [2, 1, 1], cycle: [0, 1] }), credit(0)]);
    const { channel } = opened;
    expect(await answers(channel)).toBe('');
    channel.send(credit(2));
    expect(await segments(channel, 2)).toEqual([1, 2]);
    expect(await answers(channel)).toBe('');
    channel.send(credit(1));
    expect(await answers(channel)).toBe('');
    channel.send(credit(3));
    expect(await segments(channel, 1)).toEqual([4]);
    channel.send(credit(4));
    expect(await segments(channel, 1)).toEqual([6]);
    expect(await answers(channel)).toBe('');
    channel.send(credit(9));
    expect(await answers(channel)).toBe('idle1@7');
  });

  it('keep a pattern in force until a newer one comes, and ignore an older one', async () => {
    await using opened = await open([patternOf(5, { cycle: [1, 2] }), credit(2)]);
    const { channel } = opened;
    expect(await segments(channel, 2)).toEqual([0, 2]);
    channel.send(patternOf(4), patternOf(5), credit(3));
    expect(await segments(channel, 1)).toEqual([4]);
    channel.send(patternOf(6, { from: 1, cycle: [1] }), credit(100));
    // What it has sent already it does not send again.
    expect(await segments(channel, 4)).toEqual([1, 3, 5, 6]);
    expect(await segments(channel, 1)).toEqual([7]);
    expect(await answers(channel)).toMatch(/^idle6@/);
  });

  it('stop at `to` and at the end of the object', async () => {
    await using opened = await open([patternOf(1, { to: 2 }), credit(100)]);
    const { channel } = opened;
    expect(await segments(channel, 2)).toEqual([0, 1]);
    expect(await answers(channel)).toMatch(/^idle1@/);
    channel.send(patternOf(2, { from: 2, to: 1_000_000 }));
    expect(await segments(channel, 6)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(await answers(channel)).toMatch(/^idle2@/);
  });
});

describe('SEND and CANCEL', () => {
  it('go before the pattern, in the order asked, without credit', async () => {
    await using opened = await open([patternOf(1), send(6), send(2, 2), credit(2)]);
    const { channel } = opened;
    const all = await channel.collect('segment', 5);
    expect(all.map(({ index, by }) => `${index} ${by}`)).toEqual([
      '6 send',
      '2 send',
      '3 send',
      '0 pattern',
      '1 pattern',
    ]);
    channel.send(credit(4));
    // 2 and 3 went out already.
    expect(await segments(channel, 2)).toEqual([4, 5]);
  });

  it('work before any pattern', async () => {
    await using opened = await open([send(3)]);
    expect(await opened.channel.expect('segment')).toMatchObject({ index: 3, epoch: 0, by: 'send' });
  });

  it('drop what was sent unless it is asked for again, and what the object does not have', async () => {
    await using opened = await open([patternOf(1), credit(1)]);
    const { channel } = opened;
    await segments(channel, 1);
    channel.send(send(0), send(0, 1, true), send(SEGMENTS));
    const dropped = await channel.expect('dropped');
    expect(dropped).toMatchObject({ index: 0, by: 'send', reason: 'already-sent', epoch: 1 });
    expect(await channel.expect('segment')).toMatchObject({ index: 0, by: 'send' });
    expect(await channel.expect('dropped')).toMatchObject({ index: SEGMENTS, by: 'send', reason: 'not-held' });
  });

  it('answer what was cancelled in time with DROPPED', async () => {
    await using opened = await open([]);
    const { channel } = opened;
    channel.send(send(0, 4), { type: 'cancel', ranges: [{ first: 1, length: 2 }] });
    expect(await channel.expect('segment')).toMatchObject({ index: 0 });
    for (const index of [1, 2]) expect(await channel.expect('dropped')).toMatchObject({ index, reason: 'cancelled' });
    expect(await channel.expect('segment')).toMatchObject({ index: 3 });
  });
});

describe('PROVE', () => {
  it('is answered by its page, ahead of what is not decided', async () => {
    await using opened = await open([]);
    const { channel } = opened;
    const hello = channel.frames.find((frame) => frame.type === 'hello');
    channel.send({ type: 'prove', level: 1, first: 2, count: 2 }, patternOf(1), credit(1));
    const { page } = await channel.expect('proof');
    expect(page).toMatchObject({ level: 1, first: 2 });
    expect(verifyPage(page, { size: BYTES.length, root: hello?.root ?? new Uint8Array(0) }, sha256)).toBe(true);
    expect(await channel.expect('segment')).toMatchObject({ index: 0 });
  });

  it('of nodes that are not there ends the channel', async () => {
    await using opened = await open([]);
    opened.channel.send({ type: 'prove', level: 0, first: 64, count: 64 });
    expect(await opened.channel.expect('error')).toMatchObject({ code: 'range-not-satisfiable' });
    await opened.channel.closed;
  });
});

describe('PING', () => {
  it('is answered at once with the epoch and what waits', async () => {
    await using opened = await open([patternOf(3), credit(1)]);
    const { channel } = opened;
    await segments(channel, 1);
    channel.send(ping(0xffff_fffe));
    expect(await channel.expect('pong')).toEqual({ type: 'pong', nonce: 0xffff_fffe, epoch: 3, queued: 0 });
  });

  it('never confirms an epoch ahead of what was decided under an older one', async () => {
    await using channel = await openRawChannel({ url: origin.url, key: 'long', first: [patternOf(1), credit(20)] });
    // Written while the first segments are still being read.
    channel.send(patternOf(2), ping(1), credit(300), patternOf(3), ping(2));
    await channel.collect('segment', 300);
    let highest = 0;
    for (const frame of channel.frames) {
      if (!('epoch' in frame)) continue;
      expect(frame.epoch).toBeGreaterThanOrEqual(highest);
      highest = frame.epoch;
    }
    expect(highest).toBe(3);
  });
});

describe('the end', () => {
  it('comes after BYE, behind what was written', async () => {
    await using opened = await open([patternOf(1), credit(2)]);
    const { channel } = opened;
    await segments(channel, 2);
    channel.send({ type: 'bye' });
    await channel.closed;
    expect(channel.frames.at(-1)).toMatchObject({ type: 'segment', index: 1 });
  });

  it('comes when the client closes without BYE', async () => {
    await using opened = await open([patternOf(1), credit(1)]);
    await segments(opened.channel, 1);
    opened.channel.socket.end();
    await opened.channel.closed;
  });

  const faults: [string, Uint8Array, ErrorFrame['code']][] = [
    ['an unknown mandatory frame', Uint8Array.of(0x1f, 0, 0, 0), 'unknown-frame'],
    ['a frame of the other side', encodeFrame({ type: 'idle', epoch: 1, at: 0 }), 'bad-frame'],
    ['a frame beyond its size', Uint8Array.of(0x02, 0, 0, 5), 'frame-too-large'],
    ['a short body', Uint8Array.of(0x02, 0, 0, 1, 0), 'bad-frame'],
    ['a length of 16 MiB', Uint8Array.of(0x01, 0xff, 0xff, 0xff), 'frame-too-large'],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n'), 'unknown-frame'],
  ];
  for (const [what, bytes, code] of faults) {
    it(`comes with ERROR ${code} after ${what}`, async () => {
      await using opened = await open([]);
      opened.channel.socket.write(bytes);
      expect(await opened.channel.expect('error')).toMatchObject({ code });
      await opened.channel.closed;
    });
  }

  it('comes with ERROR after a pattern that goes back', async () => {
    await using opened = await open([patternOf(1, { from: 5 })]);
    opened.channel.send(patternOf(2, { from: 4 }));
    expect(await opened.channel.expect('error')).toMatchObject({ code: 'bad-frame' });
    await opened.channel.closed;
  });

  it('comes with ERROR after more SENDs than a source queues', async () => {
    await using opened = await open([]);
    opened.channel.send(send(0, LIMITS.maxQueuedSends), send(0, LIMITS.maxQueuedSends), send(0, LIMITS.maxQueuedSends));
    expect(await opened.channel.skipTo('error')).toMatchObject({ code: 'too-many-sends' });
    await opened.channel.closed;
  });

  it('does not come with unknown optional frames or STEER', async () => {
    await using opened = await open([]);
    opened.channel.socket.write(Uint8Array.of(0xf0, 0, 0, 3, 1, 2, 3));
    opened.channel.send({ type: 'steer', on: true });
    expect(await answers(opened.channel)).toBe('');
  });

  it('comes when nothing is heard for long', async () => {
    const hasty = await world.start({ channelIdleMs: 100 });
    await using channel = await openRawChannel({ url: hasty.url, key: 'file', first: [patternOf(1), credit(2)] });
    expect(await channel.skipTo('error')).toMatchObject({ code: 'timeout' });
    await channel.closed;
  });
});
