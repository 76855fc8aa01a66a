// The budget of patterns: what goes out is what the frames on the wire take, and what comes in allows more.
import { expect, test } from 'vitest';
import { PatternBudget } from '../../../client/core/pattern-budget.ts';
import { encodeFrame } from '../../../protocol/frame-writer.ts';
import { channelsOf } from '../../../protocol/pattern.ts';

const pattern = {
  epoch: 3,
  from: 10,
  to: 5_000,
  lead: Uint16Array.from([1, 2, 1, 3]),
  cycle: Uint16Array.from([1, 2, 3]),
};

test('is used up by the bytes of the frames, and grows with what is received', () => {
  const frameBytes = encodeFrame({ type: 'pattern', pattern }).length;
  const copies = 8;
  const budget = new PatternBudget({ patternFirstBytes: copies * frameBytes, patternFraction: 0.01 });
  for (let copy = 0; copy < copies; copy += 1) {
    expect(budget.allowsMore(0)).toBe(true);
    budget.spend(pattern, channelsOf(pattern).length);
  }
  expect(budget.allowsMore(0)).toBe(false);
  expect(budget.allowsMore(100_000)).toBe(true);
});
