// Runs of segments: what may go into one, what their frames hold, and that a channel's bytes are the same with runs as
// without, whatever the pattern leaves out.
import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../origin/block-cache.ts';
import { SegmentRun } from '../../origin/segment-run.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import type { SegmentAnswer } from '../../protocol/segment-set.ts';
import { bytesOf } from './fixture.ts';

const SEGMENT = 32_768;
const BLOCK = 4 * SEGMENT;
const SIZE = 3 * BLOCK + 5;
const BYTES = bytesOf(SIZE);

const answer = (index: number, by: SegmentAnswer['by'] = 'pattern', epoch = 1): SegmentAnswer => {
  return { type: 'segment', index, epoch, by };
};
const piece = (index: number) => BYTES.subarray(index * SEGMENT, (index + 1) * SEGMENT);
const frames = (...indexes: number[]): Buffer =>
  Buffer.concat(
    indexes.map((index) => {
      const payload = new Uint8Array(piece(index));
      return encodeFrame({ type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'identity', payload });
    }),
  );

/** The object in a cache, and how many reads there were; reads at once with `isQuick`, once there was one. */
async function openObject(idleBlocks: number, isQuick = false) {
  let reads = 0;
  const cache = new BlockCache({ blockBytes: BLOCK, cacheBytes: 16 * BLOCK, idleBytes: idleBlocks * BLOCK });
  const fill = (buffers: readonly Uint8Array[], position: number): void => {
    reads += 1;
    let at = position;
    for (const buffer of buffers) at += BYTES.copy(buffer, 0, at, at + buffer.length);
  };
  const readNow = (buffers: readonly Uint8Array[], position: number): boolean => {
    fill(buffers, position);
    return true;
  };
  const file = await cache.open('x', async () => ({
    stat: { size: SIZE, modified: 0, version: 'v' },
    ...(isQuick ? { readNow } : {}),
    read: async (buffers, position) => fill(buffers, position),
    close: async () => {},
  }));
  if (isQuick) (await file.borrow(0, 1, SEGMENT)).release();
  const runOf = (index: number): SegmentRun => new SegmentRun(answer(index), { file, segmentBytes: SEGMENT });
  return { cache, file, runOf, reads: () => reads };
}

describe('a run', () => {
  it.each([
    ['the next segment of the block', answer(2), true],
    ['a later one of the block', answer(3), true],
    ['one of the next block', answer(4), false],
    ['an earlier one', answer(0), false],
    ['the same one again', answer(1), false],
    ['a SEND', answer(2, 'send'), false],
    ['another epoch', answer(2, 'pattern', 2), false],
  ])('begun at 1 takes or refuses %s', async (_, next, takes) => {
    const { runOf } = await openObject(4);
    expect(runOf(1).takes(next)).toBe(takes);
  });

  it('is read once and sent as the frames of its segments, neighbours as one', async () => {
    const { cache, runOf, reads } = await openObject(4);
    const run = runOf(4);
    for (const index of [5, 7]) expect(run.takes(answer(index))).toBe(true);
    const { parts, release } = await run.borrow();
    expect(Buffer.concat(parts).equals(frames(4, 5, 7))).toBe(true);
    expect(parts.length).toBe(2);
    expect([run.bytes, run.segments, run.payloadBytes]).toEqual([Buffer.concat(parts).length, 3, 3 * SEGMENT]);
    expect(reads()).toBe(1);
    expect(cache.heldBytes).toBe(BLOCK);
    release();
    expect(cache.heldBytes).toBe(0);
  });

  it('goes on in the next blocks where reads are done at once, to the end of the object', async () => {
    const { cache, runOf } = await openObject(4, true);
    const run = runOf(1);
    const taken = [2, 3, 4, 6, 9, 11, 12].filter((index) => run.takes(answer(index)));
    expect(taken).toEqual(taken.filter((index) => index * SEGMENT < 2 * BLOCK));
    expect(taken).toEqual([2, 3, 4, 6]);
    const { parts, release } = await run.borrow();
    expect(Buffer.concat(parts).equals(frames(1, 2, 3, 4, 6))).toBe(true);
    expect(parts.length).toBe(3);
    release();
    const last = runOf(11);
    expect(last.takes(answer(12))).toBe(true);
    const end = await last.borrow();
    expect(Buffer.concat(end.parts).equals(frames(11, 12))).toBe(true);
    expect(last.payloadBytes).toBe(SEGMENT + 5);
    end.release();
    expect(cache.heldBytes).toBe(0);
  });

  it('copies no more than its segments where blocks are scarce', async () => {
    const { cache, runOf } = await openObject(0);
    for (let block = 0; block < 8; block += 1)
      await (
        await cache.open(`other ${block}`, async () => {
          const other = {
            stat: { size: BLOCK, modified: 0, version: 'v' },
            read: async () => {},
            close: async () => {},
          };
          return other;
        })
      ).borrow(0, 1);
    const run = runOf(8);
    run.takes(answer(10));
    run.takes(answer(11));
    const { parts } = await run.borrow();
    expect(Buffer.concat(parts).equals(frames(8, 10, 11))).toBe(true);
    expect(cache.heldBytes).toBe(8 * BLOCK);
  });

  it('of one segment gives its bytes without a frame to who encodes them', async () => {
    const { runOf } = await openObject(4);
    const { parts } = await runOf(5).borrowPlain();
    expect(Buffer.concat(parts).equals(piece(5))).toBe(true);
  });

  it('that could not be read answers every segment', async () => {
    const { runOf } = await openObject(0);
    const run = runOf(0);
    run.takes(answer(1));
    run.takes(answer(3));
    const dropped = [0, 1, 3].map((index) =>
      encodeFrame({ type: 'dropped', index, epoch: 1, by: 'pattern', reason: 'read-failed' }),
    );
    expect(Buffer.concat(run.unread().parts).equals(Buffer.concat(dropped))).toBe(true);
  });
});
