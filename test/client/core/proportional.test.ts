// Shares sum exactly, follow the rates, are never more than one off, and are spread evenly inside a cycle.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocate, interleave } from '../../../client/core/proportional.ts';

const weight = fc.oneof(
  fc.double({ min: 0.5, max: 1e6, noNaN: true }),
  fc.integer({ min: 1, max: 20 }),
  fc.constant(1),
  fc.constant(0),
);
const weights = fc.array(weight, { minLength: 1, maxLength: 12 });
const total = fc.nat(2_000);

const sumOf = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0);

describe('allocate', () => {
  test('the parts sum to the total and each is within one of its exact share', () => {
    fc.assert(
      fc.property(total, weights, (whole, list) => {
        const parts = allocate(whole, list);
        const sum = sumOf(list);
        expect(sumOf(parts)).toBe(whole);
        for (const [at, part] of parts.entries()) {
          const exact = sum === 0 ? whole / list.length : (whole * (list[at] ?? 0)) / sum;
          expect(Number.isInteger(part)).toBe(true);
          expect(Math.abs(part - exact)).toBeLessThan(1 + 1e-6);
        }
      }),
    );
  });

  test('a faster one never gets less than a slower one', () => {
    fc.assert(
      fc.property(total, weights, (whole, list) => {
        const parts = allocate(whole, list);
        const bySpeed = list.map((speed, at) => ({ speed, part: parts[at] ?? 0 })).sort((a, b) => a.speed - b.speed);
        for (const [at, { speed, part }] of bySpeed.entries()) {
          const slower = bySpeed[at - 1];
          if (slower !== undefined && slower.speed < speed) expect(slower.part).toBeLessThanOrEqual(part);
          if (slower !== undefined && slower.speed === speed) expect(Math.abs(slower.part - part)).toBeLessThan(2);
        }
      }),
    );
  });

  test('who gets faster does not get less', () => {
    fc.assert(
      fc.property(total, weights, fc.nat(11), fc.double({ min: 0, max: 100, noNaN: true }), (whole, list, who, by) => {
        const at = who % list.length;
        const before = allocate(whole, list)[at] ?? 0;
        const after = allocate(whole, list.with(at, (list[at] ?? 0) + by))[at] ?? 0;
        if (sumOf(list) > 0) expect(after).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  test('the largest remainders get what is left', () => {
    expect(allocate(10, [26, 33, 41])).toEqual([3, 3, 4]);
    expect(allocate(10, [47, 16, 15.8, 12, 6.1, 3.1])).toEqual([5, 2, 1, 1, 1, 0]);
  });

  test('who delivers nothing gets nothing while others deliver', () => {
    expect(allocate(10, [0, 3, 0, 2])).toEqual([0, 6, 0, 4]);
    expect(allocate(4, [0, 0])).toEqual([2, 2]);
    expect(allocate(0, [1, 2])).toEqual([0, 0]);
  });
});

describe('interleave', () => {
  const counts = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 8 });

  test('gives each element exactly its count', () => {
    fc.assert(
      fc.property(counts, (list) => {
        const elements = list.map((_, at) => at + 1);
        const spread = interleave(elements, list);
        expect(spread).toHaveLength(sumOf(list));
        for (const [at, count] of list.entries()) {
          expect(spread.filter((element) => element === at + 1)).toHaveLength(count);
        }
      }),
    );
  });

  test('spreads two shares perfectly: no gap is more than one off', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (first, second) => {
        const spread = interleave([1, 2], [first, second]);
        const gaps = gapsOf(spread, 1);
        const exact = spread.length / first;
        for (const gap of gaps) expect(Math.abs(gap - exact)).toBeLessThan(2);
      }),
    );
  });

  test('is never ahead of or behind its share by more than the number of sharers, at any position', () => {
    fc.assert(
      fc.property(counts, (list) => {
        const whole = sumOf(list);
        const spread = interleave(
          list.map((_, at) => at + 1),
          list,
        );
        const seen = list.map(() => 0);
        for (const [position, element] of spread.entries()) {
          seen[element - 1] = (seen[element - 1] ?? 0) + 1;
          for (const [at, count] of list.entries()) {
            expect(Math.abs((seen[at] ?? 0) - (count * (position + 1)) / whole)).toBeLessThan(list.length);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('never lets the largest share wait while a small one is repeated', () => {
    expect([...interleave([7, 9], [4, 1])]).toEqual([7, 7, 9, 7, 7]);
    expect([...interleave([1, 2, 3], [2, 2, 2])]).toEqual([1, 2, 3, 1, 2, 3]);
    const three = interleave([1, 2, 3], [32, 16, 16]);
    expect(Math.max(...gapsOf(three, 1))).toBeLessThanOrEqual(3);
  });
});

/** Distances between neighbouring positions of `element`, round the cycle. */
function gapsOf(cycle: Uint16Array, element: number): number[] {
  const places = [...cycle].flatMap((value, at) => (value === element ? [at] : []));
  return places.map((place, at) => {
    const next = places[at + 1] ?? (places[0] ?? 0) + cycle.length;
    return next - place;
  });
}
