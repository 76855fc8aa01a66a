// Frames on loan: that every byte is right whatever the sizes of blocks, segments and object, whoever read the blocks first
// and whoever else holds frames of them; and that what is on loan never changes.
import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../origin/block-cache.ts';
import type { OpenObject } from '../../origin/block-cache.ts';
import type { Loan } from '../../origin/block-loan.ts';
import type { Framing } from '../../origin/block-memory.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { bytesOf } from './fixture.ts';

const SIZE = 21 * LEAF_BYTES + 77;
const BYTES = bytesOf(SIZE);

async function openObject(blockBytes: number, blocks = 64): Promise<{ cache: BlockCache; file: OpenObject }> {
  const cache = new BlockCache({ blockBytes, cacheBytes: blocks * blockBytes, idleBytes: 4 * blockBytes });
  const file = await cache.open('x', async () => ({
    stat: { size: SIZE, modified: 0, version: 'v' },
    read: async (buffers, position) => {
      let at = position;
      for (const buffer of buffers) at += BYTES.copy(buffer, 0, at, at + buffer.length);
    },
    close: async () => {},
  }));
  return { cache, file };
}

/** Neighbouring segments, as a piece. */
function pieceOf(first: number, count: number, segmentBytes: number) {
  const position = first * segmentBytes;
  return { position, length: Math.min(SIZE, position + count * segmentBytes) - position };
}

function framesOf(first: number, count: number, { segmentBytes, epoch, by }: Framing): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, at) => {
      const index = first + at;
      const payload = new Uint8Array(BYTES.subarray(index * segmentBytes, (index + 1) * segmentBytes));
      return encodeFrame({ type: 'segment', index, epoch, by, encoding: 'identity', payload });
    }),
  );
}

const joined = ({ parts }: Loan): Buffer => Buffer.concat(parts);

describe('frames', () => {
  const framing = { segmentBytes: LEAF_BYTES, epoch: 3, by: 'pattern' } as const;

  it('of neighbours in a block are one part, shared by all who send the same', async () => {
    const { file } = await openObject(4 * LEAF_BYTES);
    const one = await file.borrowFrames([pieceOf(4, 4, LEAF_BYTES)], framing);
    const two = await file.borrowFrames([pieceOf(5, 2, LEAF_BYTES)], framing);
    expect([one.parts.length, two.parts.length]).toEqual([1, 1]);
    expect(two.parts[0]?.buffer).toBe(one.parts[0]?.buffer);
    expect(joined(one).equals(framesOf(4, 4, framing))).toBe(true);
    expect(joined(two).equals(framesOf(5, 2, framing))).toBe(true);
  });

  it('on loan do not change when others are wanted; once given back their gaps serve again', async () => {
    const { file } = await openObject(4 * LEAF_BYTES);
    const later = { ...framing, epoch: 4 };
    const sent = { ...framing, by: 'send' } as const;
    const old = await file.borrowFrames([pieceOf(0, 4, LEAF_BYTES)], framing);
    const other = await file.borrowFrames([pieceOf(0, 4, LEAF_BYTES)], later);
    const asked = await file.borrowFrames([pieceOf(1, 1, LEAF_BYTES)], sent);
    expect(joined(old).equals(framesOf(0, 4, framing))).toBe(true);
    expect(joined(other).equals(framesOf(0, 4, later))).toBe(true);
    expect(joined(asked).equals(framesOf(1, 1, sent))).toBe(true);
    expect(other.parts.length).toBe(8);
    old.release();
    old.release();
    const again = await file.borrowFrames([pieceOf(0, 4, LEAF_BYTES)], later);
    expect(again.parts.length).toBe(1);
    expect(joined(again).equals(framesOf(0, 4, later))).toBe(true);
    expect(joined(other).equals(framesOf(0, 4, later))).toBe(true);
  });

  it('of a block that was read for somebody else have prefixes of their own', async () => {
    const { file } = await openObject(4 * LEAF_BYTES);
    const plain = await file.borrow(0, 4 * LEAF_BYTES);
    expect(plain.parts.length).toBe(1);
    const loan = await file.borrowFrames([pieceOf(0, 4, LEAF_BYTES)], framing);
    expect(joined(loan).equals(framesOf(0, 4, framing))).toBe(true);
    expect(joined(plain).equals(BYTES.subarray(0, 4 * LEAF_BYTES))).toBe(true);
  });

  it('of segments larger than blocks have one prefix each', async () => {
    const { file } = await openObject(2 * LEAF_BYTES);
    const large = { segmentBytes: 4 * LEAF_BYTES, epoch: 1, by: 'pattern' } as const;
    const loan = await file.borrowFrames([pieceOf(1, 2, 4 * LEAF_BYTES)], large);
    expect(loan.parts.length).toBe(4);
    expect(joined(loan).equals(framesOf(1, 2, large))).toBe(true);
  });

  it.each([2, 3, 4, 5, 8].flatMap((leaves) => [64, 4].map((blocks) => [leaves, blocks] as const)))(
    'are right with blocks of %i leaves, %i in all, whatever is wanted at the same time',
    async (leaves, blocks) => {
      const { cache, file } = await openObject(leaves * LEAF_BYTES, blocks);
      let state = leaves * 100 + blocks;
      const pick = (below: number): number => {
        state = (state * 48_271) % 2_147_483_647;
        return state % below;
      };
      const held: { loan: Loan; expected: Buffer }[] = [];
      for (let round = 0; round < 150; round += 1) {
        const segmentBytes = LEAF_BYTES * 2 ** pick(4);
        const framed = { segmentBytes, epoch: 1 + pick(2), by: pick(5) === 0 ? 'send' : 'pattern' } as const;
        const segments = Math.ceil(SIZE / segmentBytes);
        const first = pick(segments);
        const count = 1 + pick(Math.min(4, segments - first));
        const rest = first + count + 1;
        const more = rest < segments ? [rest] : [];
        const from = pick(SIZE);
        const wanted =
          pick(6) === 0
            ? { loan: file.borrow(from, 1 + pick(SIZE - from)), expected: undefined }
            : {
                loan: file.borrowFrames(
                  [pieceOf(first, count, segmentBytes), ...more.map((index) => pieceOf(index, 1, segmentBytes))],
                  framed,
                ),
                expected: Buffer.concat([
                  framesOf(first, count, framed),
                  ...more.map((index) => framesOf(index, 1, framed)),
                ]),
              };
        const loan = await wanted.loan;
        const expected = wanted.expected ?? BYTES.subarray(from, from + joined(loan).length);
        held.push({ loan, expected });
        expect(joined(loan).equals(expected)).toBe(true);
        if (held.length > pick(5)) {
          const [done] = held.splice(pick(held.length), 1);
          expect(done === undefined || joined(done.loan).equals(done.expected)).toBe(true);
          done?.loan.release();
        }
      }
      for (const { loan, expected } of held) {
        expect(joined(loan).equals(expected)).toBe(true);
        loan.release();
      }
      expect(cache.heldBytes).toBe(0);
    },
  );
});
