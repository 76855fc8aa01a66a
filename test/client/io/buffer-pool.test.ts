// Buffers are used again, each with its own memory, and only those that fit.
import { expect, test } from 'vitest';
import { BufferPool } from '../../../client/io/buffer-pool.ts';

test('a buffer given back is the next one taken', () => {
  const pool = new BufferPool(100);
  const buffer = pool.take();
  expect(buffer).toHaveLength(100);
  pool.give(buffer);
  expect(pool.take()).toBe(buffer);
  expect(pool.take()).not.toBe(buffer);
});

test('each has an ArrayBuffer of its own, so that it can move to a thread', () => {
  const pool = new BufferPool(100);
  const [first, second] = [pool.take(), pool.take()];
  expect(first.buffer).not.toBe(second.buffer);
  expect(first.buffer.byteLength).toBe(100);
});

test('a buffer of another size, or one whose memory has moved away, is not kept', () => {
  const pool = new BufferPool(100);
  pool.give(new Uint8Array(50));
  expect(pool.take()).toHaveLength(100);
  const moved = pool.take();
  structuredClone(moved, { transfer: [moved.buffer] });
  pool.give(moved);
  expect(pool.take()).toHaveLength(100);
});

test('it keeps a bounded number', () => {
  const pool = new BufferPool(10);
  const given = Array.from({ length: 10_000 }, () => new Uint8Array(10));
  for (const buffer of given) pool.give(buffer);
  const known = new Set(given);
  let kept = 0;
  while (known.has(pool.take())) kept += 1;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(1_000);
});
