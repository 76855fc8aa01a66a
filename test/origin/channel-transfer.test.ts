// Whole objects over channels: every size around a segment, several channels and transfers at once, a file that changes.
import { appendFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunningOrigin } from '../../origin/main.ts';
import { sha256 } from '../../origin/sha256.ts';
import type { ProofPage } from '../../protocol/frames.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { hashSegment, nodeAt, sameHash, segmentCountOf, verifyPage } from '../../protocol/merkle.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { bytesOf, makeWorld } from './fixture.ts';

const KIB = 1_024;

/** Reads `count` segments of the channel into `into`; fails when one comes twice. */
async function fill(
  channel: RawChannel,
  count: number,
  segmentBytes: number,
  into: Buffer,
  seen: Set<number>,
): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    const { index, payload } = await channel.skipTo('segment');
    expect(seen.has(index)).toBe(false);
    seen.add(index);
    Buffer.from(payload).copy(into, index * segmentBytes);
  }
}

/** Gets an object over as many channels as the cycle names, and checks that they are disjoint and complete. */
async function transfer(
  origin: RunningOrigin,
  key: string,
  bytes: Buffer,
  segmentBytes: number,
  cycle: readonly number[],
): Promise<void> {
  const id = Buffer.from(bytesOf(16, `${key}${segmentBytes}${cycle.join()}`)).toString('hex');
  const total = segmentCountOf(bytes.length, segmentBytes);
  const into = Buffer.alloc(bytes.length);
  const seen = new Set<number>();
  await Promise.all(
    [...new Set(cycle)].map(async (number) => {
      const owed = Array.from({ length: total }, (_, index) => cycle[index % cycle.length]).filter(
        (owner) => owner === number,
      );
      await using channel = await openRawChannel({
        url: origin.url,
        key,
        transfer: id,
        number,
        segmentBytes,
        first: [patternOf(1, { cycle }), { type: 'credit', total: total + 1 }],
      });
      await fill(channel, owed.length, segmentBytes, into, seen);
      if (owed.length > 0) expect(await channel.skipTo('idle')).toMatchObject({ epoch: 1 });
      channel.send({ type: 'bye' });
      await channel.closed;
      expect(channel.frames.filter(({ type }) => type === 'segment').length).toBe(owed.length);
    }),
  );
  expect(seen.size).toBe(total);
  expect(into.equals(bytes)).toBe(true);
}

