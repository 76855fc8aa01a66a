// What a client tells Prometheus about all transfers of its process, whoever began them. Listens on the channel of
// transfer-events.ts, so that nobody has to hand anything on, and nothing is done where nobody asked for metrics. Labels are
// configured names of routes and words from fixed lists only.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Counter, Histogram, Registry } from 'prom-client';
import { addBuildInfo, addProcessMetrics, addReloadMetrics } from '../../protocol/metrics/process-metrics.ts';
import { TRANSFER_CHANNEL } from '../io/transfer-events.ts';
import type { TransferMessage } from '../io/transfer-events.ts';
import { addGauges } from './gauges.ts';
import { Totals } from './route-totals.ts';
import type { RouteTotals } from './route-totals.ts';
import { segmentSeconds } from './segment-seconds.ts';

/** The metrics of this process. Disposing ends the listening. */
export type ClientMetrics = Disposable & {
  readonly contentType: string;
  /** In Prometheus' text format. */
  text(): Promise<string>;
  /** Adds what readings of the settings led to; call the result after each. Only once. */
  withReloads(): (applied: boolean) => void;
};

/** Seconds. */
const FIRST_BYTE_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const TRANSFER_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 28_800];

export type MetricsWish = {
  readonly version: string;
  /** Adds processor, memory and event loop of the process. */
  readonly withProcess: boolean;
  /** Labels on everything. */
  readonly labels?: Readonly<Record<string, string>>;
};

/** Listens from now on. */
export function createClientMetrics({ version, withProcess, labels = {} }: MetricsWish): ClientMetrics {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  if (withProcess) addProcessMetrics(registry);
  addBuildInfo(registry, 'client', version);
  const totals = new Totals();
  addTotals(registry, totals);
  const latest = addGauges(registry, totals);
  const hear = addEvents(registry, totals);
  const listen = (message: unknown): void => {
    const heard = message as TransferMessage;
    if (heard.type === 'finished') latest.finished(heard.outcome === 'done', heard.report);
    hear(heard);
  };
  subscribe(TRANSFER_CHANNEL, listen);
  return {
    contentType: registry.contentType,
    text: async () => {
      totals.look();
      return registry.metrics();
    },
    withReloads: () => addReloadMetrics(registry, 'client'),
    [Symbol.dispose]: () => void unsubscribe(TRANSFER_CHANNEL, listen),
  };
}

/** What is counted when it happens: once per transfer, or when something went wrong. */
function addEvents(registry: Registry, totals: Totals): (message: TransferMessage) => void {
  const registers = [registry];
  const finished = new Counter({
    name: 'heddle_client_transfers_total',
    help: 'Transfers that are over, by result: done, or the error code',
    labelNames: ['result'],
    registers,
  });
  finished.inc({ result: 'done' }, 0);
  const firstByte = new Histogram({
    name: 'heddle_client_first_byte_seconds',
    help: 'From the start of a transfer to the first verified byte handed out',
    buckets: FIRST_BYTE_SECONDS,
    registers,
  });
  const whole = new Histogram({
    name: 'heddle_client_transfer_seconds',
    help: 'How long transfers took that are done',
    buckets: TRANSFER_SECONDS,
    registers,
  });
  const closed = new Counter({
    name: 'heddle_client_channels_closed_total',
    help: 'Channels that ended by themselves or were refused, by error code',
    labelNames: ['route', 'reason'],
    registers,
  });
  return (message) => {
    switch (message.type) {
      case 'began':
        return totals.began(message.session);
      case 'ended':
        return totals.ended(message.session);
      case 'channel-closed':
        return closed.inc({ route: totals.nameOf(message.route), reason: message.code });
      case 'lead':
        totals.of(message.route).leadBytes += message.bytes;
        return;
      case 'finished': {
        const { outcome, report } = message;
        finished.inc({ result: outcome });
        if (report.firstByteMs !== undefined) firstByte.observe(report.firstByteMs / 1_000);
        if (outcome === 'done') whole.observe(report.elapsedMs / 1_000);
        return;
      }
      default:
        message satisfies never;
    }
  };
}

/** What the reports of sessions grew by. */
function addTotals(registry: Registry, totals: Totals): void {
  const counter = (name: string, help: string, read: () => number): void =>
    registry.registerMetric(
      new Counter({
        name: `heddle_client_${name}`,
        help,
        registers: [],
        collect() {
          this.reset();
          this.inc(read());
        },
      }),
    );
  const byRoute = (name: string, help: string, read: (route: RouteTotals) => number): void =>
    registry.registerMetric(
      new Counter({
        name: `heddle_client_${name}`,
        help,
        labelNames: ['route'],
        registers: [],
        collect() {
          this.reset();
          for (const [route, each] of totals.routes) this.inc({ route }, read(each));
        },
      }),
    );
  byRoute('bytes_total', 'Payload that was of use, by the route that brought it', ({ bytes }) => bytes);
  byRoute(
    'encoding_saved_bytes_total',
    'Payload that did not have to travel because its source encoded it',
    (route) => {
      return route.savedBytes;
    },
  );
  byRoute('lead_bytes_total', 'Payload asked for plainly ahead of a transfer', ({ leadBytes }) => leadBytes);
  byRoute('waste_bytes_total', 'Payload that came although nobody needed it any more', ({ counts }) => {
    return counts.wasteBytes;
  });
  byRoute('hedges_total', 'Second requests for segments that were late or last', ({ hedges }) => hedges);
  addOutcomes(registry, totals);
  const times = 'Time from asking for a segment until it was whole, of a sample: one per channel at a time';
  registry.registerMetric(segmentSeconds('heddle_client_segment_seconds', times, totals.routes));
  counter('patterns_total', 'Patterns dealt: the first of each transfer and every change', () => totals.all.patterns);
  counter('hedged_bytes_total', 'Payload asked for a second time at the cost of the hedge budget', () => {
    return totals.all.hedgedBytes;
  });
  const stalls = 'Times that a reader in order had nothing for more than 100 ms although it waited';
  counter('in_order_stalls_total', stalls, () => totals.all.stalls);
  counter('in_order_stall_seconds_total', 'How long that lasted, summed', () => totals.all.stallMs / 1_000);
}

/** Of use: `pattern` and `send`, by what asked for them. */
const OUTCOMES = ['pattern', 'send', 'waste', 'corrupt', 'dropped'] as const;

function addOutcomes(registry: Registry, totals: Totals): void {
  registry.registerMetric(
    new Counter({
      name: 'heddle_client_segments_total',
      help: 'Segments by what became of them: of use and asked for by pattern or send; waste, corrupt, dropped by the source',
      labelNames: ['route', 'outcome'],
      registers: [],
      collect() {
        this.reset();
        for (const [route, { counts }] of totals.routes) {
          for (const outcome of OUTCOMES) this.inc({ route, outcome }, counts[outcome]);
        }
      },
    }),
  );
}
