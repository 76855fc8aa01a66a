// A rate cap: in no interval more than the cap and a tenth of a second of it, and no less where as much is wanted.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pace } from '../../../client/core/pace.ts';

const SEGMENT = 32_768;
const BURST_MS = 100;

const caps = fc.integer({ min: 10_000, max: 20_000_000 });
const pauses = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 10, maxLength: 60 });

/** Takes whenever there is room, at the ends of the pauses; when how much was taken. */
function taken(cap: number, steps: readonly number[]): { at: number; bytes: number }[] {
  const pace = new Pace(cap, SEGMENT, 0);
  const takes: { at: number; bytes: number }[] = [];
  let now = 0;
  for (const step of steps) {
    now += step;
    for (; pace.room(now) >= SEGMENT; takes.push({ at: now, bytes: SEGMENT })) pace.take(SEGMENT, now);
  }
  return takes;
}

test('no interval lets more through than the cap carries in it and 100 ms, or one segment', () => {
  fc.assert(
    fc.property(caps, pauses, (cap, steps) => {
      const takes = taken(cap, steps);
      const atOnce = Math.max(SEGMENT, (cap * BURST_MS) / 1_000);
      // what was taken beyond the cap since the moment when that was least
      let beyond = 0;
      let most = 0;
      let before = 0;
      for (const { at, bytes } of takes) {
        beyond = Math.max(0, beyond - (cap * (at - before)) / 1_000) + bytes;
        most = Math.max(most, beyond);
        before = at;
      }
      expect(most).toBeLessThanOrEqual(atOnce + 1e-6);
    }),
  );
});

test('who always wants more gets the cap', () => {
  for (const cap of [100_000, 1_000_000, 20_000_000]) {
    const takes = taken(
      cap,
      Array.from({ length: 1_000 }, () => 10),
    );
    const bytes = takes.reduce((sum, take) => sum + take.bytes, 0);
    expect(Math.abs(bytes - 10 * cap)).toBeLessThanOrEqual(Math.max(SEGMENT, cap / 10));
  }
});

test('a clock that stands still gives nothing', () => {
  const pace = new Pace(1_000, SEGMENT, 50);
  pace.take(SEGMENT, 50);
  expect(pace.room(50)).toBe(0);
  expect(pace.room(40)).toBe(0);
  expect(pace.room(50 + SEGMENT)).toBe(SEGMENT);
});
