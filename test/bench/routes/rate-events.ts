// Events that a few numbers describe: rates that walk at random, and a rate that jumps to and fro. Pure.
import { randomSource } from './random-source.ts';
import type { RouteShape, ScenarioEvent } from './scenario.ts';

/** Every so often each route's rate is multiplied by up to 2^±octaves, within bounds relative to where it began. */
export type Walk = {
  readonly seed: number;
  readonly everySeconds: number;
  readonly untilSeconds: number;
  readonly octaves: number;
  readonly least: number;
  readonly most: number;
};

/** The rates take turns, the first of them from the first step on. */
export type Alternation = {
  readonly route: number;
  readonly everySeconds: number;
  readonly untilSeconds: number;
  readonly megabitsPerSecond: readonly number[];
};

/** The events of a walk. */
export function walk(options: Walk, routes: readonly RouteShape[]): ScenarioEvent[] {
  const { everySeconds, untilSeconds, octaves, least, most } = options;
  const random = randomSource(options.seed);
  const rates = routes.map(({ megabitsPerSecond }) => megabitsPerSecond);
  const events: ScenarioEvent[] = [];
  for (let step = 1; step * everySeconds <= untilSeconds; step += 1) {
    for (const [index, { megabitsPerSecond: base }] of routes.entries()) {
      const moved = (rates[index] ?? base) * 2 ** (octaves * (2 * random() - 1));
      const rate = Math.min(Math.max(moved, base * least), base * most);
      rates[index] = rate;
      const megabitsPerSecond = Number(rate.toFixed(2));
      events.push({ type: 'rate', atSeconds: step * everySeconds, route: index + 1, megabitsPerSecond });
    }
  }
  return events;
}

/** The events of an alternation. */
export function alternation(options: Alternation): ScenarioEvent[] {
  const { route, everySeconds, untilSeconds, megabitsPerSecond: rates } = options;
  const steps = Math.floor(untilSeconds / everySeconds);
  return Array.from({ length: steps }, (_, index) => ({
    type: 'rate' as const,
    atSeconds: (index + 1) * everySeconds,
    route,
    megabitsPerSecond: rates[index % rates.length] ?? 0,
  }));
}
