// The yardstick: how long a transfer takes if every route is full from 2 RTT after the start to the end, whatever its
// rate is at that moment, and nothing is sent twice. No protocol can be faster; slow start and loss recovery make it
// unreachable for small objects and lossy long routes. Pure.
import type { RouteShape, Scenario } from './scenario.ts';
import type { CongestionControl } from './topology.ts';

/** From this time on a route carries so much TCP payload, until the next step. */
export type CapacityStep = { readonly atSeconds: number; readonly megabitsPerSecond: number };

/** What a dead relay means: its route is gone for ever, it comes back when restarted, or nothing (no relay is used). */
export type AfterKill = 'gone' | 'returns' | 'ignored';

/** TCP payload in an IP packet with timestamps. */
export const PAYLOAD_SHARE: number = 1448 / 1500;

const START_ROUND_TRIPS = 2;
const LIMIT_SECONDS = 3_600;
const MATHIS_FACTOR = Math.sqrt(3 / 2);
const PACKET_BITS = 1_500 * 8;

/** Seconds until the object is there; over all routes, or those named (counted from 0). Infinite if it never is. */
export function idealSeconds(scenario: Scenario, afterKill: AfterKill, only?: readonly number[]): number {
  const indexes = only ?? scenario.routes.map((_, index) => index);
  const steps = indexes.map((index) => capacitySteps(scenario, index, afterKill));
  const times = steps.flatMap((list) => list.map(({ atSeconds }) => atSeconds)).toSorted((a, b) => a - b);
  let left = (scenario.objectBytes * 8) / 1e6;
  for (const [index, begin] of times.entries()) {
    const end = times[index + 1] ?? LIMIT_SECONDS;
    const rate = steps.reduce((sum, list) => sum + capacityAt(list, begin), 0);
    if (rate > 0 && left <= rate * (end - begin)) return begin + left / rate;
    left -= rate * Math.max(0, end - begin);
  }
  return Number.POSITIVE_INFINITY;
}

/** Megabits of payload that all routes together can carry between two times. */
export function capacityBetween(scenario: Scenario, afterKill: AfterKill, from: number, to: number): number {
  let megabits = 0;
  for (const index of scenario.routes.keys()) {
    const steps = capacitySteps(scenario, index, afterKill);
    for (const [place, { atSeconds, megabitsPerSecond }] of steps.entries()) {
      const end = steps[place + 1]?.atSeconds ?? Number.POSITIVE_INFINITY;
      megabits += megabitsPerSecond * Math.max(0, Math.min(to, end) - Math.max(from, atSeconds));
    }
  }
  return megabits;
}

/** What one plain connection can do at best, known in hindsight: on which route (from 0), and how long it takes. */
export function bestSingleRoute(scenario: Scenario, congestion: CongestionControl): { route: number; seconds: number } {
  const routes = congestion === 'bbr' ? scenario.routes : scenario.routes.map(asOneConnection);
  const seconds = routes.map((_, index) => idealSeconds({ ...scenario, routes }, 'gone', [index]));
  const least = Math.min(...seconds);
  return { route: seconds.indexOf(least), seconds: least };
}

/**
 * Random loss limits one connection whose congestion control takes it for congestion: Mathis, Semke, Mahdavi, Ott, "The
 * macroscopic behavior of the TCP congestion avoidance algorithm", 1997.
 */
function asOneConnection(shape: RouteShape): RouteShape {
  const { lossPercent = 0, rttMs, megabitsPerSecond } = shape;
  if (lossPercent === 0) return shape;
  const segments = MATHIS_FACTOR / Math.sqrt(lossPercent / 100);
  const limit = (segments * PACKET_BITS) / (rttMs * 1_000);
  return { ...shape, megabitsPerSecond: Math.min(megabitsPerSecond, limit) };
}

/** What one route carries over time, from 2 RTT after the start on. */
export function capacitySteps(scenario: Scenario, index: number, afterKill: AfterKill): CapacityStep[] {
  const shape = scenario.routes[index];
  // what a false mirror carries is not the object
  if (shape === undefined || scenario.mirrors?.false === index + 1) return [];
  const startSeconds = (START_ROUND_TRIPS * shape.rttMs) / 1_000;
  let { megabitsPerSecond, lossPercent = 0 } = shape;
  let alive = true;
  const steps = new Map<number, number>();
  const step = (atSeconds: number): void => {
    const carried = alive && lossPercent < 100 ? megabitsPerSecond * PAYLOAD_SHARE * (1 - lossPercent / 100) : 0;
    steps.set(Math.max(atSeconds, startSeconds), carried);
  };
  step(0);
  for (const event of scenario.events) {
    if (event.route !== index + 1) continue;
    let { atSeconds } = event;
    if (event.type === 'rate') ({ megabitsPerSecond } = event);
    else if (event.type === 'loss') ({ lossPercent } = event);
    else if (afterKill === 'ignored') continue;
    else if (event.type === 'kill') alive = false;
    else if (afterKill === 'gone') continue;
    else {
      alive = true;
      atSeconds += restartSeconds(shape);
    }
    step(atSeconds);
  }
  return [...steps]
    .map(([atSeconds, rate]) => ({ atSeconds, megabitsPerSecond: rate }))
    .sort((a, b) => a.atSeconds - b.atSeconds);
}

function restartSeconds({ rttMs }: RouteShape): number {
  return (START_ROUND_TRIPS * rttMs) / 1_000;
}

function capacityAt(steps: readonly CapacityStep[], seconds: number): number {
  return steps.findLast(({ atSeconds }) => atSeconds <= seconds)?.megabitsPerSecond ?? 0;
}
