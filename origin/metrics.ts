// What an origin counts as it happens, as Prometheus metrics. Labels come from fixed lists, never from a key, an address or
// an error text. One registry per origin, served on the admin listener only. What is read at a scrape: metric-readings.ts.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { HEAD_LIMITS } from '../protocol/bad-head.ts';
import { ERROR_CODES } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { DROP_REASONS } from '../protocol/frames.ts';
import type { DropReason, SentBy } from '../protocol/frames.ts';
import { addBuildInfo, addProcessMetrics, addReloadMetrics } from '../protocol/metrics/process-metrics.ts';
import { ENCODING_RESULTS } from './encoder.ts';
import type { EncodingObserver } from './encoder.ts';
import { REMOTE_RESULTS } from './remote-result.ts';
import type { RemoteResult } from './remote-result.ts';

/** A counter for one value of a label: hot paths must not look labels up. */
export type Count = { inc(value?: number): void };

/** The limits that turn channels and connections away, or end them. */
type OriginLimit =
  | 'channels'
  | 'token-channels'
  | 'token-bytes'
  | 'frames'
  | 'idle'
  | 'write-stall'
  | 'connections'
  | (typeof HEAD_LIMITS)[number];

const ORIGIN_LIMITS: readonly OriginLimit[] = [
  'channels',
  'token-channels',
  'token-bytes',
  'frames',
  'idle',
  'write-stall',
  'connections',
  ...HEAD_LIMITS,
];

/** What a plain request is about. */
export type RequestKind = 'objects' | 'list' | 'manifests' | 'nodes' | 'other';

/** The metrics of one origin. */
export type OriginMetrics = {
  readonly registry: Registry;
  readonly channels: Gauge;
  readonly channelsOpened: Count;
  readonly bytes: Readonly<Record<'segments' | 'objects' | 'proofs', Count>>;
  readonly segments: Readonly<Record<SentBy, Count>>;
  /** Channels not let in, or ended with an error: one count per limit and broken rule. */
  readonly refused: Readonly<Record<ErrorCode, Count>>;
  readonly limited: Readonly<Record<OriginLimit, Count>>;
  readonly dropped: Readonly<Record<DropReason, Count>>;
  readonly reads: Readonly<Record<'block' | 'private', Count>>;
  readonly readErrors: Readonly<Record<'object-changed' | 'read-failed', Count>>;
  readonly hashedBytes: Count;
  /** A segment was to be encoded. */
  readonly encoded: EncodingObserver;
  readonly indexSeconds: Histogram;
  readonly indexFailures: Count;
  /** A plain request was answered. */
  answered(kind: RequestKind, status: number): void;
  /** A request to the server that holds the objects has ended. */
  backend(result: RemoteResult, bytes: number): void;
  /** Settings were read again. */
  reloaded(applied: boolean): void;
};

/** Makes the metrics; `withProcess` adds those of the process, which only one origin per process should ask for. */
export function createOriginMetrics(version: string, withProcess: boolean): OriginMetrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  if (withProcess) addProcessMetrics(registry);
  addBuildInfo(registry, 'origin', version);
  const counter = <Label extends string>(name: string, help: string, label: string, values: readonly Label[]) => {
    const sums = values.map((value) => ({ value, sum: new Sum() }));
    const all: Counter = new Counter({
      name,
      help,
      registers,
      labelNames: [label],
      collect: () => {
        for (const { value, sum } of sums) all.inc({ [label]: value }, sum.taken());
      },
    });
    return Object.fromEntries(sums.map(({ value, sum }) => [value, sum])) as unknown as Record<Label, Count>;
  };
  const requests = new Counter({
    name: 'heddle_origin_requests_total',
    help: 'Plain requests answered, by what they are about and class of status.',
    registers,
    labelNames: ['kind', 'status'],
  });
  const backendRequests = counter(
    'heddle_origin_backend_requests_total',
    'Requests to the server that holds the objects, by what became of them.',
    'result',
    REMOTE_RESULTS,
  );
  const backendBytes = new Counter({
    name: 'heddle_origin_backend_bytes_total',
    help: 'Bytes that came from the server that holds the objects.',
    registers,
  });
  const encodings = counter(
    'heddle_origin_encodings_total',
    'Segments that were to be encoded, by what became of them.',
    'result',
    ENCODING_RESULTS,
  );
  const encodingSaved = new Counter({
    name: 'heddle_origin_encoding_saved_bytes_total',
    help: 'Payload bytes that did not have to be sent because segments were encoded.',
    registers,
  });
  const encodingSeconds = new Counter({
    name: 'heddle_origin_encoding_seconds_total',
    help: 'Time spent encoding segments.',
    registers,
  });
  return {
    registry,
    encoded: (result, savedBytes, ms) => {
      encodings[result].inc();
      encodingSaved.inc(savedBytes);
      encodingSeconds.inc(ms / 1_000);
    },
    reloaded: addReloadMetrics(registry, 'origin'),
    answered: (kind, status) => requests.inc({ kind, status: `${Math.floor(status / 100)}xx` }),
    backend: (result, bytes) => {
      backendRequests[result].inc();
      backendBytes.inc(bytes);
    },
    channels: new Gauge({ name: 'heddle_origin_channels', help: 'Channels open now.', registers }),
    channelsOpened: new Counter({ name: 'heddle_origin_channels_total', help: 'Channels opened.', registers }),
    bytes: counter('heddle_origin_bytes_total', 'Payload bytes handed to sockets, by what they are of.', 'kind', [
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
    limited: counter(
      'heddle_origin_limited_total',
      'Channels and connections turned away or ended by a limit, by its name.',
      'limit',
      ORIGIN_LIMITS,
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
    indexFailures: new Counter({
      name: 'heddle_origin_index_failures_total',
      help: 'Objects that could not be hashed: unreadable, or changed meanwhile.',
      registers,
    }),
  };
}

/** What came since the last scrape: what happens thousands of times a second is looked up by its labels only then. */
class Sum {
  #amount = 0;

  inc(amount = 1): void {
    this.#amount += amount;
  }

  taken(): number {
    const amount = this.#amount;
    this.#amount = 0;
    return amount;
  }
}
