// The throughput of a channel: what a steady stream measures, that waiting to be asked is not slowness, and how quickly
// a rise, a collapse and a small dip are believed.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateEstimator } from '../../../client/core/rate-estimator.ts';

const TICK_MS = 10;

/** An estimator on a virtual clock, fed tick by tick. */
class Meter {
  readonly rate = new RateEstimator();
  readonly rttMs: number;
  now = 0;

  constructor(rttMs = 50) {
    this.rttMs = rttMs;
    this.rate.becomesBusy(0);
    this.rate.tick(0, rttMs, false);
  }

  /** `bytesPerMs` arrive for `ms`. */
  stream(bytesPerMs: number, ms: number): this {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += TICK_MS;
      if (bytesPerMs > 0) this.rate.add(bytesPerMs * TICK_MS, this.now);
      this.rate.tick(this.now, this.rttMs, false);
    }
    return this;
  }
}

describe('rate estimator', () => {
  test('measures a steady stream, whatever its rate and round trip', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 100_000, noNaN: true }),
        fc.double({ min: 0.1, max: 600, noNaN: true }),
        (bytesPerMs, rttMs) => {
          const meter = new Meter(rttMs).stream(bytesPerMs, 3_000);
          expect(meter.rate.measured / bytesPerMs).toBeCloseTo(1, 1);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('the bytes of the last round trip are counted as in flight', () => {
    const meter = new Meter(100).stream(1_000, 2_000);
    expect(meter.rate.flight / (1_000 * 100)).toBeCloseTo(1, 0);
    const before = meter.rate.flight;
    meter.stream(0, 50);
    expect(meter.rate.flight, 'a peak is remembered for a while').toBeGreaterThan(before / 2);
  });

  test('a channel that nobody asks anything of does not look slow', () => {
    const meter = new Meter().stream(1_000, 1_000);
    const before = meter.rate.measured;
    meter.rate.becomesIdle();
    meter.stream(0, 5_000);
    expect(meter.rate.measured).toBe(before);
  });

  test('asked again after a pause, the way there and back does not look slow either', () => {
    const meter = new Meter(200).stream(1_000, 1_000);
    meter.rate.becomesIdle();
    meter.stream(0, 2_000);
    const before = meter.rate.measured;
    meter.rate.becomesBusy(meter.now + 200);
    meter.stream(0, 200);
    expect(meter.rate.measured).toBe(before);
    meter.stream(1_000, 1_000);
    expect(meter.rate.measured / 1_000).toBeCloseTo(1, 1);
  });

  test('a busy channel that sends nothing tends to nothing, and is never planned with less than a trickle', () => {
    const meter = new Meter().stream(1_000, 1_000).stream(0, 2_000);
    expect(meter.rate.measured).toBeLessThan(10);
    expect(meter.rate.rateOr(50)).toBeGreaterThan(0);
  });

  test('a collapse is believed within a few hundred ms, and so is a rise; a small dip is smoothed', () => {
    const collapsed = new Meter().stream(1_000, 1_000).stream(100, 300);
    expect(collapsed.rate.measured).toBeLessThan(300);
    const risen = new Meter().stream(100, 1_000).stream(1_000, 300);
    expect(risen.rate.measured).toBeGreaterThan(700);
    const dipped = new Meter().stream(1_000, 1_000).stream(900, 50);
    expect(dipped.rate.measured).toBeGreaterThan(900);
  });

  test('before anything came it plans with a first flight of TCP: the shorter the way, the more', () => {
    const rate = new RateEstimator();
    expect(rate.measured).toBe(0);
    expect(rate.rateOr(10)).toBeGreaterThan(rate.rateOr(100));
    expect(rate.rateOr(1e9)).toBeGreaterThan(0);
    expect(Number.isFinite(rate.rateOr(0))).toBe(true);
  });

  test('stays finite and never goes below zero, whatever comes when', () => {
    const step = fc.record({
      ms: fc.nat(500),
      bytes: fc.nat(1_000_000),
      change: fc.constantFrom('busy', 'idle', 'none', 'none'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.double({ min: 0.1, max: 600, noNaN: true }), (steps, rttMs) => {
        const rate = new RateEstimator();
        let now = 0;
        let fastest = 0;
        for (const { ms, bytes, change } of steps) {
          now += ms;
          if (change === 'busy') rate.becomesBusy(now + rttMs);
          if (change === 'idle') rate.becomesIdle();
          if (bytes > 0) rate.add(bytes, now);
          fastest += bytes;
          rate.tick(now, rttMs, ms % 2 === 0);
          expect(rate.measured).toBeGreaterThanOrEqual(0);
          expect(rate.measured).toBeLessThanOrEqual(fastest);
          expect(rate.flight).toBeGreaterThanOrEqual(0);
          expect(rate.rateOr(rttMs)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('doubling', () => {
  const doublingAfter = (rounds: readonly number[]): boolean => {
    const meter = new Meter(100);
    for (const rate of rounds) meter.stream(rate, 100);
    return meter.rate.doubling;
  };

  test('is taken for granted until two rounds were seen', () => {
    expect(new Meter().rate.doubling).toBe(true);
    expect(doublingAfter([10])).toBe(true);
  });

  test('goes on while every round brings more, and ends with the first that does not', () => {
    expect(doublingAfter([10, 20, 40, 80, 160])).toBe(true);
    expect(doublingAfter([10, 20, 40, 44])).toBe(false);
    expect(doublingAfter([10, 10])).toBe(false);
    expect(doublingAfter([10, 10, 20])).toBe(true);
  });

  test('a round in which little was asked says nothing', () => {
    const meter = new Meter(100).stream(10, 100);
    meter.rate.becomesIdle();
    meter.stream(0, 100);
    expect(meter.rate.doubling).toBe(true);
  });
});

describe('what is remembered', () => {
  test('counts until something is measured, and never again', () => {
    const rate = new RateEstimator(5_000);
    expect(rate.rateOr(50)).toBe(5_000);
    expect(rate.remembered).toBe(5_000);
    rate.becomesBusy(0);
    rate.tick(0, 50, true);
    rate.add(100, 10);
    rate.tick(10, 50, true);
    expect(rate.rateOr(50)).toBeLessThan(100);
    expect(rate.remembered).toBeUndefined();
  });
});
