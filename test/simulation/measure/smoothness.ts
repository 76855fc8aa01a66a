// How evenly the application gets its bytes while routes are steady, in order: the time between deliveries in segments'
// worth of the total rate, and the reorder memory against what the spread of the routes' latencies requires.
import type { Scenario } from '../scenario/scenario.ts';
import { coreOf } from '../world/run.ts';
import { routeRate } from './capacity.ts';
import type { Deliveries } from './deliveries.ts';
import { quantile } from './figure-lines.ts';

/** Times are in segments' worth of the rate at which the application got its bytes. */
export type Smoothness = {
  /** 99th percentile of the time from one segment's delivery to the next. */
  readonly gap: number;
  /** The same between deliveries at different times: many segments that come at once count as one. */
  readonly burstGap: number;
  /** Most bytes that waited for something before them. */
  readonly reorderBytes: number;
  /** That, as a multiple of what the spread of latencies requires. */
  readonly ofSpread: number;
};

/** Before that windows grow, and the last second is a tail. */
const BEGINNING_MS = 3_000;
const END_MS = 1_000;
const WHILE_STEADY = 0.99;

export function smoothnessOf(scenario: Scenario, deliveries: Deliveries, endMs: number): Smoothness {
  const { segmentBytes } = coreOf(scenario);
  const isSteady = (atMs: number): boolean => atMs >= BEGINNING_MS && atMs <= endMs - END_MS;
  const times = deliveries.deliveredAt.filter(isSteady);
  const meanMs = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / Math.max(1, times.length - 1);
  const gaps = times.slice(1).map((at, index) => (at - (times[index] ?? at)) / Math.max(meanMs, Number.EPSILON));
  const waiting = deliveries.waiting.filter(({ atMs }) => isSteady(atMs)).map(({ segments }) => segments);
  const reorderBytes = segmentBytes * waiting.reduce((most, segments) => Math.max(most, segments), 0);
  return {
    gap: quantile(gaps, WHILE_STEADY),
    burstGap: quantile(
      gaps.filter((gap) => gap > 0),
      WHILE_STEADY,
    ),
    reorderBytes,
    ofSpread: reorderBytes / spreadBytes(scenario, segmentBytes),
  };
}

/**
 * What the others bring while a segment of the slowest to answer is under way: round trip, jitter, a round trip more
 * where packets are lost, and the time that the segment itself takes on the line. At least a segment per route.
 */
export function spreadBytes({ routes }: Scenario, segmentBytes: number): number {
  const each = routes.map((route) => {
    const rate = routeRate(route);
    const roundTrips = route.loss > 0 || route.burst !== undefined ? 2 : 1;
    return { rate, latencyMs: roundTrips * route.rttMs + 2 * route.jitterMs + segmentBytes / rate };
  });
  const longestMs = Math.max(...each.map(({ latencyMs }) => latencyMs));
  const spread = each.reduce((sum, { rate, latencyMs }) => sum + rate * (longestMs - latencyMs), 0);
  return Math.max(spread, segmentBytes * routes.length);
}
