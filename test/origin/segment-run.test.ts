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
const piece = (index: number) => ({ position: index * SEGMENT, length: Math.min(SEGMENT, SIZE - index * SEGMENT) });
const runOf = (index: number): SegmentRun => new SegmentRun(answer(index), piece(index), BLOCK);

/** The object in a cache, and how many reads there were. */
async function openObject(idleBlocks: number) {
  let reads = 0;
  const cache = new BlockCache({ blockBytes: BLOCK, cacheBytes: 8 * BLOCK, idleBytes: idleBlocks * BLOCK });
  const file = await cache.open('x', async () => ({
    stat: { size: SIZE, modified: 0, version: 'v' },
    read: async (buffers, position) => {
      reads += 1;
      let at = position;
      for (const buffer of buffers) at += BYTES.copy(buffer, 0, at, at + buffer.length);
    },
    close: async () => {},
  }));
  return { cache, file, reads: () => reads };
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
  ])('begun at 1 takes or refuses %s', (_, next, takes) => {
    expect(runOf(1).takes(next, piece(next.index))).toBe(takes);
  });

  it('is read once and sent as the frames of its segments', async () => {
    const { cache, file, reads } = await openObject(4);
    const run = runOf(4);
    for (const index of [5, 7]) expect(run.takes(answer(index), piece(index))).toBe(true);
    const { parts, release } = run.content(await run.borrow(file));
    const expected = [4, 5, 7].map((index) => {
      const payload = new Uint8Array(BYTES.subarray(index * SEGMENT, (index + 1) * SEGMENT));
      return encodeFrame({ type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'identity', payload });
    });
    expect(Buffer.concat(parts).equals(Buffer.concat(expected))).toBe(true);
    expect([run.bytes, run.segments, run.payloadBytes]).toEqual([Buffer.concat(parts).length, 3, 3 * SEGMENT]);
    expect(reads()).toBe(1);
    expect(cache.heldBytes).toBe(BLOCK);
    release?.();
    expect(cache.heldBytes).toBe(0);
  });

  it('copies no more than its segments where blocks are scarce', async () => {
    const { cache, file } = await openObject(0);
    for (let block = 0; block < 4; block += 1)
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
    run.takes(answer(11), piece(11));
    const { parts } = await run.borrow(file);
    expect(parts.map((part) => part.length)).toEqual([SEGMENT, SEGMENT]);
    expect(
      parts.every((part, at) =>
        BYTES.subarray(piece([8, 11][at]!).position)
          .subarray(0, SEGMENT)
          .equals(part),
      ),
    ).toBe(true);
    expect(cache.heldBytes).toBe(4 * BLOCK);
  });

  it('that could not be read answers every segment', () => {
    const run = runOf(0);
    run.takes(answer(3), piece(3));
    const dropped = [0, 3].map((index) =>
      encodeFrame({ type: 'dropped', index, epoch: 1, by: 'pattern', reason: 'read-failed' }),
    );
    expect(Buffer.concat(run.unread().parts).equals(Buffer.concat(dropped))).toBe(true);
  });
});
