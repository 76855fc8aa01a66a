// The yardsticks against what can be computed by hand: capacities with ramps, losses and bottlenecks, deliveries and the
// pauses between them, shares after a change, and the lines in which figures are told.
import { describe, expect, test } from 'vitest';
import type { Effect, Input } from '../../../client/core/messages.ts';
import { cubicWindow } from '../network/window-equation.ts';
import { steadyRoute } from '../scenario/scenario.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { capacitySteps, carriedBetween, ratesAt, timeToCarry } from './capacity.ts';
import { changesOf, longestStandstill } from './change-figures.ts';
import { Deliveries } from './deliveries.ts';
import { atLeast, atMost, figureLine, isKept, quantile } from './figure-lines.ts';
import { idealOf } from './ideal.ts';
import { smoothnessOf, spreadBytes } from './smoothness.ts';

const SEGMENT = 32_768;
const payload = (mbit: number): number => (mbit * 125 * 1_448) / 1_500;

const one: Scenario = {
  name: 'one',
  bytes: 10_000_000,
  routes: [steadyRoute('only', 40, 100)],
  events: [],
  sinkRate: undefined,
  core: {},
};
const pair: Scenario = { ...one, routes: [steadyRoute('near', 30, 20), steadyRoute('far', 10, 100)] };

describe('capacity', () => {
  test('of one connection doubles every round trip until the line is full', () => {
    const first = (10 * 1_448) / 100;
    const steps = capacitySteps(one, 1).filter(({ rate }) => rate > 0);
    expect(steps.map(({ atMs }) => atMs)).toEqual([200, 300, 400, 500, 600, 700, 800]);
    for (const [index, { rate }] of steps.entries()) {
      expect(rate).toBeCloseTo(Math.min(first * 2 ** index, payload(40)), 6);
    }
  });

  test('is limited by loss to what so many connections carry', () => {
    const lossy = { ...one, routes: [{ ...steadyRoute('lossy', 1_000, 100), loss: 0.01 }] };
    const most = (connections: number): number =>
      Math.max(...capacitySteps(lossy, connections).map(({ rate }) => rate));
    expect(most(1)).toBeCloseTo((cubicWindow(0.01, 100) * 1_448) / 100, 6);
    expect(most(16)).toBeCloseTo(16 * most(1), 6);
    expect(most(1)).toBeLessThan(payload(1_000) / 50);
  });

  test('begins afresh after a death, goes on after silence, follows rates', () => {
    const events = [
      { atMs: 1_000, route: 0, change: { type: 'kill' } },
      { atMs: 2_000, route: 0, change: { type: 'restart' } },
      { atMs: 3_000, route: 0, change: { type: 'blackhole' } },
      { atMs: 4_000, route: 0, change: { type: 'recover' } },
      { atMs: 5_000, route: 0, change: { type: 'rate', rateMbit: 4 } },
    ] as const;
    const steps = capacitySteps({ ...one, events }, undefined);
    const rates = [500, 1_500, 2_100, 2_300, 3_500, 4_100, 5_100].map((ms) => ratesAt(ms, steps)[0] ?? 0);
    expect(rates).toEqual([payload(40), 0, 0, payload(40), 0, payload(40), payload(4)]);
    expect(carriedBetween(2_900, 3_100, steps)).toBeCloseTo(100 * payload(40), 6);
  });

  test('respects bottlenecks and shares them between clients', () => {
    const routes = pair.routes.map((route) => ({ ...route, over: ['relay'] }));
    const relay = { name: 'relay', rateMbit: 20, bufferMs: 100, perClient: false };
    const shared = { ...pair, routes, bottlenecks: [relay] };
    expect(timeToCarry(payload(20) * 1_000, capacitySteps(shared, undefined))).toBeCloseTo(1_040, 6);
    const crowd = { ...shared, clients: { count: 4, apartMs: 0 } };
    expect(timeToCarry(payload(5) * 1_000, capacitySteps(crowd, undefined))).toBeCloseTo(1_040, 6);
  });

  test('respects the cap of a source and what the client may ask for', () => {
    const capped = { ...one, routes: [{ ...steadyRoute('only', 40, 100), cappedRate: 1_000 }] };
    expect(timeToCarry(1e6, capacitySteps(capped, undefined))).toBeCloseTo(1_200, 6);
    const asked = { ...one, routes: [{ ...steadyRoute('only', 40, 100), terms: { maxBytesPerSecond: 5e5 } }] };
    expect(timeToCarry(1e6, capacitySteps(asked, undefined))).toBeCloseTo(2_200, 6);
  });
});

test('a route that has not everything is not the best single one', () => {
  const partial = { ...steadyRoute('near', 30, 20), holds: [[0, 0.9]] as const };
  const { bestSingle } = idealOf({ ...pair, routes: [partial, steadyRoute('far', 10, 100)] }, 1);
  expect(bestSingle).toBe(1);
});

