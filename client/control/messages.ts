// What the control interface says and takes: snapshots of transfers, live events, commands. The same in code, over HTTP and
// in the page. Only shapes, units and paths; everything is plain JSON, what is not known is null. Stable: fields are added,
// never changed, and whoever reads ignores what he does not know.
//
// Over HTTP: `Authorization: Bearer TOKEN` on TCP (a unix socket is guarded by its mode), JSON bodies, errors as
// application/problem+json (`Problem`).
//   GET  /v1/transfers                      → { transfers: TransferSummary[] }, newest first
//   GET  /v1/transfers/:id                  → TransferSnapshot
//   GET  /v1/transfers/:id/segments         → SegmentRuns (?first=0&count=4096, at most MOST_EXACT_SEGMENTS)
//   POST /v1/transfers/:id/pause            → TransferSummary; /resume and /cancel as well
//   PUT  /v1/transfers/:id/routes/:name     RouteCommand → RouteState
//   PUT  /v1/transfers/:id/limits           Limits, in part → Limits
//   POST /v1/transfers/:id/ranges           { ranges: ByteRange[] } → TransferSummary
//   GET  /v1/requests                       → { requests: PlainRequest[] }, newest first
//   GET  /v1/events                         → SSE: `transfers` first, then OverviewEvent of all transfers
//   GET  /v1/transfers/:id/events           → SSE: `snapshot` first, then DetailEvent of this one, until it has ended
//   GET  /v1/openapi.json                   → the description of all this
//   GET  /                                  → the page; needs no token, holds no secret
// SSE: `event:` is the event's type, `data:` the event as one line of JSON, `id:` its number. A comment comes every
// HEARTBEAT_MS. A stream never goes on where an earlier one broke off (Last-Event-ID): it begins with everything anew.
// A reader that is too slow is told `lost`, and then everything anew.
// The page gets the token in the URL's fragment, `http://127.0.0.1:PORT/#token=TOKEN`, which is never sent and which it
// removes from the address bar. It asks by fetch() with an Authorization header and reads the streams of events from the
// bodies (EventSource cannot send the header). No cookie: those of 127.0.0.1 go to whatever listens on any of its ports.
import type { ErrorCode } from '../../protocol/errors.ts';
import type { PlainRequest } from './plain-request.ts';

/** ms between two looks at a transfer that somebody watches: most `progress`, `routes`, `cells`, `pattern` per second. */
export const SAMPLE_MS = 250;
/** ms between two comments of a stream that has nothing to say. */
export const HEARTBEAT_MS = 10_000;
/** Cells of a segment map: an object with more segments has several in each. */
export const MOST_CELLS = 1_024;
/** Elements of a pattern's lead that are told. */
export const MOST_LEAD_TOLD = 512;
/** Segments whose routes can be asked for one by one at a time. */
export const MOST_EXACT_SEGMENTS = 65_536;

/**
 * Of a transfer: 'running' (also while it still connects), 'paused' (what was asked for may still come), and how it
 * ended: 'done', 'failed', 'cancelled'.
 */
export type TransferState = 'running' | 'paused' | 'done' | 'failed' | 'cancelled';

/** Why something did not work. `code` is one of protocol/errors.ts. */
export type Fault = { readonly code: ErrorCode; readonly message: string };

/** What every list shows of a transfer. */
export type TransferSummary = {
  /** Names it in paths and events; unique in one process. */
  readonly id: string;
  readonly key: string;
  /** The file it is written to, or null: a stream. */
  readonly target: string | null;
  /** 'order': the output takes bytes in order; 'any': as they come (a file). */
  readonly output: 'order' | 'any';
  readonly state: TransferState;
  /** Why it failed, or null. */
  readonly fault: Fault | null;
  /** When it began, ms since 1970. */
  readonly startedAt: number;
  /** ms since it began, or that it took. */
  readonly elapsedMs: number;
  readonly progress: Progress;
};

/** The figures of a transfer. Sizes in bytes of payload. */
export type Progress = {
  /** Wanted in all: the object, or the range asked for; null until the size is known. */
  readonly bytes: number | null;
  /** Of them came over routes; with `resumedBytes` all that is here. */
  readonly receivedBytes: number;
  /** Of them were left by an earlier, interrupted transfer. */
  readonly resumedBytes: number;
  /** All routes together, now. */
  readonly bytesPerSecond: number;
  /** The in-order point: everything wanted before this offset of the object is with the output. */
  readonly inOrderBytes: number;
  /** Here, and not yet with the output: the fill of the reorder window; 0 when it is empty. */
  readonly reorderBytes: number;
  /** Came, and nobody needed it: second requests, mostly. */
  readonly wasteBytes: number;
  /** Second requests for segments. */
  readonly hedges: number;
  /** Segments that were proven wrong, and fetched elsewhere. */
  readonly corrupt: number;
  /** Modified patterns so far. */
  readonly patterns: number;
  /** Price of what came and is asked for, in the currency of the routes' prices. */
  readonly cost: number;
};

