// A path that became longer against a queue: whether PONGs stay late although less is outstanding.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LongerPath } from '../../../client/core/longer-path.ts';

/** The first verdict over PONGs every 50 ms, of which the delay follows from what is outstanding. */
function verdict(outBytes: readonly number[], delayOf: (outBytes: number) => number): number | undefined {
  const longer = new LongerPath();
  for (const [turn, out] of outBytes.entries()) {
    const rttMs = longer.late({ at: 50 * turn, delayMs: delayOf(out), outBytes: out });
    if (rttMs !== undefined) return rttMs;
  }
  return undefined;
}

/** Less and less is asked for, as a window does whose PONGs come late. */
const shrinking = Array.from({ length: 20 }, (_, turn) => Math.round(300_000 * 0.9 ** turn));

test('the same delay however little is outstanding: the path is longer, by what was measured', () => {
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 600 }), (delayMs) => {
      expect(verdict(shrinking, () => delayMs)).toBe(delayMs);
    }),
  );
});

test('small differences do not matter, and the smallest delay counts', () => {
  let turn = 0;
  const delayOf = (): number => 150 + (turn++ % 3);
  expect(verdict(shrinking, delayOf)).toBe(150);
});

test('a delay that falls with what is outstanding is a queue', () => {
  const bytesPerMs = 500;
  expect(verdict(shrinking, (outBytes) => 20 + outBytes / bytesPerMs)).toBeUndefined();
});

test('nothing follows while the same is outstanding', () => {
  expect(
    verdict(
      Array.from({ length: 60 }, () => 200_000),
      () => 150,
    ),
  ).toBeUndefined();
});

test('one delay that is not like the others begins a new run', () => {
  const delays = [150, 150, 150, 150, 60, 150, 150, 150];
  let turn = 0;
  expect(verdict(shrinking.slice(0, delays.length), () => delays[turn++] ?? 150)).toBeUndefined();
});

test('what a standstill held back comes at once, each as late as it was asked early: nothing follows', () => {
  const longer = new LongerPath();
  for (const [turn, outBytes] of shrinking.entries()) {
    expect(longer.late({ at: 5_000, delayMs: 1_000 - 10 * turn, outBytes })).toBeUndefined();
  }
  for (const [turn, outBytes] of shrinking.entries()) {
    expect(longer.late({ at: 6_000 + 1_000 * turn, delayMs: 4_000, outBytes })).toBeUndefined();
  }
});
