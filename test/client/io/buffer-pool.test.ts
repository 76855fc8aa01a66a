// Slabs are used again when their last user has released them, and only so many are kept.
import { expect, test } from 'vitest';
import { BufferPool, segmentsPerSlab } from '../../../client/io/buffer-pool.ts';

test('a slab is taken again when the last who held it has released it, not before', () => {
  const pool = new BufferPool(100);
  const slab = pool.take();
  expect(slab.bytes).toHaveLength(100);
  expect(slab.isAlone).toBe(true);
  slab.hold();
  slab.hold();
  expect(slab.isAlone).toBe(false);
  slab.release();
  slab.release();
  expect(pool.take()).not.toBe(slab);
  slab.release();
  expect(pool.take()).toBe(slab);
  expect(slab.isAlone).toBe(true);
});

test('nobody can release what he does not hold', () => {
  const slab = new BufferPool(100).take();
  slab.release();
  expect(() => slab.release()).toThrow('released');
});

test('each has memory of its own, which a thread can look at while it stays here', () => {
  const pool = new BufferPool(100);
  const [first, second] = [pool.take(), pool.take()];
  expect(first.bytes.buffer).not.toBe(second.bytes.buffer);
  expect(first.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test.each([
  [100, 1_000_000],
  [4, 50_000_000],
])('it keeps a bounded number of bytes: %i slabs of %i', (count, bytes) => {
  const pool = new BufferPool(bytes);
  const taken = Array.from({ length: count }, () => pool.take());
  for (const slab of taken) slab.release();
  const known = new Set(taken);
  let kept = 0;
  while (known.has(pool.take())) kept += 1;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(count);
  expect((kept - 1) * bytes).toBeLessThan(70_000_000);
});

test('a slab has room for several small segments, or one large one', () => {
  expect(segmentsPerSlab(32_768)).toBeGreaterThan(1);
  expect(segmentsPerSlab(1_048_576)).toBe(1);
});
