// Scenarios: every file in the repository is right, mistakes are named, and what is random follows from its seed alone.
import { describe, expect, test } from 'vitest';
import { alternation, walk } from '../bench/routes/rate-events.ts';
import { idealSeconds } from '../bench/routes/fluid-ideal.ts';
import { loadScenario, parseScenario, scenarioNames } from '../bench/routes/scenario-file.ts';

const good = {
  name: 'x',
  title: 'a title',
  objectBytes: 1_000,
  routes: [{ megabitsPerSecond: 10, rttMs: 20 }],
};

describe('files', () => {
  test.each(scenarioNames())('%s can be finished and is named as its file', (name) => {
    const scenario = loadScenario(name);
    expect(scenario.name).toBe(name);
    expect(idealSeconds(scenario, 'returns')).toBeLessThan(60);
    const times = scenario.events.map(({ atSeconds }) => atSeconds);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test('a name that does not exist says which do', () => {
    expect(() => loadScenario('S99')).toThrow(/no scenario "S99"; there are S1, /);
  });

  test.each([
    ['no title', { title: undefined }],
    ['no routes', { routes: [] }],
    ['a size of nothing', { objectBytes: 0 }],
    ['no rate', { routes: [{ rttMs: 20 }] }],
    ['total loss from the beginning', { routes: [{ megabitsPerSecond: 10, rttMs: 20, lossPercent: 100 }] }],
    ['an event of no route', { events: [{ type: 'kill', atSeconds: 1, route: 2 }] }],
    ['an event of no time', { events: [{ type: 'kill', route: 1 }] }],
    ['an unknown event', { events: [{ type: 'flood', atSeconds: 1, route: 1 }] }],
    ['a rate of 0', { events: [{ type: 'rate', atSeconds: 1, route: 1, megabitsPerSecond: 0 }] }],
    ['a false mirror that is no route', { mirrors: { false: 2 } }],
    ['a loss above 100', { events: [{ type: 'loss', atSeconds: 1, route: 1, lossPercent: 101 }] }],
  ])('refuses %s', (_, change) => {
    expect(parseScenario(JSON.stringify(good)).events).toEqual([]);
    expect(() => parseScenario(JSON.stringify({ ...good, ...change }))).toThrow('scenario x: ');
  });
});

test('what a false mirror carries does not count', () => {
  const routes = [10, 30].map((megabitsPerSecond) => ({ megabitsPerSecond, rttMs: 20 }));
  const both = parseScenario(JSON.stringify({ ...good, objectBytes: 50_000_000, routes, mirrors: {} }));
  const one = idealSeconds({ ...both, routes: routes.slice(0, 1) }, 'returns');
  expect(idealSeconds({ ...both, mirrors: { false: 2 } }, 'returns')).toBe(one);
  expect(idealSeconds(both, 'returns')).toBeLessThan(one / 3);
});

test('an alternation takes its rates in turns', () => {
  const events = alternation({ route: 1, everySeconds: 2, untilSeconds: 7, megabitsPerSecond: [5, 9] });
  expect(events.map((event) => [event.atSeconds, 'megabitsPerSecond' in event && event.megabitsPerSecond])).toEqual([
    [2, 5],
    [4, 9],
    [6, 5],
  ]);
});

test('a walk stays in its bounds, moves every route at every step, and repeats itself', () => {
  const options = { seed: 3, everySeconds: 1, untilSeconds: 50, octaves: 1, least: 0.15, most: 1.5 };
  const routes = [
    { megabitsPerSecond: 40, rttMs: 1 },
    { megabitsPerSecond: 10, rttMs: 1 },
  ];
  const events = walk(options, routes);
  expect(events.length).toBe(100);
  expect(walk(options, routes)).toEqual(events);
  expect(walk({ ...options, seed: 4 }, routes)).not.toEqual(events);
  const rates = events.map((event) =>
    event.type === 'rate' ? event.megabitsPerSecond / (event.route === 1 ? 40 : 10) : 0,
  );
  expect(Math.min(...rates)).toBeGreaterThanOrEqual(0.149);
  expect(Math.max(...rates)).toBeLessThanOrEqual(1.501);
  expect(new Set(rates).size).toBeGreaterThan(20);
});

test('random sets differ by seed, stay in their bounds, and can be finished', () => {
  const sets = Array.from({ length: 200 }, (_, seed) => loadScenario(`random:${seed}`));
  expect(loadScenario('random:7')).toEqual(sets[7]);
  expect(new Set(sets.map(({ title }) => title)).size).toBe(200);
  for (const { routes } of sets) {
    expect(routes.length).toBeGreaterThanOrEqual(2);
    expect(routes.length).toBeLessThanOrEqual(8);
    expect(routes.reduce((sum, { megabitsPerSecond }) => sum + megabitsPerSecond, 0)).toBeLessThan(125);
    expect(routes.every(({ rttMs }) => rttMs >= 5 && rttMs <= 600)).toBe(true);
    expect(routes.every(({ lossPercent = 0 }) => lossPercent >= 0 && lossPercent <= 2)).toBe(true);
  }
  expect(Math.min(...sets.map((set) => idealSeconds(set, 'returns')))).toBeGreaterThan(10);
});
