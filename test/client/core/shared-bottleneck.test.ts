// Shared bottlenecks are learnt from routes that come and go: who takes from another what it brings shares a line with
// it; routes with lines of their own never do, thin ones tell nothing, and one observation is not enough.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SharedBottleneck } from '../../../client/core/shared-bottleneck.ts';

/** A watch on a virtual clock. */
class Kit {
  readonly watch = new SharedBottleneck();
  readonly brought: number[];
  now = 0;

  constructor(routes: number) {
    this.brought = Array.from({ length: routes }, () => 0);
  }

  /** Every route brings its rate, bytes per ms, for `ms`. */
  run(ms: number, rates: readonly number[]): this {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 10;
      for (const [route, rate] of rates.entries()) this.brought[route] = (this.brought[route] ?? 0) + 10 * rate;
      this.watch.tick(this.brought, this.now);
    }
    return this;
  }

  get pairs(): number[][] {
    return this.brought.map((_, route) => this.watch.sharedWith(route));
  }
}

describe('two routes over one line of 1,000', () => {
  const alone = [1_000, 0, 700];
  const both = [500, 500, 700];

  test('are known after the second came, and went, with the sum as it was', () => {
    const kit = new Kit(3).run(3_000, alone).run(3_000, both);
    expect(kit.pairs, 'one observation is an accident').toEqual([[], [], []]);
    kit.run(3_000, alone);
    expect(kit.pairs).toEqual([[1], [0], []]);
  });

  test('are forgotten when the sum changes after all', () => {
    const kit = new Kit(3).run(3_000, alone).run(3_000, both).run(3_000, alone);
    kit.run(3_000, [1_000, 800, 700]);
    expect(kit.pairs).toEqual([[], [], []]);
  });
});

test('routes with lines of their own share nothing, however they come and go', () => {
  const rate = fc.integer({ min: 50, max: 5_000 });
  fc.assert(
    fc.property(
      fc.array(rate, { minLength: 2, maxLength: 5 }),
      fc.array(fc.nat(31), { maxLength: 12 }),
      (rates, masks) => {
        const kit = new Kit(rates.length);
        for (const mask of masks)
          kit.run(
            3_000,
            rates.map((each, at) => ((mask >> at) % 2 === 0 ? each : 0)),
          );
        expect(kit.pairs.flat()).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
});

test('sharing is mutual, and nobody shares with itself', () => {
  const rates = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2_000 })), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(rates, { maxLength: 12 }), (steps) => {
      const kit = new Kit(3);
      for (const step of steps) kit.run(3_000, step);
      for (const [route, others] of kit.pairs.entries()) {
        expect(others).not.toContain(route);
        for (const other of others) expect(kit.watch.sharedWith(other)).toContain(route);
      }
    }),
    { numRuns: 60 },
  );
});

test('a thin route, and one that comes while all is in motion, tell nothing', () => {
  const thin = new Kit(2);
  for (let time = 0; time < 4; time += 1) thin.run(3_000, [1_000, 0]).run(3_000, [960, 40]);
  expect(thin.pairs).toEqual([[], []]);
  const ramp = new Kit(2);
  for (let time = 0; time < 4; time += 1) {
    for (let rate = 100; rate < 3_000; rate *= 1.3) ramp.run(250, [rate, 0]);
    for (let rate = 3_000; rate > 1_500; rate *= 0.9) ramp.run(250, [rate, rate / 4]);
  }
  expect(ramp.pairs).toEqual([[], []]);
});