/** Everything about a transfer at one moment. */
export type TransferSnapshot = TransferSummary & {
  /** Merkle root of the object, `sha256:HEX`; null before it is known, and where nobody can prove one. */
  readonly root: string | null;
  /** Bytes of the whole object; null until known. */
  readonly size: number | null;
  readonly segmentBytes: number;
  /** Bytes that may wait for the in-order point: the size of the reorder window. */
  readonly reorderLimitBytes: number;
  readonly limits: Limits;
  /** In the order of their numbers: `SegmentCell.by` counts in it. */
  readonly routes: readonly RouteState[];
  /** The newest pattern; null before the first. */
  readonly pattern: PatternPicture | null;
  /** Which route brought what; null until the size is known. */
  readonly segments: SegmentMap | null;
};

/** Limits of a whole transfer; null: none. In a command what is left out stays. */
export type Limits = {
  /** Payload per second that all routes together are asked for. */
  readonly maxBytesPerSecond: number | null;
  /** What the payload may cost, in the currency of the routes' prices. */
  readonly costBudget: number | null;
};

/** 'prefer': in use whenever it works; 'exclude': not in use; 'normal': as it is ranked. */
export type Preference = 'prefer' | 'normal' | 'exclude';

/** What can be said of one route of a transfer. What is left out stays. */
export type RouteCommand = {
  readonly preference?: Preference;
  /** Payload per second it may be asked for; null: no limit. */
  readonly maxBytesPerSecond?: number | null;
};

/** The figures of a route, as they change all the time. Rates in bytes per second, times in ms. */
export type RouteFigures = {
  readonly name: string;
  /** Fraction of the delivered payload that it brought, 0…1; all routes together make 1. */
  readonly share: number;
  /** What its connections carry now. */
  readonly bytesPerSecond: number;
  /** Averaged over the last seconds in which it was asked for something. */
  readonly carriedBytesPerSecond: number;
  /** Newest full round trip to the source, and the smallest; null before the first. */
  readonly latencyMs: number | null;
  readonly leastLatencyMs: number | null;
  /** Payload delivered, and in how many segments. */
  readonly bytes: number;
  readonly segments: number;
  /** Second requests made of it. */
  readonly hedges: number;
  /** What it brought that was wrong. */
  readonly corrupt: number;
  /** Bytes asked for and not here yet, and how many there may be. */
  readonly outBytes: number;
  readonly windowBytes: number;
  /** Open connections. */
  readonly connections: number;
};

/** One route of a transfer. */
export type RouteState = RouteFigures & {
  /** Base URL, or the mirror's; without user and password. */
  readonly url: string;
  readonly mirror: boolean;
  /**
   * 'connecting' and 'active': in use. 'standby': may come into use. 'stalled': silent although asked. 'down': cannot be
   * reached and is tried again. 'excluded': not in use any more, by you (`preference`) or for a `fault`.
   */
  readonly state: 'connecting' | 'active' | 'standby' | 'stalled' | 'down' | 'excluded';
  readonly preference: Preference;
  readonly role: 'active' | 'standby' | 'probing';
  /** Why its last connection ended or was refused. */
  readonly fault: Fault | null;
  /** Another route alone is faster for now than both: nothing is asked of it. */
  readonly isSetAside: boolean;
  /** Names of routes that share a bottleneck with it, as far as known. */
  readonly sharesWith: readonly string[];
  /** Relays and other network hops on the way, as far as known. */
  readonly hops: number | null;
  readonly maxBytesPerSecond: number | null;
  /** Bytes that its quota leaves; null without one. */
  readonly quotaLeftBytes: number | null;
  readonly ranking: {
    /** 0…1, the sum of the points. */
    readonly score: number;
    readonly parts: readonly RankingReason[];
  };
};

/** One reason of a route's rank. */
export type RankingReason = {
  readonly part: 'external' | 'throughput' | 'latency' | 'hops' | 'distance' | 'cost';
  /** The fact: 0…1, bytes per second, ms, count, km, currency per GB; null when it is not known. */
  readonly value: number | null;
  /** 0 the worst, 1 the best; half when nothing is known. */
  readonly grade: number;
  readonly weight: number;
  /** Of the score. */
  readonly points: number;
};

