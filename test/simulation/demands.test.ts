// Users who change their minds: random demands over random routes in virtual time. Whatever is said meanwhile, the object
// comes whole, and what must hold always does; what a pause or an excluded route excuses is left out.
import { expect, test, vi } from 'vitest';
import type { Demand } from '../../client/core/messages.ts';
import type { Invariant } from './measure/invariants.ts';
import { Random } from './random.ts';
import { steadyRoute } from './scenario/scenario.ts';
import type { Scenario } from './scenario/scenario.ts';
import { simulate } from './simulated.ts';

vi.setConfig({ testTimeout: 120_000 });

/** A pause asks nobody for anything, and an excluded route has nothing to do. */
const EXCUSED: readonly Invariant[] = [
  'the in-order point is asked for',
  'the in-order point moves',
  'no sound route is left idle',
  'most answers PATTERN',
];
const ROUTES = 4;
const DEMANDS = 12;
const BYTES = 24_000_000;
const LAST_MS = 4_000;

function demandOf(random: Random): Demand {
  const route = random.whole(0, ROUTES - 1);
  switch (random.whole(0, 4)) {
    case 0:
      return { type: 'pause', isPaused: random.chance(0.7) };
    case 1:
      return { type: 'prefer', route, preference: random.pick(['prefer', 'normal', 'exclude', 'exclude']) };
    case 2:
      return {
        type: 'cap',
        route: random.chance(0.5) ? 'all' : route,
        bytesPerSecond: random.whole(200_000, 4_000_000),
      };
    case 3:
      return { type: 'raise', ranges: [{ first: random.whole(0, 700), length: random.whole(1, 60) }] };
    default:
      return { type: 'cap', route: 'all', bytesPerSecond: undefined };
  }
}

/** What ends everything that holds the transfer up. */
function freedom(): Demand[] {
  const routes = Array.from({ length: ROUTES }, (_, route) => route);
  return [
    { type: 'pause', isPaused: false },
    { type: 'cap', route: 'all', bytesPerSecond: undefined },
    ...routes.flatMap((route): Demand[] => [
      { type: 'prefer', route, preference: 'normal' },
      { type: 'cap', route, bytesPerSecond: undefined },
    ]),
  ];
}

test.each(Array.from({ length: 8 }, (_, at) => 31 + at))('demands of seed %i', (seed) => {
  const random = new Random(seed);
  const routes = Array.from({ length: ROUTES }, (_, at) =>
    steadyRoute(`r${at}`, random.whole(4, 40), random.whole(10, 200)),
  );
  const demands = Array.from({ length: DEMANDS }, () => ({
    atMs: random.whole(0, LAST_MS),
    demand: demandOf(random),
  }));
  const freed = freedom().map((demand) => ({ atMs: LAST_MS + 1_000, demand }));
  for (const output of ['any', 'order'] as const) {
    const scenario: Scenario = {
      name: 'demands',
      bytes: BYTES,
      routes,
      events: [],
      demands: [...demands, ...freed],
      sinkRate: undefined,
      core: { output, activeRoutes: seed % 2 === 0 ? 8 : 2 },
    };
    const { run, faults } = simulate(scenario, seed);
    expect(run.outcome).toEqual({ type: 'done' });
    expect(faults.filter(({ invariant }) => !EXCUSED.includes(invariant))).toEqual([]);
  }
});

test.each(['any', 'order'] as const)('a cap of all routes together is kept and used, output %s', (output) => {
  const bytesPerSecond = 3_000_000;
  const routes = [steadyRoute('fat', 40, 20), steadyRoute('far', 25, 80), steadyRoute('thin', 10, 40)];
  const demands = [{ atMs: 0, demand: { type: 'cap', route: 'all', bytesPerSecond } }] as const;
  const scenario: Scenario = {
    ...{ name: 'cap', bytes: BYTES, routes, events: [], demands, sinkRate: undefined },
    core: { output },
  };
  const { run, faults } = simulate(scenario, 1);
  const rate = (1_000 * BYTES) / run.ms;
  expect(rate).toBeLessThan(1.02 * bytesPerSecond);
  expect(rate).toBeGreaterThan(0.95 * bytesPerSecond);
  const [fat = 0, ...others] = run.snapshot.routes.map(({ share }) => share);
  expect(fat).toBeGreaterThan(0.4);
  for (const share of others) expect(share).toBeGreaterThan(0.1);
  expect(faults.filter(({ invariant }) => invariant !== 'no sound route is left idle')).toEqual([]);
});
