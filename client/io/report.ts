// What a session tells: a report of the transfer (running or done) with routes by name, and the observer's callbacks.
import type { HeddleError } from '../../protocol/errors.ts';
import type { SegmentFrame } from '../../protocol/frames.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { CoreOptions } from '../core/options.ts';
import type { RouteSnapshot, Snapshot } from '../core/snapshot.ts';
import type { StallCounts } from '../core/tally.ts';
import type { Transfer } from '../core/transfer.ts';
import type { SessionOrder } from './order.ts';

/** One route in a report: the core's numbers, with its name. */
export type RouteReport = RouteSnapshot & {
  readonly name: string;
  /** Why its last channel ended or was refused, in words. */
  readonly why?: string | undefined;
  /** Payload bytes that did not have to travel because its source encoded segments. */
  readonly savedBytes: number;
};

/** What only the shell knows of routes, by their place in the order. */
export type RouteNotes = {
  whyOf(route: number): string | undefined;
  savedBytesOf(route: number): number;
};

/**
 * What was compared: every segment with the object's tree ('pages'), the whole with a root or checksum that the user gave,
 * with the digest that a mirror announced, the copies of several mirrors with each other by size, strong ETag and bytes at random places ('samples').
 */
export type Check = 'pages' | 'root' | 'checksum' | 'digest' | 'size' | 'etag' | 'samples';

/** What vouches for the bytes. */
export type Vouching = {
  /** True when they were proven against a root, or have the checksum that the user gave. */
  readonly verified: boolean;
  readonly root: string | undefined;
  readonly checks: readonly Check[];
  /** SHA-256 of the whole (`sha256:` and hex) as mirrors announce it. */
  readonly announced: readonly string[];
};

/** A transfer, running or done. Times in ms, sizes in bytes. */
export type SessionReport = {
  readonly key: string;
  /** Bytes wanted: the object, or the range asked for; undefined until the size is known. */
  readonly bytes: number | undefined;
  readonly receivedBytes: number;
  /** Bytes of it that an interrupted transfer had left. */
  readonly resumedBytes: number;
  readonly elapsedMs: number;
  readonly firstByteMs: number | undefined;
  readonly manifest: Manifest | undefined;
  readonly vouching: Vouching;
  readonly patterns: number;
  readonly wasteBytes: number;
  readonly hedges: number;
  readonly hedgedBytes: number;
  /** How often and how long the reader of an output in order waited for more than STALL_MS, with nothing to read. */
  readonly stalls: StallCounts;
  /** Bytes that are here and wait for what comes before them, or for the sink. */
  readonly waitingBytes: number;
  /** The newest pattern, its window on the object, and what is delivered. */
  readonly pattern: Pattern;
  readonly takenPoint: number;
  readonly highestSeen: number;
  readonly routes: readonly RouteReport[];
};

/** A transfer, to be looked at closely: its report, the core's own figures, and what the core remembers. */
export type Inspection = {
  readonly report: SessionReport;
  readonly snapshot: Snapshot;
  readonly transfer: Pick<Transfer, 'map' | 'routeOfChannel'>;
};

/** Told while a session runs; every callback is optional and must not throw. */
export type SessionObserver = {
  /** A pattern was sent to a channel. */
  pattern?(channel: number, pattern: Pattern): void;
  /** A segment came, before it is proven. */
  segment?(channel: number, frame: SegmentFrame): void;
  /** A channel ended or was refused. */
  channelClosed?(route: string, error: HeddleError): void;
  /** Something went wrong that the transfer does not depend on. */
  warning?(error: HeddleError): void;
};

/** Puts names and totals to a snapshot. */
export function reportOf(
  order: Pick<SessionOrder, 'key' | 'routes' | 'firstByte' | 'endByte' | 'have'> & {
    readonly core: Pick<CoreOptions, 'segmentBytes'>;
  },
  snapshot: Snapshot,
  manifest: Manifest | undefined,
  copies: Pick<Vouching, 'checks' | 'announced'>,
  notes: RouteNotes,
  { elapsedMs, firstByteMs }: Pick<SessionReport, 'elapsedMs' | 'firstByteMs'>,
): SessionReport {
  const { counters } = snapshot;
  const size = manifest?.size ?? snapshot.size;
  return {
    key: order.key,
    bytes: size === undefined ? undefined : Math.max(0, Math.min(order.endByte ?? size, size) - order.firstByte),
    resumedBytes: resumedBytes(order, size ?? 0),
    receivedBytes: counters.receivedBytes - counters.wasteBytes,
    elapsedMs,
    firstByteMs,
    manifest,
    vouching: {
      verified: manifest !== undefined,
      root: manifest?.root,
      checks: manifest === undefined ? copies.checks : ['pages'],
      announced: copies.announced,
    },
    patterns: counters.patterns,
    wasteBytes: counters.wasteBytes,
    hedges: counters.hedges,
    hedgedBytes: counters.hedgedBytes,
    stalls: snapshot.stalls,
    waitingBytes: snapshot.inMemory * order.core.segmentBytes,
    pattern: snapshot.pattern,
    takenPoint: snapshot.takenPoint,
    highestSeen: snapshot.highestSeen,
    routes: snapshot.routes.map((route) => ({
      ...route,
      name: order.routes[route.index]?.name ?? String(route.index),
      why: notes.whyOf(route.index),
      savedBytes: notes.savedBytesOf(route.index),
    })),
  };
}

function resumedBytes(
  { have = [], core }: Pick<Parameters<typeof reportOf>[0], 'have' | 'core'>,
  size: number,
): number {
  return have.reduce((sum, { first, length }) => {
    return sum + Math.max(0, Math.min(size, (first + length) * core.segmentBytes) - first * core.segmentBytes);
  }, 0);
}
