// The relay's Prometheus metrics. Labels are configured upstream names and words from fixed lists only. The data path
// adds to plain numbers; they are read when somebody scrapes.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { LandingBuffers } from './landing-buffers.ts';
import type { RefusalCode } from './problem.ts';
import type { Sessions } from './sessions.ts';
import type { Upstream } from './upstream.ts';

export type RelayMetrics = {
  readonly registry: Registry;
  refused(reason: RefusalCode): void;
  joined(upstream: string): void;
  /** Settings were read again. */
  reloaded(applied: boolean): void;
  /** An upstream's answer; `startedAt` is the monotonic time its request began. */
  answered(upstream: string, kind: 'upgrade' | 'plain', status: number, startedAt: number): void;
};

export type MetricSources = {
  readonly version: string;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly sessions: Sessions;
  readonly buffers: LandingBuffers;
  isReady(): boolean;
};

/** Seconds; a relay's upstream is a few milliseconds to one satellite hop away, an indexing origin up to 5 s. */
const ANSWER_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics(sources: MetricSources): RelayMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  registerReadings(registry, sources);
  const sessions = new Counter({
    name: 'heddle_relay_sessions_total',
    help: 'Upgraded sessions joined since start',
    labelNames: ['upstream'],
    registers,
  });
  const refused = new Counter({
    name: 'heddle_relay_refused_total',
    help: 'Requests the relay refused or could not pass on, by error code',
    labelNames: ['reason'],
    registers,
  });
  const requests = new Counter({
    name: 'heddle_relay_requests_total',
    help: 'Answers of upstreams, by kind of request and class of status',
    labelNames: ['upstream', 'kind', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'heddle_relay_upstream_answer_seconds',
    help: 'From a request to the head of its answer, dialling included',
    labelNames: ['upstream', 'kind'],
    buckets: ANSWER_SECONDS,
    registers,
  });
  const reloads = new Counter({
    name: 'heddle_relay_config_reloads_total',
    help: 'Readings of the settings after the start, by result: applied, or refused and the old ones kept',
    labelNames: ['result'],
    registers,
  });
  const lastReload = new Gauge({
    name: 'heddle_relay_config_last_reload_success',
    help: '1 when the settings in force are those last read, 0 when those were refused',
    registers,
  });
  lastReload.set(1);
  for (const result of ['applied', 'refused']) reloads.inc({ result }, 0);
  for (const upstream of sources.upstreams.keys()) sessions.inc({ upstream }, 0);
  return {
    registry,
    refused: (reason) => refused.inc({ reason }),
    joined: (upstream) => sessions.inc({ upstream }),
    reloaded: (applied) => {
      reloads.inc({ result: applied ? 'applied' : 'refused' });
      lastReload.set(applied ? 1 : 0);
    },
    answered: (upstream, kind, status, startedAt) => {
      requests.inc({ upstream, kind, status: `${Math.floor(status / 100)}xx` });
      seconds.observe({ upstream, kind }, (performance.now() - startedAt) / 1_000);
    },
  };
}

// What is read from the running relay at each scrape.
function registerReadings(registry: Registry, { version, upstreams, sessions, buffers, isReady }: MetricSources): void {
  const registers: Registry[] = [];
  const buildInfo = new Gauge({
    name: 'heddle_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'role', 'runtime'],
    registers,
  });
  buildInfo.set({ version, role: 'relay', runtime: process.version }, 1);
  registry.registerMetric(buildInfo);
  registry.registerMetric(
    new Gauge({
      name: 'heddle_relay_sessions',
      help: 'Upgraded sessions open now',
      labelNames: ['upstream'],
      registers,
      collect() {
        this.reset();
        for (const upstream of upstreams.keys()) this.set({ upstream }, 0);
        for (const session of sessions) this.inc({ upstream: session.upstreamName });
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'heddle_relay_bytes_total',
      help: 'Payload bytes moved, by direction: to_client or to_upstream',
      labelNames: ['upstream', 'direction'],
      registers,
      collect() {
        this.reset();
        for (const [upstream, { traffic }] of upstreams) {
          this.inc({ upstream, direction: 'to_client' }, traffic.toClient);
          this.inc({ upstream, direction: 'to_upstream' }, traffic.toUpstream);
        }
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'heddle_relay_warm_connections',
      help: 'Idle upstream connections ready for the next upgrade',
      labelNames: ['upstream'],
      registers,
      collect() {
        this.reset();
        for (const [upstream, { warm }] of upstreams) this.set({ upstream }, warm.ready);
      },
    }),
  );
  registry.registerMetric(gauge('heddle_relay_buffer_bytes', 'Read buffers in use', () => buffers.takenBytes));
  const readiness = '1 while the relay wants new sessions, 0 once it is about to stop';
  registry.registerMetric(gauge('heddle_relay_ready', readiness, () => (isReady() ? 1 : 0)));
}

function gauge(name: string, help: string, read: () => number): Gauge {
  return new Gauge({
    name,
    help,
    registers: [],
    collect() {
      this.set(read());
    },
  });
}
