// The read buffers: one holder at a time, as large as needed, a budget above which reads stay small.
import { describe, expect, test } from 'vitest';
import { LANDING_SIZES, LandingBuffers } from '../../relay/landing-buffers.ts';

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

  test('are no larger than what they are taken for needs', () => {
    const buffers = new LandingBuffers({ bufferBudgetBytes: 0, spareBufferBytes: 0 });
    expect([1, SMALL, SMALL + 1, LARGE, LARGEST].map((bytes) => buffers.take(bytes).length)).toEqual([
      SMALL,
      SMALL,
      65_536,
      LARGE,
      LARGEST,
    ]);
  });

  test('leave a narrow doorstep once the budget is used', () => {
    const buffers = new LandingBuffers({ bufferBudgetBytes: LARGE, spareBufferBytes: 0 });
    expect(buffers.doorstep.length).toBe(LARGE);
    const taken = buffers.take(1);
    expect(buffers.hasRoomFor(LARGE)).toBe(false);
    expect(buffers.doorstep.length).toBe(SMALL);
    buffers.give(taken);
    expect(buffers.doorstep.length).toBe(LARGE);
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
