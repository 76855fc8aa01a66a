// What a scenario allows at best. Bare lines (fluid); what up to 16 TCP connections per route can carry, slow start and
// loss included (ideal); what greedy flows really carry in the same model; and one route alone, by the same rules.
import { Random } from '../random.ts';
import { mbitOf } from '../scenario/scenario.ts';
import type { RouteScenario, Scenario } from '../scenario/scenario.ts';
import { allowedRate, capacitySteps, MOST_CONNECTIONS, timeToCarry } from './capacity.ts';
import { GreedyRoute } from './greedy.ts';
import { clientShare } from './shared-capacity.ts';

/** ms that each bound allows. Infinite where it is never reached. */
export type Ideal = {
  /** The sum of the bare lines from their second round trip on. */
  readonly fluidMs: number;
  /** The smaller of what formulas and what the model say of up to 16 connections per route. */
  readonly idealMs: number;
  /** Greedy flows in the model: on every route 1 or 16, whichever has carried more. */
  readonly greedyMs: number;
  /** One greedy flow per route. */
  readonly plainMs: number;
  /** One route alone, with 1 or 16 greedy flows, and with 1. */
  readonly bestSingleMs: number;
  readonly bestPlainSingleMs: number;
  /** Place of the best single route; −1 when none carries the object. */
  readonly bestSingle: number;
};

/** Nothing takes longer than this, ms. */
const HORIZON_MS = 600_000;
const STEP_MS = 10;

type Greedy = { readonly plain: GreedyRoute; readonly many: GreedyRoute };

/** The bounds of `scenario`; the flows of the model lose what `seed` says. */
export function idealOf(scenario: Scenario, seed: number): Ideal {
  const { bytes } = scenario;
  const routes = greedyRoutes(scenario, seed);
  const fluidMs = fluidIdeal(scenario);
  const formulaMs = timeToCarry(bytes, capacitySteps(scenario, MOST_CONNECTIONS));
  // Flows of routes that share a bottleneck cannot be played apart: formulas must do.
  const isShared = scenario.routes.some(({ over }) => over.length > 0);
  const greedyMs = isShared ? formulaMs : timeTogether(bytes, fluidMs, routes, mostOf);
  const plainMs = isShared ? formulaMs : timeTogether(bytes, fluidMs, routes, ({ plain }, ms) => plain.carriedBy(ms));
  const single = bestSingle(scenario, routes);
  const bound = (ms: number): number => atLeastTheSink(scenario, ms);
  return {
    fluidMs: bound(fluidMs),
    idealMs: bound(Math.min(formulaMs, greedyMs)),
    greedyMs: bound(greedyMs),
    plainMs: bound(plainMs),
    bestSingleMs: bound(single.ms),
    bestPlainSingleMs: bound(single.plainMs),
    bestSingle: single.route,
  };
}

/** The bounds that need no flows to be played: every one of them is what the formulas say. */
export function formulaIdeal(scenario: Scenario): Ideal {
  const idealMs = atLeastTheSink(scenario, timeToCarry(scenario.bytes, capacitySteps(scenario, MOST_CONNECTIONS)));
  const alone = aloneOnBareLines(scenario)[0] ?? { route: -1, leastMs: Number.POSITIVE_INFINITY };
  const singleMs = atLeastTheSink(scenario, alone.leastMs);
  return {
    fluidMs: atLeastTheSink(scenario, fluidIdeal(scenario)),
    idealMs,
    greedyMs: idealMs,
    plainMs: idealMs,
    bestSingleMs: singleMs,
    bestPlainSingleMs: singleMs,
    bestSingle: alone.route,
  };
}

function atLeastTheSink({ bytes, sinkRate }: Scenario, ms: number): number {
  return Math.max(ms, sinkRate === undefined ? 0 : bytes / sinkRate);
}

/** Smallest time in which the bare lines, each from its second round trip on, carry the object. */
export function fluidIdeal(scenario: Scenario): number {
  return timeToCarry(scenario.bytes, capacitySteps(scenario, undefined));
}

/** Each alone behind its bottlenecks, of which it has what other clients leave it. */
function greedyRoutes(scenario: Scenario, seed: number): Greedy[] {
  const { routes, events, bottlenecks = [] } = scenario;
  const random = new Random(seed).fork('ideal');
  return routes.map((route, index) => {
    const own = events.filter((event) => event.route === index);
    const over = bottlenecks.filter(({ name }) => route.over.includes(name));
    const narrows = over.map((each) => ({ ...each, rateMbit: each.rateMbit * clientShare(scenario, each) }));
    const rateMbit = Math.min(route.rateMbit, mbitOf(allowedRate(route)));
    const flows = (connections: number): GreedyRoute =>
      new GreedyRoute({ ...route, rateMbit }, narrows, own, connections, random.fork(`${connections}`), HORIZON_MS);
    return { plain: flows(1), many: flows(MOST_CONNECTIONS) };
  });
}

function mostOf({ plain, many }: Greedy, ms: number): number {
  return Math.max(plain.carriedBy(ms), many.carriedBy(ms));
}

function timeTogether(
  bytes: number,
  fromMs: number,
  routes: readonly Greedy[],
  carriedBy: (route: Greedy, ms: number) => number,
): number {
  if (!Number.isFinite(fromMs)) return fromMs;
  for (let ms = Math.floor(fromMs / STEP_MS) * STEP_MS; ms < HORIZON_MS; ms += STEP_MS) {
    if (routes.reduce((sum, route) => sum + carriedBy(route, ms), 0) >= bytes) return ms;
  }
  return Number.POSITIVE_INFINITY;
}

/** Could bring the whole object by itself. */
function hasAll({ holds, corrupt, terms }: RouteScenario, bytes: number): boolean {
  const isWhole = holds.some(([from, to]) => from === 0 && to === 1);
  return isWhole && corrupt === 0 && (terms?.quotaBytes ?? bytes) >= bytes;
}

/** The routes that could bring everything, by what their bare lines need for it. */
function aloneOnBareLines(scenario: Scenario): { route: number; leastMs: number }[] {
  const unshared: Scenario = { ...scenario, bottlenecks: [] };
  const alone = scenario.routes.flatMap((each, route) => {
    if (!hasAll(each, scenario.bytes)) return [];
    const steps = capacitySteps(unshared, undefined).filter((step) => step.route === route);
    return { route, leastMs: timeToCarry(scenario.bytes, steps) };
  });
  return alone.sort((a, b) => a.leastMs - b.leastMs);
}

/** Those that cannot win are not played. */
function bestSingle(scenario: Scenario, routes: readonly Greedy[]): { ms: number; plainMs: number; route: number } {
  const best = { ms: Number.POSITIVE_INFINITY, plainMs: Number.POSITIVE_INFINITY, route: -1 };
  for (const { route, leastMs } of aloneOnBareLines(scenario)) {
    const greedy = routes[route];
    if (greedy === undefined || leastMs >= best.plainMs) break;
    const plainMs = greedy.plain.timeToCarry(scenario.bytes, best.plainMs);
    const manyMs = leastMs < best.ms ? greedy.many.timeToCarry(scenario.bytes, best.ms) : Number.POSITIVE_INFINITY;
    best.plainMs = Math.min(best.plainMs, plainMs);
    if (Math.min(plainMs, manyMs) >= best.ms) continue;
    best.ms = Math.min(plainMs, manyMs);
    best.route = route;
  }
  return best;
}
