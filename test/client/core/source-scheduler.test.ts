// Which routes are in use: all when they are few, the best-ranked when they are many; bad ones are replaced, those that
// stand by are tried when it costs nothing, and as many are active as may be, whatever happens.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Channel } from '../../../client/core/channel.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import { Route } from '../../../client/core/route.ts';
import type { RouteTerms } from '../../../client/core/route-terms.ts';
import { SourceScheduler } from '../../../client/core/source-scheduler.ts';
import type { TransferState } from '../../../client/core/state.ts';
import { coreState } from './core-state.ts';

const RTT_MS = 20;

/** Routes on a virtual clock: those in use have one open channel that carries `rates[route]` bytes per ms. */
class Kit {
  readonly state: TransferState;
  readonly scheduler: SourceScheduler;
  readonly rates: number[];
  readonly retired: number[] = [];
  now = 0;
  #number = 1;

  constructor(terms: readonly RouteTerms[], rates: readonly number[], options: Partial<CoreOptions> = {}) {
    const state = coreState({ segments: 1_000_000, options });
    this.state = { ...state, routes: terms.map((each, index) => new Route(index, state.options, each)) };
    this.rates = [...rates];
    this.scheduler = new SourceScheduler(
      this.state,
      (route) => {
        this.retired.push(route.index);
        this.#drop(route);
      },
      0,
    );
  }

  roles(role: Route['role']): number[] {
    return this.state.routes.filter((route) => route.role === role).map(({ index }) => index);
  }

  run(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 10;
      for (const route of this.state.routes) {
        if (route.role === 'standby' || route.excluded !== undefined) continue;
        const rate = this.rates[route.index] ?? 0;
        if (rate > 0) this.#carry(route, rate);
        else this.#drop(route);
      }
      this.scheduler.turn(this.now);
    }
  }

  #carry(route: Route, rate: number): void {
    let [channel] = this.state.channels.of(route.index);
    if (channel === undefined) {
      channel = new Channel(this.#number, route.index, this.state.options.segmentBytes, this.now);
      channel.apply('connected');
      channel.apply('hello');
      channel.helloSeen = true;
      route.roundTrip(RTT_MS);
      channel.rate.becomesBusy(this.now);
      this.state.channels.add(channel);
      this.#number += 1;
    }
    channel.rate.add(rate * 10, this.now);
    channel.rate.tick(this.now, RTT_MS, false);
  }

  #drop(route: Route): void {
    for (const channel of this.state.channels.of(route.index)) this.state.channels.remove(channel);
  }
}

const plain = (count: number): RouteTerms[] => Array.from({ length: count }, () => ({}));

test('few routes are all in use, whatever they are worth', () => {
  const kit = new Kit([{ rank: 0, costPerGigabyte: 9 }, {}, {}], [1, 5_000, 0]);
  kit.run(20_000);
  expect(kit.roles('active')).toEqual([0, 1, 2]);
  expect(kit.retired).toEqual([]);
});

describe('more routes than may be used', () => {
  test('the best-ranked begin', () => {
    const terms = [{ rank: 0.1 }, { rank: 0.9 }, { rank: 0.5 }, { rank: 1 }];
    const kit = new Kit(terms, [1, 1, 1, 1], { activeRoutes: 2 });
    expect(kit.roles('active')).toEqual([1, 3]);
    expect(kit.roles('standby')).toEqual([0, 2]);
  });

  test('what a route carried last time counts before anything is measured', () => {
    const terms = [{ rememberedBytesPerSecond: 1e5 }, { rememberedBytesPerSecond: 1e7 }];
    expect(new Kit(terms, [1, 1], { activeRoutes: 1 }).roles('active')).toEqual([1]);
  });

  test('the ones that carry most are found, and then it stays so', () => {
    const kit = new Kit(plain(6), [100, 200, 300, 3_000, 5_000, 4_000], { activeRoutes: 3 });
    kit.run(40_000);
    expect(kit.roles('active')).toEqual([3, 4, 5]);
    const before = kit.retired.length;
    kit.run(60_000);
    expect(kit.roles('active')).toEqual([3, 4, 5]);
    // only trials come and go
    expect(kit.retired.slice(before).every((route) => route < 3)).toBe(true);
    expect(kit.retired.length - before).toBeGreaterThan(5);
  });

  test('alike routes do not take turns', () => {
    const kit = new Kit(plain(6), [1_000, 1_050, 980, 1_020, 1_000, 990], { activeRoutes: 3 });
    kit.run(60_000);
    expect(kit.roles('active')).toEqual([0, 1, 2]);
  });

  test('a dead one gives its place to one that stands by, a refused one at once', () => {
    const kit = new Kit(plain(4), [0, 1_000, 1_000, 1_000], { activeRoutes: 2 });
    kit.run(kit.state.options.replaceDownMs + 20);
    expect(kit.roles('active')).toEqual([1, 2]);
    kit.state.routes[1]!.excluded = 'refused';
    kit.run(10);
    expect(kit.roles('active')).toEqual([2, 3]);
  });

  test('a dead one keeps its place while nobody can take it', () => {
    const kit = new Kit(plain(3), [1_000, 0, 0], { activeRoutes: 2 });
    kit.state.routes[2]!.excluded = 'refused';
    kit.run(30_000);
    expect(kit.roles('active')).toEqual([0, 1]);
  });

  test('a route that costs money is not tried for the sake of trying', () => {
    const kit = new Kit([{}, {}, { costPerGigabyte: 0.5 }], [1_000, 1_000, 9_000], { activeRoutes: 2 });
    for (let step = 0; step < 600; step += 1) {
      kit.run(100);
      expect(kit.roles('probing')).toEqual([]);
    }
  });

  test('nothing is tried near the end', () => {
    const kit = new Kit(plain(3), [1_000, 1_000, 1_000], { activeRoutes: 2 });
    kit.state.table.bound(100);
    for (let step = 0; step < 200; step += 1) {
      kit.run(100);
      expect(kit.roles('probing')).toEqual([]);
    }
  });
});

test('as many routes are active as may be, or all that are left; one trial at most', () => {
  const event = fc.record({
    route: fc.nat(9),
    change: fc.oneof(fc.constant('exclude' as const), fc.integer({ min: 0, max: 5_000 })),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 8 }),
      fc.array(event, { maxLength: 12 }),
      (count, activeRoutes, events) => {
        const kit = new Kit(
          plain(count),
          plain(count).map(() => 1_000),
          { activeRoutes },
        );
        for (const { route, change } of events) {
          const chosen = kit.state.routes[route % count]!;
          if (change === 'exclude') chosen.excluded = 'corrupt';
          else kit.rates[chosen.index] = change;
          for (let step = 0; step < 20; step += 1) {
            kit.run(70);
            const left = kit.state.routes.filter(({ excluded }) => excluded === undefined);
            const active = left.filter(({ role }) => role === 'active');
            const probing = left.filter(({ role }) => role === 'probing');
            expect(probing.length).toBeLessThanOrEqual(1);
            expect(active.length).toBeGreaterThanOrEqual(Math.min(activeRoutes, left.length - probing.length));
            if (count > activeRoutes) expect(active.length).toBeLessThanOrEqual(activeRoutes);
            else expect(active).toEqual(left);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});