/** Deliveries of segments at the given times, each come from `route` at that time. */
function delivered(routes: number, times: readonly (readonly [atMs: number, route: number])[]): Deliveries {
  const deliveries = new Deliveries(routes);
  for (let route = 0; route < routes; route += 1) {
    deliveries.effect({ type: 'dial', channel: route + 1, route }, 0);
  }
  for (const [index, [atMs, route]] of times.entries()) {
    const channel = route + 1;
    const inputs: Input[] = [
      { type: 'received', channel, bytes: SEGMENT },
      { type: 'segment', channel, index, epoch: 1, by: 'pattern' },
    ];
    const effects: Effect[] = [
      { type: 'verify', channel, index },
      { type: 'deliver', index },
    ];
    for (const input of inputs) deliveries.input(input, atMs);
    for (const effect of effects) deliveries.effect(effect, atMs);
  }
  return deliveries;
}

describe('smoothness', () => {
  test('of even deliveries is one segment, of bursts as many as come at once', () => {
    const even = Array.from({ length: 1_000 }, (_, at): [number, number] => [10 * at, 0]);
    expect(smoothnessOf(one, delivered(1, even), 10_000).gap).toBeCloseTo(1, 6);
    const bursts = even.map(([atMs]): [number, number] => [Math.floor(atMs / 200) * 200, 0]);
    const { gap, burstGap } = smoothnessOf(one, delivered(1, bursts), 10_000);
    expect(burstGap / 20).toBeCloseTo(1, 1);
    expect(gap / 20).toBeCloseTo(1, 1);
  });

  test('counts what waits for something before it', () => {
    const deliveries = new Deliveries(1);
    for (let index = 1; index <= 5; index += 1) {
      deliveries.input({ type: 'segment', channel: 1, index, epoch: 1, by: 'pattern' }, 5_000);
      deliveries.effect({ type: 'verify', channel: 1, index }, 5_000);
    }
    expect(smoothnessOf(one, deliveries, 10_000).reorderBytes).toBe(4 * SEGMENT);
  });

  test('a spread of latencies needs what the quicker routes bring meanwhile', () => {
    const [near, far] = [payload(30), payload(10)];
    const needed = near * (100 + SEGMENT / far - 20 - SEGMENT / near);
    expect(spreadBytes(pair, SEGMENT)).toBeCloseTo(needed, 3);
    expect(spreadBytes(one, SEGMENT)).toBe(SEGMENT);
  });
});

describe('a change', () => {
  const events = [{ atMs: 5_000, route: 0, change: { type: 'rate', rateMbit: 10 } }] as const;
  const routes = [steadyRoute('a', 30, 20), steadyRoute('b', 10, 20)];
  const changing: Scenario = { ...pair, routes, events };
  const perSegment = SEGMENT / payload(40);

  /** By both lines' rates until 5 s; then `late` ms more as before, and by half. */
  const played = (late: number): Deliveries => {
    const times: [number, number][] = [];
    for (let at = 0, index = 0; at < 12_000; index += 1) {
      const isOld = at < 5_000 + late;
      times.push([at, isOld ? (index % 4 < 3 ? 0 : 1) : index % 2]);
      at += at < 5_000 ? perSegment : 2 * perSegment;
    }
    return delivered(2, times);
  };

  test('is settled as soon as the shares fit the new lines', () => {
    const [quick] = changesOf(changing, played(0), 12_000);
    const [slow] = changesOf(changing, played(1_000), 12_000);
    expect(quick?.settledMs).toBeLessThanOrEqual(500);
    expect(slow?.settledMs).toBeGreaterThan(1_000);
    expect(slow?.settledMs).toBeLessThanOrEqual(1_500);
    expect(quick?.goodput).toBeCloseTo(1, 1);
  });

  test('may stand still for three round trips of what survives', () => {
    const still = delivered(2, [
      [4_000, 0],
      [5_100, 0],
      [6_400, 0],
    ]);
    expect(longestStandstill(changing, still)).toEqual({ fromMs: 5_100, ms: 1_300, allowedMs: 250 });
    const farther = { ...changing, routes: [steadyRoute('a', 30, 20), steadyRoute('b', 10, 200)] };
    expect(longestStandstill(farther, still).allowedMs).toBe(600);
  });
});

describe('lines of figures', () => {
  test('tell what is kept and what is missed', () => {
    expect(isKept({ name: 'x', value: 0.97, promised: atLeast(0.97) })).toBe(true);
    expect(isKept({ name: 'x', value: 2.01, promised: atMost(2) })).toBe(false);
    expect(isKept({ name: 'x', value: 1 })).toBeUndefined();
    expect(figureLine({ name: 'x', value: 2.01, unit: '%', promised: atMost(2), where: 'seed 7' })).toMatch(
      /^x +2.010 % +at most 2 +MISSED +seed 7$/,
    );
  });

  test('quantiles are values that occur', () => {
    const values = [5, 1, 4, 2, 3];
    expect([0, 0.5, 1].map((fraction) => quantile(values, fraction))).toEqual([1, 3, 5]);
  });
});
