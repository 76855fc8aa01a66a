// A set of routes from a seed: 2 to 8 of them, rates 1:100, RTT 5 to 600 ms, half of them with a loss of up to 2 %. Pure.
import { randomSource } from './random-source.ts';
import type { RouteShape, Scenario } from './scenario.ts';

const MOST_ROUTES = 8;
const MOST_LOSS_PERCENT = 2;
/** Together no more than an emulator on two cores carries on time. */
const MOST_MEGABITS_PER_SECOND = 120;
/** Long enough that the start does not decide. */
const SECONDS_WORTH = 12;

/** The scenario of a seed. */
export function randomScenario(seed: number): Scenario {
  const random = randomSource(seed);
  const between = (least: number, most: number): number => least * (most / least) ** random();
  const drawn = Array.from({ length: 2 + Math.floor(random() * (MOST_ROUTES - 1)) }, () => ({
    megabitsPerSecond: between(1, 100),
    rttMs: Math.round(between(5, 600)),
    lossPercent: Number((random() < 0.5 ? 0 : random() * MOST_LOSS_PERCENT).toFixed(2)),
  }));
  const sum = drawn.reduce((total, { megabitsPerSecond }) => total + megabitsPerSecond, 0);
  const scale = Math.min(1, MOST_MEGABITS_PER_SECOND / sum);
  const routes: RouteShape[] = drawn.map((route) => ({
    ...route,
    megabitsPerSecond: Number(Math.max(0.5, route.megabitsPerSecond * scale).toFixed(2)),
  }));
  const objectBytes = Math.round(sum * scale * 125_000 * SECONDS_WORTH);
  const title = routes.map((r) => `${r.megabitsPerSecond}/${r.rttMs}/${r.lossPercent}`).join(' ');
  return { name: `random:${seed}`, title: `Mbit/s / ms / %: ${title}`, objectBytes, routes, events: [] };
}
