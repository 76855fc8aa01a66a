// Slabs are used again when their last user has released them, however many were needed at one time.
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

test('no memory is made but what is needed at one time', () => {
  const pool = new BufferPool(1_000_000);
  const taken = Array.from({ length: 100 }, () => pool.take());
  for (const slab of taken) slab.release();
  const again = Array.from({ length: 100 }, () => pool.take());
  expect(new Set(again)).toEqual(new Set(taken));
  expect(taken).not.toContain(pool.take());
});

test('a slab has room for several small segments, or one large one', () => {
  expect(segmentsPerSlab(32_768)).toBeGreaterThan(1);
  expect(segmentsPerSlab(1_048_576)).toBe(1);
});
