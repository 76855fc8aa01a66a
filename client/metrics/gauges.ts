// How the transfers of this process stand now, for Prometheus: how many, which part each route carries, in which state it
// is, and what its rate, round trip and window are. Read from the reports that were looked at for this scrape.
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { RouteReport, SessionReport } from '../io/report.ts';
import type { Totals } from './route-totals.ts';

const STATES: readonly RouteReport['state'][] = ['connecting', 'active', 'standby', 'stalled', 'down', 'excluded'];

/** Remembers how the latest transfer ended. */
export type Latest = { finished(isDone: boolean, report: SessionReport): void };

/** Adds them. */
export function addGauges(registry: Registry, totals: Totals): Latest {
  let last: SessionReport | undefined;
  const reports = (): readonly SessionReport[] => totals.reports;
  const gauge = (name: string, help: string, read: () => number): void =>
    registry.registerMetric(
      new Gauge({
        name: `heddle_client_${name}`,
        help,
        registers: [],
        collect() {
          this.set(read());
        },
      }),
    );
  const byRoute = (name: string, help: string, read: (routes: readonly RouteReport[]) => number): void =>
    registry.registerMetric(
      new Gauge({
        name: `heddle_client_route_${name}`,
        help,
        labelNames: ['route'],
        registers: [],
        collect() {
          this.reset();
          for (const [route, each] of routesOf(totals, reports())) this.set({ route }, read(each));
        },
      }),
    );
  gauge('transfers', 'Transfers that run now', () => totals.running);
  gauge('reorder_bytes', 'Bytes that are here and wait for what comes before them, or for the reader', () => {
    return sum(reports(), ({ waitingBytes }) => waitingBytes);
  });
  byRoute('rate_bytes_per_second', 'What the route carries now', (routes) => {
    return sum(routes, ({ rateBytesPerSecond }) => rateBytesPerSecond);
  });
  byRoute('round_trip_seconds', 'Smallest round trip to the source seen by transfers that run now', (routes) => {
    return Math.min(...routes.map(({ rttMs }) => rttMs)) / 1_000;
  });
  byRoute('window_bytes', 'Bytes that may be outstanding', (routes) => sum(routes, ({ windowBytes }) => windowBytes));
  byRoute('outstanding_bytes', 'Bytes asked for that have not come', (routes) =>
    sum(routes, ({ outBytes }) => outBytes),
  );
  byRoute('channels', 'Connections in use', (routes) => sum(routes, ({ channels }) => channels.length));
  addStates(registry, totals);
  addShares(registry, totals, () => (totals.running > 0 || last === undefined ? reports() : [last]));
  const success = new Gauge({
    name: 'heddle_client_last_transfer_successful',
    help: '1 when the transfer that ended last was done, 0 when it failed',
    registers: [],
  });
  const at = new Gauge({
    name: 'heddle_client_last_transfer_timestamp_seconds',
    help: 'When a transfer ended last; 0 before the first',
    registers: [registry],
  });
  return {
    finished: (isDone, report) => {
      if (last === undefined) registry.registerMetric(success);
      last = report;
      success.set(isDone ? 1 : 0);
      at.setToCurrentTime();
    },
  };
}

function addStates(registry: Registry, totals: Totals): void {
  registry.registerMetric(
    new Gauge({
      name: 'heddle_client_route_transfers',
      help: 'Transfers that run now, by route and the state that it has in them',
      labelNames: ['route', 'state'],
      registers: [],
      collect() {
        this.reset();
        const now = routesOf(totals, totals.reports);
        // a route that no transfer uses now is told of as well, or its last state would seem to last
        for (const route of totals.routes.keys()) {
          const states = (now.get(route) ?? []).map(({ state }) => state);
          for (const state of STATES) this.set({ route, state }, states.filter((each) => each === state).length);
        }
      },
    }),
  );
}

function addShares(registry: Registry, totals: Totals, reports: () => readonly SessionReport[]): void {
  registry.registerMetric(
    new Gauge({
      name: 'heddle_client_route_share_ratio',
      help: 'Part of the payload of the transfers that run now, or of the last one, that the route brought',
      labelNames: ['route'],
      registers: [],
      collect() {
        this.reset();
        const routes = routesOf(totals, reports());
        const bytes = (each: readonly RouteReport[]): number => sum(each, ({ payloadBytes }) => payloadBytes);
        const all = sum([...routes.values()], bytes);
        for (const [route, each] of routes) this.set({ route }, all === 0 ? 0 : bytes(each) / all);
      },
    }),
  );
}

/** The routes of several transfers, by the name under which they are told of. */
function routesOf(totals: Totals, reports: readonly SessionReport[]): Map<string, RouteReport[]> {
  return Map.groupBy(
    reports.flatMap(({ routes }) => routes),
    ({ name }) => totals.nameOf(name),
  );
}

function sum<Item>(items: readonly Item[], read: (item: Item) => number): number {
  return items.reduce((total, item) => total + read(item), 0);
}
