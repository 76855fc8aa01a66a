// Route sets drawn from a seed: two to eight routes, rates up to 1:100, round trips of 5–600 ms, loss up to 2 %. The
// object is so large that the bare lines together need ten seconds for it, unless said otherwise.
import { Random } from '../random.ts';
import { lineRate, steadyRoute } from './scenario.ts';
import type { RouteScenario, Scenario, ScenarioEvent } from './scenario.ts';

const LEAST_MBIT = 1;
const MOST_MBIT = 100;
const LEAST_RTT_MS = 5;
const MOST_RTT_MS = 600;
const MOST_LOSS = 0.02;
/** Seconds that the sum of the lines would need for the object. */
const SECONDS = 10;

/** What is drawn: steady routes, half of them lossy; the same without loss and jitter; or with faults. */
export const DRAWS = ['random', 'clean', 'trouble'] as const;

export type Draw = (typeof DRAWS)[number];

/** The scenario of a seed. */
export function drawScenario(draw: Draw, seed: number, output: 'any' | 'order'): Scenario {
  if (draw === 'trouble') return randomTrouble(seed, output);
  const scenario = randomScenario(seed, output);
  if (draw === 'random') return scenario;
  const routes = scenario.routes.map((route) => ({ ...route, loss: 0, jitterMs: 0 }));
  return { ...scenario, name: `clean ${seed}`, routes };
}

/** Steady routes; half of them clean. */
export function randomScenario(seed: number, output: 'any' | 'order', seconds: number = SECONDS): Scenario {
  const random = new Random(seed).fork('scenario');
  const routes = Array.from({ length: random.whole(2, 8) }, (_, at) => randomRoute(random, `r${at + 1}`));
  return {
    name: `random ${seed}`,
    bytes: sizeFor(routes, seconds),
    routes,
    events: [],
    sinkRate: undefined,
    core: { output },
  };
}

/** The same with two to six faults, so that at least one route stays sound. */
export function randomTrouble(seed: number, output: 'any' | 'order', seconds: number = SECONDS): Scenario {
  const calm = randomScenario(seed, output, seconds);
  const random = new Random(seed).fork('trouble');
  const sound = random.whole(0, calm.routes.length - 1);
  const events: ScenarioEvent[] = [];
  for (let left = random.whole(2, 6); left > 0; left -= 1) {
    const route = random.whole(0, calm.routes.length - 1);
    if (route !== sound) events.push(...randomFault(random, route, calm.routes[route] as RouteScenario));
  }
  events.sort((a, b) => a.atMs - b.atMs);
  return { ...calm, name: `trouble ${seed}`, events };
}

function randomRoute(random: Random, name: string): RouteScenario {
  const rateMbit = round(random.betweenFactors(LEAST_MBIT, MOST_MBIT), 1);
  const rttMs = round(random.betweenFactors(LEAST_RTT_MS, MOST_RTT_MS), 0);
  const isLossy = random.chance(0.5);
  return {
    ...steadyRoute(name, rateMbit, rttMs),
    loss: isLossy ? round(random.betweenFactors(0.0001, MOST_LOSS), 4) : 0,
    jitterMs: random.chance(0.3) ? round(random.between(0, Math.min(10, rttMs / 4)), 1) : 0,
  };
}

function sizeFor(routes: readonly RouteScenario[], seconds: number): number {
  const rate = routes.reduce((sum, route) => sum + lineRate(route.rateMbit), 0);
  return Math.round(rate * seconds * 1_000);
}

function randomFault(random: Random, route: number, { rateMbit }: RouteScenario): ScenarioEvent[] {
  const atMs = Math.round(random.between(200, 8_000));
  const laterMs = atMs + Math.round(random.between(200, 6_000));
  switch (random.pick(['slump', 'blackhole', 'kill', 'reset', 'hang', 'end'] as const)) {
    case 'slump':
      return [
        { atMs, route, change: { type: 'rate', rateMbit: round(rateMbit * random.betweenFactors(0.02, 0.8), 2) } },
        { atMs: laterMs, route, change: { type: 'rate', rateMbit } },
      ];
    case 'blackhole':
      return [
        { atMs, route, change: { type: 'blackhole' } },
        { atMs: laterMs, route, change: { type: 'recover' } },
      ];
    case 'kill':
      return [
        { atMs, route, change: { type: 'kill' } },
        { atMs: laterMs, route, change: { type: 'restart' } },
      ];
    case 'reset':
      return [{ atMs, route, change: { type: 'reset' } }];
    case 'hang':
      return [{ atMs, route, change: { type: 'hang' } }];
    case 'end':
      return [{ atMs, route, change: { type: random.chance(0.5) ? 'kill' : 'blackhole' } }];
    default:
      return [];
  }
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