/** So many elements of a pattern in a row that name this route; null: nobody. */
export type PatternRun = readonly [route: string | null, length: number];

/** A pattern: segment from + p is sent by the route of lead[p]; behind the lead the cycle repeats. */
export type PatternPicture = {
  readonly epoch: number;
  /** First segment, and the exclusive end; null while the size is not known. */
  readonly from: number;
  readonly to: number | null;
  /** Elements of the lead; `lead` tells the first MOST_LEAD_TOLD of them. */
  readonly leadLength: number;
  readonly lead: readonly PatternRun[];
  readonly cycle: readonly PatternRun[];
};

/**
 * The wanted segments first … first + count - 1 of the object, in cells of `perCell` each (the last may hold fewer), at
 * most MOST_CELLS of them. With perCell 1 every cell is one segment.
 */
export type SegmentMap = {
  readonly first: number;
  readonly count: number;
  readonly perCell: number;
  /** Ascending; cells that nothing is known of are left out: all of their segments are missing. */
  readonly cells: readonly SegmentCell[];
};

/** `length` equal cells from number `at` on (0 is the map's first). What is left out is 0. */
export type SegmentCell = {
  readonly at: number;
  readonly length: number;
  /** Segments in each that the routes brought, in the order of the snapshot's `routes`. */
  readonly by: readonly number[];
  /** Segments in each that an earlier transfer had left. */
  readonly earlier?: number;
  /** Segments in each that were asked for a second time. */
  readonly hedged?: number;
  /** Segments in each of which a false copy came. */
  readonly corrupt?: number;
};

/** Who brought each of `count` segments from `first` on: runs of a route's name, 'earlier', or null for what is missing. */
export type SegmentRuns = {
  readonly first: number;
  readonly count: number;
  readonly runs: readonly (readonly [route: string | null, length: number])[];
};

/** What all events have: their number, when they were told (ms since 1970), and whose transfer it is. */
type Told<Type extends string> = {
  readonly type: Type;
  readonly id: number;
  readonly at: number;
  readonly transfer: string;
};

/** An event of any transfer. */
export type OverviewEvent =
  /** All transfers as they are: the first event, and what follows `lost`. `transfer` is ''. */
  | (Told<'transfers'> & { readonly transfers: readonly TransferSummary[] })
  | (Told<'started'> & { readonly summary: TransferSummary })
  | (Told<'progress'> & { readonly elapsedMs: number; readonly progress: Progress })
  /** It was paused or resumed. */
  | (Told<'state'> & { readonly state: TransferState })
  /** It is over: see its state and fault. */
  | (Told<'ended'> & { readonly summary: TransferSummary })
  /** What is not split, as it is now: behind `transfers` and when it changes. `transfer` is ''. */
  | (Told<'requests'> & { readonly requests: readonly PlainRequest[] })
  /** So many events were not told, for the reader was too slow. `transfer` is ''. */
  | (Told<'lost'> & { readonly events: number });

/** An event of one transfer. */
export type DetailEvent =
  /** Everything: first, after `lost`, and when its ground is another: the size is known, a route more, it began anew. */
  | (Told<'snapshot'> & { readonly snapshot: TransferSnapshot })
  | Exclude<OverviewEvent, { readonly type: 'transfers' | 'started' | 'requests' }>
  | (Told<'routes'> & { readonly routes: readonly RouteFigures[] })
  /** More than the figures of a route changed: its state, role, preference, fault or limits. */
  | (Told<'route'> & { readonly route: RouteState })
  /** A modified pattern; of several within SAMPLE_MS the newest. */
  | (Told<'pattern'> & { readonly pattern: PatternPicture })
  /** Cells of the segment map that changed; each takes the place of the former. */
  | (Told<'cells'> & { readonly cells: readonly SegmentCell[] })
  /** So many segments were asked of this route for a second time. */
  | (Told<'hedge'> & { readonly route: string; readonly segments: number })
  /** This route brought so many segments or proofs that are wrong. */
  | (Told<'corrupt'> & { readonly route: string; readonly count: number })
  | (Told<'limits'> & { readonly limits: Limits })
  /** Somebody wants these bytes before all others: first … last of the object, both included; to its end without a last. */
  | (Told<'raised'> & { readonly ranges: readonly { readonly first: number; readonly last?: number }[] })
  /** Something went wrong that the transfer does not depend on. */
  | (Told<'warning'> & { readonly fault: Fault });

/** Any event. */
export type ControlEvent = OverviewEvent | DetailEvent;

/** The body of an answer that is an error (RFC 9457). */
export type Problem = {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail?: string;
};
