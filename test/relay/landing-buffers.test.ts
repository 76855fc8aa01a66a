// The read buffers: one holder at a time, sizes that follow the traffic, a budget above which they stay small.
import { describe, expect, test } from 'vitest';
import { LANDING_SIZES, LandingBuffers, nextLandingSize } from '../../relay/landing-buffers.ts';

const [SMALL, , LARGE, LARGEST] = LANDING_SIZES;

describe('landing buffers', () => {
  test('are reused, the last one first, and never held twice', () => {
    const buffers = new LandingBuffers({ bufferBudgetBytes: 10_000_000, spareBufferBytes: 10_000_000 });
    const [first, second] = [buffers.take(LARGE), buffers.take(LARGE)];
    expect(first).not.toBe(second);
    buffers.give(first);
    buffers.give(second);
    expect(buffers.take(LARGE)).toBe(second);
    expect(buffers.take(LARGE)).toBe(first);
    expect(buffers.take(LARGE)).not.toBe(first);
    expect(buffers.takenBytes).toBe(3 * LARGE);
  });

  test('that are dropped do not come back', () => {
    const buffers = new LandingBuffers({ bufferBudgetBytes: 10_000_000, spareBufferBytes: 10_000_000 });
    const buffer = buffers.take(SMALL);
    buffers.drop(buffer);
    expect(buffers.takenBytes).toBe(0);
    expect(buffers.take(SMALL)).not.toBe(buffer);
  });

  test('are small once the budget is used', () => {
    const buffers = new LandingBuffers({ bufferBudgetBytes: LARGE + SMALL, spareBufferBytes: 0 });
    const large = buffers.take(LARGE);
    expect(buffers.take(LARGE).length).toBe(SMALL);
    buffers.give(large);
    expect(buffers.take(LARGE).length).toBe(LARGE);
  });

  test('beyond the spare are left to the garbage collector', () => {
    const buffers = new LandingBuffers({ bufferBudgetBytes: 10_000_000, spareBufferBytes: SMALL });
    const [first, second] = [buffers.take(SMALL), buffers.take(SMALL)];
    buffers.give(first);
    buffers.give(second);
    expect(buffers.take(SMALL)).toBe(first);
    expect(buffers.take(SMALL)).not.toBe(second);
  });
});

test('sizes grow when reads fill them, shrink when a quarter would do, and never pass the largest allowed', () => {
  expect(nextLandingSize(SMALL, SMALL, LARGEST)).toBe(LARGE);
  expect(nextLandingSize(LARGE, LARGE, LARGEST)).toBe(LARGEST);
  expect(nextLandingSize(LARGEST, LARGEST, LARGEST)).toBe(LARGEST);
  expect(nextLandingSize(SMALL, SMALL, SMALL)).toBe(SMALL);
  expect(nextLandingSize(LARGEST, LARGEST - 1, LARGEST)).toBe(LARGEST);
  expect(nextLandingSize(LARGEST, 1, LARGEST)).toBe(LARGE);
  expect(nextLandingSize(SMALL, 1, LARGEST)).toBe(SMALL);
});
