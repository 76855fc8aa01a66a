// The sums over all transfers of this process, route by route: what the reports of sessions have grown by since they were
// last looked at. Looked at when somebody scrapes and when a session ends, never per segment.
import type { RouteCounts } from '../core/tally.ts';
import { SEGMENT_TIME_BOUNDS_MS } from '../core/tally.ts';
import type { RouteReport, SessionReport } from '../io/report.ts';
import type { WatchedSession } from '../io/transfer-events.ts';

/** Names of routes that have metrics of their own; those that come later are one, so that no program can make too many. */
const MOST_ROUTES = 256;
export const OTHER_ROUTES = 'other';

/** What grew on one route. */
export type RouteTotals = {
  bytes: number;
  /** Of these, what did not have to travel. */
  savedBytes: number;
  hedges: number;
  /** Came by plain requests, ahead of transfers. */
  leadBytes: number;
  readonly counts: { -readonly [Name in keyof Omit<RouteCounts, 'times'>]: number } & { readonly times: number[] };
};

/** What grew in all. */
export type TransferTotals = { patterns: number; hedgedBytes: number; stalls: number; stallMs: number };

/** The part of a report that only grows. */
type Growing = Pick<SessionReport, 'patterns' | 'hedgedBytes' | 'stalls' | 'routes'>;

const NOTHING: Growing = { patterns: 0, hedgedBytes: 0, stalls: { count: 0, ms: 0 }, routes: [] };

export class Totals {
  readonly all: TransferTotals = { patterns: 0, hedgedBytes: 0, stalls: 0, stallMs: 0 };
  readonly routes: Map<string, RouteTotals> = new Map();
  readonly #running = new Map<WatchedSession, Growing>();

  /** Reports of the sessions that run now, as last looked at. */
  reports: readonly SessionReport[] = [];

  began(session: WatchedSession): void {
    this.#running.set(session, NOTHING);
  }

  ended(session: WatchedSession): void {
    this.#lookAt(session);
    this.#running.delete(session);
  }

  /** Sessions that run now. */
  get running(): number {
    return this.#running.size;
  }

  /** Takes in what has grown since the last look. */
  look(): void {
    this.reports = [...this.#running.keys()].map((session) => this.#lookAt(session));
  }

  /** The totals of a route, by its name as configured. */
  of(name: string): RouteTotals {
    const known = this.routes.get(name);
    if (known !== undefined) return known;
    if (this.routes.size >= MOST_ROUTES && name !== OTHER_ROUTES) return this.of(OTHER_ROUTES);
    const totals = newTotals();
    this.routes.set(name, totals);
    return totals;
  }

  /** The name under which a route is told of. */
  nameOf(name: string): string {
    return this.routes.has(name) || this.routes.size < MOST_ROUTES ? name : OTHER_ROUTES;
  }

  #lookAt(session: WatchedSession): SessionReport {
    const report = session.report();
    const before = this.#running.get(session) ?? NOTHING;
    this.#running.set(session, report);
    this.all.patterns += report.patterns - before.patterns;
    this.all.hedgedBytes += report.hedgedBytes - before.hedgedBytes;
    this.all.stalls += report.stalls.count - before.stalls.count;
    this.all.stallMs += report.stalls.ms - before.stalls.ms;
    for (const route of report.routes) grow(this.of(route.name), route, before.routes[route.index]);
    return report;
  }
}

function grow(totals: RouteTotals, now: RouteReport, before: RouteReport | undefined): void {
  totals.bytes += now.payloadBytes - (before?.payloadBytes ?? 0);
  totals.savedBytes += now.savedBytes - (before?.savedBytes ?? 0);
  totals.hedges += now.hedges - (before?.hedges ?? 0);
  const { times, ...counts } = now.counts;
  for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
    totals.counts[name] += counts[name] - (before?.counts[name] ?? 0);
  }
  for (const [at, count] of times.entries()) {
    totals.counts.times[at] = (totals.counts.times[at] ?? 0) + count - (before?.counts.times[at] ?? 0);
  }
}

function newTotals(): RouteTotals {
  const times = Array.from({ length: SEGMENT_TIME_BOUNDS_MS.length + 1 }, () => 0);
  const counts = { pattern: 0, send: 0, waste: 0, wasteBytes: 0, corrupt: 0, dropped: 0, timesMs: 0, times };
  return { bytes: 0, savedBytes: 0, hedges: 0, leadBytes: 0, counts };
}
