// The yardstick of the route bench, by cases that can be worked out on paper.
import { describe, expect, test } from 'vitest';
import {
  bestSingleRoute,
  capacityBetween,
  capacitySteps,
  idealSeconds,
  PAYLOAD_SHARE,
} from '../bench/routes/fluid-ideal.ts';
import type { RouteShape, Scenario, ScenarioEvent } from '../bench/routes/scenario.ts';

/** So many seconds of `megabitsPerSecond` of payload. */
const worth = (megabitsPerSecond: number, seconds: number): number =>
  Math.round(megabitsPerSecond * PAYLOAD_SHARE * 125_000 * seconds);

function scenarioOf(objectBytes: number, routes: RouteShape[], events: ScenarioEvent[] = []): Scenario {
  return { name: 'x', title: 'x', objectBytes, routes, events };
}

const fast: RouteShape = { megabitsPerSecond: 40, rttMs: 100 };
const slow: RouteShape = { megabitsPerSecond: 10, rttMs: 500 };

describe('ideal', () => {
  test('one route: two round trips, then full', () => {
    expect(idealSeconds(scenarioOf(worth(40, 5), [fast]), 'returns')).toBeCloseTo(5.2, 5);
  });

  test('routes add up, each from its own start', () => {
    // 40 from 0.2 s, 10 more from 1 s: 32 by 1 s, then 50 a second.
    const scenario = scenarioOf(worth(1, 32 + 100), [fast, slow]);
    expect(idealSeconds(scenario, 'returns')).toBeCloseTo(3, 4);
    expect(idealSeconds(scenario, 'returns', [0])).toBeCloseTo(0.2 + 132 / 40, 4);
    expect(idealSeconds(scenario, 'returns', [1])).toBeCloseTo(1 + 132 / 10, 4);
    expect(bestSingleRoute(scenario, 'cubic').route).toBe(0);
    expect(bestSingleRoute(scenario, 'cubic').seconds).toBeCloseTo(0.2 + 132 / 40, 4);
  });

  test('an object that ends before the second route begins', () => {
    expect(idealSeconds(scenarioOf(worth(40, 0.5), [fast, slow]), 'returns')).toBeCloseTo(0.7, 4);
  });

  test('loss takes its share, a black hole everything', () => {
    const lossy = { ...fast, lossPercent: 10 };
    expect(idealSeconds(scenarioOf(worth(36, 2), [lossy]), 'returns')).toBeCloseTo(2.2, 4);
    const hole: ScenarioEvent = { type: 'loss', atSeconds: 1.2, route: 1, lossPercent: 100 };
    const back: ScenarioEvent = { type: 'loss', atSeconds: 3, route: 1, lossPercent: 0 };
    expect(idealSeconds(scenarioOf(worth(40, 2), [fast], [hole]), 'returns')).toBe(Number.POSITIVE_INFINITY);
    expect(idealSeconds(scenarioOf(worth(40, 2), [fast], [hole, back]), 'returns')).toBeCloseTo(4, 4);
  });

  test('a rate that changes, also while the route still starts', () => {
    const early: ScenarioEvent = { type: 'rate', atSeconds: 0.1, route: 1, megabitsPerSecond: 20 };
    const late: ScenarioEvent = { type: 'rate', atSeconds: 1.2, route: 1, megabitsPerSecond: 80 };
    expect(idealSeconds(scenarioOf(worth(20, 1), [fast], [early]), 'returns')).toBeCloseTo(1.2, 4);
    expect(idealSeconds(scenarioOf(worth(20, 1) + worth(80, 1), [fast], [early, late]), 'returns')).toBeCloseTo(2.2, 4);
  });

  test('a killed relay: returns two round trips after its restart, is gone for one connection, or does not matter', () => {
    const events: ScenarioEvent[] = [
      { type: 'kill', atSeconds: 1.2, route: 1 },
      { type: 'restart', atSeconds: 2, route: 1 },
    ];
    const scenario = scenarioOf(worth(40, 2), [fast], events);
    expect(idealSeconds(scenario, 'returns')).toBeCloseTo(3.2, 4);
    expect(idealSeconds(scenario, 'gone')).toBe(Number.POSITIVE_INFINITY);
    expect(idealSeconds(scenario, 'ignored')).toBeCloseTo(2.2, 4);
    const beside = scenarioOf(worth(40, 2), [fast, slow], events);
    expect(bestSingleRoute(beside, 'cubic').route).toBe(1);
  });
});

test('random loss makes a fat route the worse one for a connection that takes it for congestion', () => {
  const lossy = { megabitsPerSecond: 100, rttMs: 150, lossPercent: 0.5 };
  const scenario = scenarioOf(worth(10, 20), [lossy, { megabitsPerSecond: 10, rttMs: 100 }]);
  expect(bestSingleRoute(scenario, 'bbr').route).toBe(0);
  expect(bestSingleRoute(scenario, 'cubic')).toEqual({ route: 1, seconds: expect.closeTo(20.2, 3) });
});

test('capacity between two times is the sum of the steps in it', () => {
  const change: ScenarioEvent = { type: 'rate', atSeconds: 2, route: 1, megabitsPerSecond: 20 };
  const scenario = scenarioOf(1, [fast, slow], [change]);
  expect(capacitySteps(scenario, 0, 'returns').map(({ atSeconds }) => atSeconds)).toEqual([0.2, 2]);
  expect(capacityBetween(scenario, 'returns', 0, 3)).toBeCloseTo((1.8 * 40 + 20 + 2 * 10) * PAYLOAD_SHARE, 6);
  expect(capacityBetween(scenario, 'returns', 2, 2)).toBe(0);
});
