// The floor guard: it leaves routes alone that bring more together, tries the best one when they do not, keeps it only
// while that helps, and never uses a route that cannot carry everything.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FloorGuard } from '../../../client/core/floor-guard.ts';

/** A guard on a virtual clock: what comes depends on which route is used. */
class Kit {
  readonly guard = new FloorGuard();
  now = 0;
  bytes = 0;
  aloneMs = 0;

  /** `together` bytes per ms with all routes, `rates[alone]` when one is used alone. */
  run(
    ms: number,
    rates: readonly number[],
    together: number,
    isHeldUp = false,
    usable = rates.map((_, at) => at),
  ): this {
    for (const end = this.now + ms; this.now < end; this.now += 10) {
      const { alone } = this.guard;
      this.bytes += 10 * (alone === undefined ? together : (rates[alone] ?? 0));
      if (alone !== undefined) this.aloneMs += 10;
      const routes = usable.map((route) => ({ route, rate: rates[route] ?? 0, isGrowing: false }));
      this.guard.tick({ usefulBytes: this.bytes, routes, isHeldUp }, this.now);
    }
    return this;
  }
}

const rates = fc.array(fc.double({ min: 1, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 6 });

/** Rates of which none is next to nothing. */
const alike = fc.array(fc.double({ min: 1_000, max: 10_000, noNaN: true }), { minLength: 2, maxLength: 6 });

test('routes that bring more together than the best are never set aside', () => {
  fc.assert(
    fc.property(alike, fc.double({ min: 1.05, max: 3, noNaN: true }), (list, factor) => {
      const kit = new Kit().run(60_000, list, factor * Math.max(...list));
      expect(kit.aloneMs).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('when they bring much less, the best is used alone nearly all the time', () => {
  const kit = new Kit().run(120_000, [3_000, 1_000, 200], 1_200);
  expect(kit.guard.alone === undefined || kit.guard.alone === 0).toBe(true);
  expect(kit.aloneMs).toBeGreaterThan(0.8 * 120_000);
  expect(kit.bytes / 120_000).toBeGreaterThan(2_500);
});

test('a route that is no better alone is tried shortly, and ever more seldom', () => {
  const guard = new FloorGuard();
  let [bytes, trials, before] = [0, 0, undefined as number | undefined];
  for (let now = 0; now < 300_000; now += 10) {
    bytes += 10 * 1_000;
    guard.tick(
      {
        usefulBytes: bytes,
        routes: [
          { route: 0, rate: 5_000, isGrowing: false },
          { route: 1, rate: 100, isGrowing: false },
        ],
        isHeldUp: false,
      },
      now,
    );
    if (guard.alone !== undefined && before === undefined) trials += 1;
    before = guard.alone;
  }
  expect(trials).toBeGreaterThan(0);
  expect(trials).toBeLessThan(6);
});

test('nothing follows from a sum that something else holds up', () => {
  expect(new Kit().run(60_000, [3_000, 1_000], 500, true).aloneMs).toBe(0);
});

test('one bad moment is not enough', () => {
  const kit = new Kit()
    .run(10_000, [3_000, 1_000], 4_000)
    .run(2_000, [3_000, 1_000], 500)
    .run(10_000, [3_000, 1_000], 4_000);
  expect(kit.aloneMs).toBe(0);
});

test('a single route is not guarded', () => {
  expect(new Kit().run(60_000, [3_000], 100).aloneMs).toBe(0);
});

test('whatever happens, alone is only a route that is in the newest sample', () => {
  const step = fc.record({
    rates,
    usable: fc.uniqueArray(fc.nat(5), { maxLength: 6 }),
    together: fc.double({ min: 0, max: 10_000, noNaN: true }),
    isHeldUp: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      const kit = new Kit();
      for (const { rates: list, usable, together, isHeldUp } of steps) {
        const there = usable.filter((route) => route < list.length);
        kit.run(3_000, list, together, isHeldUp, there);
        const { alone } = kit.guard;
        expect(alone === undefined || there.includes(alone)).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});
