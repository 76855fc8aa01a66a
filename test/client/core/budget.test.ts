// How a budget is spent: what is needed first, then the cheapest speed.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { spendingOf } from '../../../client/core/budget.ts';

const LEFT = 1_000_000;
const free = { price: 0, rate: 100 };
const cheap = { price: 1, rate: 100 };
const dear = { price: 3, rate: 100 };
const ANY = Number.POSITIVE_INFINITY;

describe('spending beside a free route', () => {
  test('without slack nothing is spent', () => {
    expect(spendingOf([free, cheap, dear], LEFT, 0, 0)).toEqual([ANY, 0, 0]);
  });

  test('a little goes to the cheapest', () => {
    expect(spendingOf([free, cheap, dear], LEFT, 0, 1_000)).toEqual([ANY, 1_000, 0]);
  });

  test('what the cheapest cannot use is left to the next', () => {
    // both cheap ones at full speed move half of the bytes to the cheap one
    const [, first, second] = spendingOf([free, cheap, dear], LEFT, 0, 0.6 * LEFT);
    expect(first).toBe(ANY);
    expect(second).toBeCloseTo(0.1 * LEFT);
  });

  test('with enough all are used as they like', () => {
    expect(spendingOf([free, cheap, dear], LEFT, 0, 4 * LEFT)).toEqual([ANY, ANY, ANY]);
  });
});

test('the cheapest priced route is used as it likes where nothing is cheaper', () => {
  expect(spendingOf([cheap, dear], LEFT, LEFT, LEFT)).toEqual([ANY, 0]);
  expect(spendingOf([cheap, dear], LEFT, LEFT, 1.2 * LEFT)).toEqual([ANY, expect.closeTo(0.2 * LEFT)]);
});

test('never more than the slack is given away, and never to a dearer one before a cheaper', () => {
  const classes = fc
    .array(fc.record({ price: fc.nat(5), rate: fc.nat(200) }), { minLength: 1, maxLength: 5 })
    .map((all) => all.toSorted((a, b) => a.price - b.price));
  fc.assert(
    fc.property(classes, fc.nat(3 * LEFT), (all, budget) => {
      const spending = spendingOf(all, LEFT, 0, budget);
      const limited = spending.filter((each) => each !== ANY && each > 0);
      expect(limited.length).toBeLessThanOrEqual(1);
      for (const each of limited) expect(each).toBeLessThanOrEqual(budget);
      expect(spending.toSorted((a, b) => b - a)).toEqual(spending);
    }),
  );
});
