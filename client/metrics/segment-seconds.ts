// A Prometheus histogram whose counts are kept elsewhere: prom-client's own takes one observation at a time, and here
// thousands of segments are counted before anybody asks.
import type { Histogram } from 'prom-client';
import { SEGMENT_TIME_BOUNDS_MS } from '../core/tally.ts';
import type { RouteTotals } from './route-totals.ts';

type Value = { readonly metricName: string; readonly labels: Record<string, string | number>; readonly value: number };

/** The times of segments by route, read from `routes` at each scrape. */
export function segmentSeconds(name: string, help: string, routes: ReadonlyMap<string, RouteTotals>): Histogram {
  const get = async (): Promise<object> => {
    const values = [...routes].flatMap(([route, { counts }]) => valuesOf(name, route, counts));
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  };
  // what a registry asks of a metric, and no more
  return { name, get, reset: () => {} } as unknown as Histogram;
}

function valuesOf(name: string, route: string, { times, timesMs }: RouteTotals['counts']): Value[] {
  let upTo = 0;
  const buckets = times.map((count, at): Value => {
    upTo += count;
    const bound = SEGMENT_TIME_BOUNDS_MS[at];
    const le = bound === undefined ? '+Inf' : bound / 1_000;
    return { metricName: `${name}_bucket`, labels: { le, route }, value: upTo };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { route }, value: timesMs / 1_000 },
    { metricName: `${name}_count`, labels: { route }, value: upTo },
  ];
}
