// Segments of a body without frames lie one behind the other in slabs, and never over each other.
import { expect, test } from 'vitest';
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import { SegmentFill } from '../../../client/io/segment-fill.ts';

test('as many as fit share a slab; each stays as it is until it is released', () => {
  const pool = new BufferPool(250);
  const fill = new SegmentFill(pool, 100);
  const filled = [1, 2, 3, 4, 5].map((seed) => {
    fill.space(0, 60).fill(seed);
    fill.space(60, 100).fill(seed);
    return fill.whole(100);
  });
  expect(new Set(filled.map(({ slab }) => slab)).size).toBe(3);
  for (const [at, { slab, start, bytes }] of filled.entries()) {
    expect(slab.bytes.subarray(start, start + bytes).every((byte) => byte === at + 1)).toBe(true);
  }
});

test('a slab is free when all of its segments are', () => {
  const pool = new BufferPool(250);
  const fill = new SegmentFill(pool, 100);
  const [first, second] = [0, 1].map(() => {
    fill.space(0, 100);
    return fill.whole(100);
  });
  first?.slab.release();
  expect(pool.take()).not.toBe(first?.slab);
  second?.slab.release();
  expect(pool.take()).toBe(first?.slab);
});
