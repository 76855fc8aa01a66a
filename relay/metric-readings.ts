// What is read from the running relay at each scrape: sessions, bytes, sockets, buffers, limits. The data path only adds to
// plain numbers, which cost nothing until somebody asks.
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { addCertificateExpiry, addReading } from '../protocol/metrics/process-metrics.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import type { LandingBuffers } from './landing-buffers.ts';
import type { RelayLimits } from './options.ts';
import type { Sessions } from './sessions.ts';
import type { Shaper } from '../protocol/access/shaper.ts';
import type { Upstream } from './upstream.ts';

export type MetricSources = {
  readonly version: string;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly sessions: Sessions;
  readonly buffers: LandingBuffers;
  readonly shaper: Shaper;
  readonly limits: RelayLimits;
  isReady(): boolean;
  /** Accepted sockets of the public listener, open now. */
  connections(): Promise<number>;
  /** What https clients are shown now. */
  tls(): TlsIdentity | undefined;
};

type Labelled = { readonly name: string; readonly help: string; readonly labelNames: string[] };

/** Adds everything that is read. */
export function addReadings(registry: Registry, sources: MetricSources): void {
  const { buffers, limits, shaper, isReady } = sources;
  addSessions(registry, sources);
  addTraffic(registry, sources);
  addConnections(registry, sources);
  const reading = (name: string, help: string, read: () => number): void =>
    addReading(registry, `heddle_relay_${name}`, help, read);
  reading('ready', '1 while the relay wants new sessions, 0 once it is about to stop', () => (isReady() ? 1 : 0));
  reading('buffer_bytes', 'Read buffers in use', () => buffers.takenBytes);
  reading('buffer_limit_bytes', 'Read buffers in use before new ones stay small', () => limits.bufferBudgetBytes);
  reading('sessions_limit', 'Sessions and plain requests at one time, at most', () => limits.maxSessions);
  reading('connections_limit', 'Accepted sockets at one time, at most', () => limits.maxConnections);
  const rate = 'Bytes per second to all clients together, at most; 0 without a limit';
  reading('rate_limit_bytes_per_second', rate, () => limits.maxBytesPerSecond);
  reading('shaped_sessions', 'Sessions and plain requests that wait for their share of a rate limit now', () => {
    return shaper.waiting;
  });
  registry.registerMetric(
    new Counter({
      name: 'heddle_relay_shaped_seconds_total',
      help: 'Time spent waiting for a share of a rate limit, summed over sessions and plain requests',
      registers: [],
      collect() {
        this.reset();
        this.inc(shaper.waitedMs() / 1_000);
      },
    }),
  );
  addCertificateExpiry(registry, 'relay', () => sources.tls()?.certificate);
}

function addSessions(registry: Registry, { upstreams, sessions }: MetricSources): void {
  const about = {
    name: 'heddle_relay_sessions',
    help: 'Upgraded sessions open now',
    labelNames: ['upstream'],
  } satisfies Labelled;
  registry.registerMetric(
    new Gauge({
      ...about,
      registers: [],
      collect() {
        // counted first: thousands of sessions, a handful of names
        const counts = new Map([...upstreams.keys()].map((name) => [name, 0]));
        for (const { upstreamName } of sessions) counts.set(upstreamName, (counts.get(upstreamName) ?? 0) + 1);
        this.reset();
        for (const [upstream, count] of counts) this.set({ upstream }, count);
      },
    }),
  );
}

function addTraffic(registry: Registry, { upstreams }: MetricSources): void {
  const bytes = {
    name: 'heddle_relay_bytes_total',
    help: 'Payload bytes moved, by direction: to_client or to_upstream',
    labelNames: ['upstream', 'direction'],
  } satisfies Labelled;
  registry.registerMetric(
    new Counter({
      ...bytes,
      registers: [],
      collect() {
        this.reset();
        for (const [upstream, { traffic }] of upstreams) {
          this.inc({ upstream, direction: 'to_client' }, traffic.toClient);
          this.inc({ upstream, direction: 'to_upstream' }, traffic.toUpstream);
        }
      },
    }),
  );
  const warm = {
    name: 'heddle_relay_warm_connections',
    help: 'Idle upstream connections ready for the next upgrade',
    labelNames: ['upstream'],
  } satisfies Labelled;
  registry.registerMetric(
    new Gauge({
      ...warm,
      registers: [],
      collect() {
        this.reset();
        for (const [upstream, { warm: connections }] of upstreams) this.set({ upstream }, connections.ready);
      },
    }),
  );
}

function addConnections(registry: Registry, { connections }: MetricSources): void {
  registry.registerMetric(
    new Gauge({
      name: 'heddle_relay_connections',
      help: 'Accepted sockets of the public listener open now, idle ones included',
      registers: [],
      async collect() {
        this.set(await connections());
      },
    }),
  );
}