describe('an object', () => {
  const sizes = [
    0,
    1,
    LEAF_BYTES - 1,
    LEAF_BYTES,
    LEAF_BYTES + 1,
    2 * LEAF_BYTES,
    256 * KIB - 1,
    256 * KIB,
    256 * KIB + 1,
    1024 * KIB + 7,
  ];
  for (const size of sizes) {
    it(`of ${size} bytes comes whole in segments of any size`, async () => {
      const bytes = bytesOf(size);
      await using world = await makeWorld({ file: bytes });
      const origin = await world.start();
      for (const segmentBytes of [LEAF_BYTES, 256 * KIB, 1024 * KIB])
        await transfer(origin, 'file', bytes, segmentBytes, [1]);
    });
  }

  it('of no bytes has HELLO, no page and no segment', async () => {
    await using world = await makeWorld({ file: '' });
    const origin = await world.start();
    await using channel = await openRawChannel({
      url: origin.url,
      key: 'file',
      first: [patternOf(1), { type: 'credit', total: 9 }],
    });
    expect(await channel.expect('hello')).toMatchObject({ size: 0, held: [] });
    expect(await channel.expect('idle')).toMatchObject({ epoch: 1 });
  });

  it('comes disjointly over channels with complementary patterns, several transfers at once', async () => {
    const files = { a: bytesOf(2_000_000, 'a'), b: bytesOf(1_500_001, 'b'), 'c/d': bytesOf(700_000, 'c') };
    await using world = await makeWorld(files);
    const origin = await world.start({ blockBytes: 65_536, cacheBytes: 16_777_216 });
    await Promise.all([
      transfer(origin, 'a', files.a, LEAF_BYTES, [1, 2]),
      transfer(origin, 'a', files.a, 4 * LEAF_BYTES, [1, 1, 2, 3, 3]),
      transfer(origin, 'b', files.b, 2 * LEAF_BYTES, [7, 65_535, 7]),
      transfer(origin, 'c/d', files['c/d'], LEAF_BYTES, [3, 2, 1]),
      transfer(origin, 'c/d', files['c/d'], 32 * LEAF_BYTES, [1]),
    ]);
  });

  it('comes once, whatever the shares and however they change between rounds of credit', async () => {
    const segments = 40;
    const bytes = bytesOf(segments * LEAF_BYTES - 5);
    await using world = await makeWorld({ file: bytes });
    const origin = await world.start();
    const round = fc.record({
      cycle: fc.array(fc.constantFrom(0, 1, 2), { minLength: 1, maxLength: 7 }),
      credit: fc.integer({ min: 0, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 6 }), async (rounds) => {
        await using one = await openRawChannel({ url: origin.url, key: 'file', number: 1 });
        await using two = await openRawChannel({ url: origin.url, key: 'file', number: 2 });
        const into = Buffer.alloc(bytes.length);
        const seen = new Set<number>();
        const credit = new Map([
          [1, 0],
          [2, 0],
        ]);
        let epoch = 0;
        for (const { cycle, credit: more } of [...rounds, { cycle: [1, 2], credit: segments }]) {
          epoch += 1;
          for (const [number, channel] of [
            [1, one],
            [2, two],
          ] as const) {
            // All is answered when the next pattern is made, so what anybody sent stays with nobody.
            const lead = Array.from({ length: segments }, (_, index) =>
              seen.has(index) ? 0 : (cycle[index % cycle.length] ?? 0),
            );
            const owed = lead.filter((owner) => owner === number).length;
            const answered = Math.min(more, owed);
            credit.set(number, (credit.get(number) ?? 0) + answered);
            channel.send(patternOf(epoch, { lead, cycle: [0] }), { type: 'credit', total: credit.get(number) ?? 0 });
            await fill(channel, answered, LEAF_BYTES, into, seen);
          }
        }
        expect(seen.size).toBe(segments);
        expect(into.equals(bytes)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('is proven segment by segment with pages asked for', async () => {
    const bytes = bytesOf(150 * LEAF_BYTES + 1);
    await using world = await makeWorld({ file: bytes });
    const origin = await world.start();
    await using channel = await openRawChannel({
      url: origin.url,
      key: 'file',
      first: [patternOf(1), { type: 'credit', total: 151 }],
    });
    channel.send({ type: 'prove', level: 0, first: 64, count: 64 }, { type: 'prove', level: 0, first: 128, count: 23 });
    const hello = await channel.expect('hello');
    const pages: ProofPage[] = [];
    const segments: { index: number; payload: Uint8Array }[] = [];
    while (pages.length < 3 || segments.length < 151) {
      const frame = await channel.next();
      if (frame.type === 'proof') pages.push(frame.page);
      else if (frame.type === 'segment') segments.push(frame);
    }
    for (const page of pages) expect(verifyPage(page, hello, sha256)).toBe(true);
    for (const { index, payload } of segments) {
      const page = pages[Math.floor(index / 64)];
      expect(sameHash(hashSegment(payload, sha256), nodeAt(page?.nodes ?? new Uint8Array(0), index % 64))).toBe(true);
    }
  });
});

describe('a file that changes under a channel', () => {
  const SEGMENTS = 100;
  const old = bytesOf(SEGMENTS * LEAF_BYTES, 'old');

  it('ends the channel with ERROR object-changed; what came before is of the old version', async () => {
    await using world = await makeWorld({ file: old });
    const origin = await world.start();
    const file = join(world.dir, 'file');
    for (const change of [
      () => appendFile(file, 'x'),
      () => writeFile(file, bytesOf(old.length, 'new'), { flag: 'r+' }),
    ]) {
      await writeFile(file, old);
      await using channel = await openRawChannel({
        url: origin.url,
        key: 'file',
        first: [patternOf(1), { type: 'credit', total: 1 }],
      });
      await channel.skipTo('segment');
      await change();
      channel.send({ type: 'credit', total: SEGMENTS });
      expect(await channel.skipTo('error')).toMatchObject({ code: 'object-changed' });
      await channel.closed;
      for (const frame of channel.frames) {
        if (frame.type !== 'segment') continue;
        const start = frame.index * LEAF_BYTES;
        expect(Buffer.from(frame.payload).equals(old.subarray(start, start + LEAF_BYTES))).toBe(true);
      }
    }
  });

  it('does not touch channels to the file that had the name before', async () => {
    const next = bytesOf(old.length, 'next');
    await using world = await makeWorld({ file: old, 'next-file': next });
    const origin = await world.start();
    await using channel = await openRawChannel({
      url: origin.url,
      key: 'file',
      first: [patternOf(1), { type: 'credit', total: 1 }],
    });
    await channel.skipTo('segment');
    await rename(join(world.dir, 'next-file'), join(world.dir, 'file'));
    await transfer(origin, 'file', next, LEAF_BYTES, [1, 2]);
    channel.send({ type: 'credit', total: SEGMENTS });
    const rest = await channel.collect('segment', SEGMENTS - 1);
    expect(Buffer.concat(rest.map(({ payload }) => payload)).equals(old.subarray(LEAF_BYTES))).toBe(true);
  });
});
