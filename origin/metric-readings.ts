// What is read from the running origin at each scrape: buffers, sockets, what waits, the state of the hash index, steering.
// The data path only adds to plain numbers, which cost nothing until somebody asks.
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { addCertificateExpiry, addReading } from '../protocol/metrics/process-metrics.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import type { BlockCache } from './block-cache.ts';
import type { Indexer } from './indexer.ts';
import type { OriginTuning } from './options.ts';
import type { Steering } from './steer.ts';

export type MetricSources = {
  readonly blocks: Pick<BlockCache, 'allocatedBytes' | 'heldBytes'>;
  readonly channels: { readonly receivedBytes: number; readonly pendingBytes: number; readonly steering: Steering };
  readonly indexer: Pick<Indexer, 'waiting' | 'running'>;
  readonly tuning: OriginTuning;
  isReady(): boolean;
  /** The walk through the whole folder at the start is over. */
  isIndexed(): boolean;
  /** Accepted sockets of the public listener, open now. */
  connections(): Promise<number>;
  /** What https clients are shown now. */
  tls(): TlsIdentity | undefined;
};

/** Adds everything that is read. */
export function addReadings(registry: Registry, sources: MetricSources): void {
  const { blocks, channels, indexer, tuning, isReady, isIndexed } = sources;
  const gauge = (name: string, help: string, read: () => number): void =>
    addReading(registry, `heddle_origin_${name}`, help, read);
  const counter = (name: string, help: string, read: () => number): void =>
    registry.registerMetric(
      new Counter({
        name: `heddle_origin_${name}`,
        help,
        registers: [],
        collect() {
          this.reset();
          this.inc(read());
        },
      }),
    );
  gauge('ready', '1 while the origin wants new work, 0 once it is about to stop.', () => (isReady() ? 1 : 0));
  gauge('cache_bytes', 'Bytes of the read buffers that exist.', () => blocks.allocatedBytes);
  gauge('cache_held_bytes', 'Bytes of the read buffers in use.', () => blocks.heldBytes);
  gauge('cache_limit_bytes', 'Bytes of all pooled read buffers together, at most.', () => tuning.cacheBytes);
  gauge('channels_limit', 'Channels at one time, at most.', () => tuning.maxChannels);
  gauge('pending_bytes', 'Bytes decided and not yet taken by the sockets.', () => channels.pendingBytes);
  counter('received_bytes_total', 'Bytes that clients sent over channels.', () => channels.receivedBytes);
  const indexed = '1 once every object that was there at the start is hashed, 0 before.';
  gauge('index_complete', indexed, () => (isIndexed() ? 1 : 0));
  const { steering } = channels;
  gauge('steered_transfers', 'Transfers whose next segments this origin deals itself.', () => steering.transfers);
  counter('steer_deals_total', 'Deals announced to steered channels.', () => steering.deals);
  counter('steer_moved_segments_total', 'Segments that these moved to another channel.', () => steering.movedSegments);
  registry.registerMetric(
    new Gauge({
      name: 'heddle_origin_index_jobs',
      help: 'Objects that are being hashed, or wait for it.',
      labelNames: ['state'],
      registers: [],
      collect() {
        this.set({ state: 'running' }, indexer.running);
        this.set({ state: 'waiting' }, indexer.waiting);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'heddle_origin_connections',
      help: 'Accepted sockets of the public listener open now, idle ones included.',
      registers: [],
      async collect() {
        this.set(await sources.connections());
      },
    }),
  );
  addCertificateExpiry(registry, 'origin', () => sources.tls()?.certificate);
}
