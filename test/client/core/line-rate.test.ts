// What trains of packets show of the line they came over, at ticks that are as late as those of a real process.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineRate } from '../../../client/core/line-rate.ts';

/** Trains of `flight` bytes, one per round trip, over a line of `rate`; ticks every 10 ms and up to `lateMs` later. */
function seen(rttMs: number, rate: number, flight: number, late: (tick: number) => number): number {
  const line = new LineRate();
  const came = (now: number): number => {
    const rounds = Math.floor(now / rttMs);
    return rounds * flight + Math.min(flight, (now - rounds * rttMs) * rate);
  };
  let before = 0;
  for (let tick = 1; tick * 10 < 5 * rttMs; tick += 1) {
    const now = tick * 10 + late(tick);
    line.tick(came(now) - before, rttMs, now);
    before = came(now);
  }
  return line.rate;
}

describe('the rate of a line', () => {
  test('is unknown at first, and on paths so short that a moment is several round trips', () => {
    const line = new LineRate();
    expect(line.rate).toBe(Number.POSITIVE_INFINITY);
    for (let now = 10; now < 500; now += 10) line.tick(10_000, 10, now);
    expect(line.rate).toBe(Number.POSITIVE_INFINITY);
  });

  test('is never more than the line carries, whatever the ticks do', () => {
    const paths = fc.record({
      rttMs: fc.integer({ min: 30, max: 600 }),
      rate: fc.integer({ min: 100, max: 20_000 }),
      part: fc.double({ min: 0.1, max: 1, noNaN: true }),
      late: fc.array(fc.nat(9), { minLength: 7, maxLength: 7 }),
    });
    fc.assert(
      fc.property(paths, ({ rttMs, rate, part, late }) => {
        const most = seen(rttMs, rate, part * rttMs * rate, (tick) => late[tick % late.length] ?? 0);
        expect(most).toBeLessThanOrEqual(1.001 * rate);
      }),
    );
  });

  test('shows in trains that fill half of a round trip, where the mean is half of it', () => {
    for (const rttMs of [80, 120, 400]) {
      const most = seen(rttMs, 1_000, 0.5 * rttMs * 1_000, () => 0);
      expect(most).toBeGreaterThan(850);
      expect(most).toBeLessThanOrEqual(1_000);
    }
  });

  test('is forgotten with the path', () => {
    const line = new LineRate();
    for (let now = 10; now < 500; now += 10) line.tick(10_000, 100, now);
    expect(line.rate).toBe(1_000);
    line.reset();
    expect(line.rate).toBe(Number.POSITIVE_INFINITY);
  });
});
