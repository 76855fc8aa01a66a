// What an origin counts, as Prometheus metrics. Labels come from fixed lists, never from a key, an address or an error
// text. One registry per origin, served on the admin listener only.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { ERROR_CODES } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { DROP_REASONS } from '../protocol/frames.ts';
import type { DropReason, SentBy } from '../protocol/frames.ts';

/** A counter for one value of a label: hot paths must not look labels up. */
export type Count = { inc(value?: number): void };

/** The metrics of one origin. */
export type OriginMetrics = {
  readonly registry: Registry;
  readonly channels: Gauge;
  readonly channelsOpened: Count;
  readonly bytes: Readonly<Record<'segments' | 'objects' | 'proofs', Count>>;
  readonly segments: Readonly<Record<SentBy, Count>>;
  /** Channels not let in, or ended with an error: one count per limit and broken rule. */
  readonly refused: Readonly<Record<ErrorCode, Count>>;
  readonly dropped: Readonly<Record<DropReason, Count>>;
  readonly reads: Readonly<Record<'block' | 'private', Count>>;
  readonly readErrors: Readonly<Record<'object-changed' | 'read-failed', Count>>;
  readonly hashedBytes: Count;
  readonly indexSeconds: Histogram;
  /** Settings were read again. */
  reloaded(applied: boolean): void;
};

/** What a gauge reads when it is scraped. */
export type OriginGauges = { cacheBytes(): number; heldBytes(): number; version: string };

/** Makes the metrics; `withProcess` adds those of the process, which only one origin per process should ask for. */
export function createOriginMetrics(gauges: OriginGauges, withProcess: boolean): OriginMetrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  if (withProcess) collectDefaultMetrics({ register: registry });
  const counter = <Label extends string>(name: string, help: string, label: string, values: readonly Label[]) => {
    const all = new Counter({ name, help, registers, labelNames: [label] });
    for (const value of values) all.inc({ [label]: value }, 0); // so that a first increase shows as one
    return Object.fromEntries(values.map((value) => [value, all.labels(value)])) as unknown as Record<Label, Count>;
  };
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  new Gauge({
    name: 'heddle_build_info',
    help: 'Version of this program; always 1.',
    registers,
    labelNames: ['version', 'role'],
  })
    .labels(gauges.version, 'origin')
    .set(1);
  gauge('heddle_origin_cache_bytes', 'Bytes of the read buffers that exist.', gauges.cacheBytes);
  gauge('heddle_origin_cache_held_bytes', 'Bytes of the read buffers in use.', gauges.heldBytes);
  const reloads = counter(
    'heddle_origin_config_reloads_total',
    'Readings of the settings after the start, by result: applied, or refused and the old ones kept.',
    'result',
    ['applied', 'refused'],
  );
  const lastReload = new Gauge({
    name: 'heddle_origin_config_last_reload_success',
    help: '1 when the settings in force are those last read, 0 when those were refused.',
    registers,
  });
  lastReload.set(1);
  return {
    registry,
    reloaded: (applied) => {
      reloads[applied ? 'applied' : 'refused'].inc();
      lastReload.set(applied ? 1 : 0);
    },
    channels: new Gauge({ name: 'heddle_origin_channels', help: 'Channels open now.', registers }),
    channelsOpened: new Counter({ name: 'heddle_origin_channels_total', help: 'Channels opened.', registers }),
    bytes: counter('heddle_origin_bytes_total', 'Payload bytes taken by the kernel.', 'kind', [
      'segments',
      'objects',
      'proofs',
    ]),
    segments: counter('heddle_origin_segments_total', 'Segments sent, by what asked for them.', 'by', [
      'pattern',
      'send',
    ]),
    refused: counter(
      'heddle_origin_refused_total',
      'Channels refused, or ended with an error, by its code.',
      'code',
      Object.keys(ERROR_CODES) as ErrorCode[],
    ),
    dropped: counter('heddle_origin_dropped_total', 'Owed segments answered without bytes.', 'reason', DROP_REASONS),
    reads: counter('heddle_origin_reads_total', 'Positioned reads of objects.', 'kind', ['block', 'private']),
    readErrors: counter('heddle_origin_read_errors_total', 'Reads of objects that failed.', 'reason', [
      'object-changed',
      'read-failed',
    ]),
    hashedBytes: new Counter({
      name: 'heddle_origin_hashed_bytes_total',
      help: 'Bytes of objects hashed for the index.',
      registers,
    }),
    indexSeconds: new Histogram({
      name: 'heddle_origin_index_seconds',
      help: 'Time from the start of hashing an object to its root.',
      registers,
      buckets: [0.01, 0.1, 1, 10, 100, 1_000],
    }),
  };
}
