// What a source holds, against a plain set of numbers.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Holdings } from '../../../client/core/holdings.ts';
import { indexesOf } from '../../../protocol/ranges.ts';
import type { Range } from '../../../protocol/ranges.ts';

const MOST = 60;
const ranges = fc.array(fc.record({ first: fc.nat(MOST), length: fc.nat(12) }), { maxLength: 8 });

function model(given: readonly Range[], missed: readonly number[]): { holdings: Holdings; set: Set<number> } {
  const holdings = new Holdings(given);
  const set = new Set(indexesOf(given));
  for (const index of missed) {
    holdings.miss(index);
    set.delete(index);
  }
  return { holdings, set };
}

const models = fc
  .tuple(ranges, fc.array(fc.nat(MOST + 12), { maxLength: 12 }))
  .map(([given, missed]) => model(given, missed));

describe('holdings', () => {
  test('have what the ranges named, less what was missed', () => {
    fc.assert(
      fc.property(models, ({ holdings, set }) => {
        for (let index = 0; index < MOST + 20; index += 1) expect(holdings.has(index)).toBe(set.has(index));
      }),
    );
  });

  test('know runs, and what comes next', () => {
    fc.assert(
      fc.property(models, fc.nat(MOST), fc.nat(20), ({ holdings, set }, first, length) => {
        const run = Array.from({ length }, (_, at) => first + at);
        expect(holdings.hasAll(first, first + length)).toBe(run.every((index) => set.has(index)));
        const later = [...set].filter((index) => index >= first).sort((a, b) => a - b);
        expect(holdings.next(first)).toBe(later[0]);
      }),
    );
  });

  test('name themselves as ascending runs that do not touch', () => {
    fc.assert(
      fc.property(models, ({ holdings, set }) => {
        expect(new Set(indexesOf(holdings.ranges))).toEqual(set);
        for (const [at, range] of holdings.ranges.entries()) {
          const before = holdings.ranges[at - 1];
          if (before !== undefined) expect(range.first).toBeGreaterThan(before.first + before.length);
        }
      }),
    );
  });
});
