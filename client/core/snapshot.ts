// A picture of a running transfer: plain numbers for progress bars, metrics, the control interface and tests.
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { ChannelState } from './channel.ts';
import { costOf, quotaLeft } from './constraints.ts';
import type { RouteScore } from './ranking.ts';
import type { Preference, Route, RouteRole } from './route.ts';
import { channelsOf } from './state.ts';
import type { RouteCounts, StallCounts } from './tally.ts';
import type { Counters, TransferState } from './state.ts';

/** One route now. Rates in bytes per second, times in ms. */
export type RouteSnapshot = {
  readonly index: number;
  readonly state: 'connecting' | 'active' | 'standby' | 'stalled' | 'down' | 'excluded';
  readonly role: RouteRole;
  /** What the user wants of it. */
  readonly preference: Preference;
  /** Left out for a while because another route alone is faster than both. */
  readonly isSetAside: boolean;
  /** Routes that share a bottleneck with it, as far as known. */
  readonly sharesWith: readonly number[];
  /** Why it is in use or stands by. */
  readonly ranking: RouteScore;
  readonly reason: ErrorCode | undefined;
  readonly rateBytesPerSecond: number;
  /** What it carried over the last seconds in which it was asked for something. */
  readonly carriedBytesPerSecond: number;
  /** Relays and other network hops on the way, as far as known. */
  readonly hops: number | undefined;
  readonly rttMs: number;
  readonly latencyMs: number | undefined;
  readonly windowBytes: number;
  readonly slowStart: boolean;
  readonly outBytes: number;
  /** Fraction of the delivered payload that this route brought. */
  readonly share: number;
  readonly payloadBytes: number;
  readonly patternBytes: number;
  /** Bytes that its quota leaves; undefined without one. */
  readonly quotaLeftBytes: number | undefined;
  /** Payload per second it may be asked for by itself; undefined without a limit. */
  readonly maxBytesPerSecond: number | undefined;
  readonly segments: number;
  /** Second requests made of it. */
  readonly hedges: number;
  readonly corrupt: number;
  /** What became of its segments. */
  readonly counts: RouteCounts;
  readonly channels: readonly { readonly number: number; readonly state: ChannelState }[];
};

/** One transfer now. Segment indexes are those of the object. */
export type Snapshot = {
  readonly size: number | undefined;
  readonly counters: Readonly<Counters>;
  /** Of an output in order. */
  readonly stalls: StallCounts;
  /** Price of what came and is asked for, in the currency of the routes' prices. */
  readonly cost: number;
  /** Nothing more is asked for. */
  readonly isPaused: boolean;
  /** What the user allows all routes together; undefined: no limit. */
  readonly maxBytesPerSecond: number | undefined;
  readonly costBudget: number | undefined;
  readonly pattern: Pattern;
  readonly lowestMissing: number;
  readonly highestSeen: number;
  readonly takenPoint: number;
  /** Segments that are here and that the output has not taken. */
  readonly inMemory: number;
  readonly routes: readonly RouteSnapshot[];
};

const UNRANKED: RouteScore = Object.freeze({ score: 0, parts: [] });

/** Copies the present state; `scores` are the routes' in their order. */
export function snapshotOf(
  state: TransferState,
  { pattern, inMemory }: { readonly pattern: Pattern; readonly inMemory: number },
  scores: readonly RouteScore[],
): Snapshot {
  const delivered = state.routes.reduce((sum, route) => sum + route.payloadBytes, 0);
  return {
    size: state.size,
    counters: { ...state.counters },
    stalls: state.stalls.read(),
    cost: costOf(state),
    isPaused: state.isPaused,
    maxBytesPerSecond: state.maxBytesPerSecond,
    costBudget: state.costBudget,
    pattern,
    lowestMissing: state.table.lowestMissing,
    highestSeen: state.table.highestSeen,
    takenPoint: state.table.takenPoint,
    inMemory,
    routes: state.routes.map((route) => routeSnapshot(state, route, delivered, scores[route.index] ?? UNRANKED)),
  };
}

function routeSnapshot(state: TransferState, route: Route, delivered: number, ranking: RouteScore): RouteSnapshot {
  const channels = channelsOf(state, route);
  const rate = channels.reduce((sum, channel) => sum + channel.rate.measured, 0);
  return {
    index: route.index,
    state: stateOf(
      route,
      channels.map((channel) => channel.state),
    ),
    role: route.role,
    preference: route.preference,
    isSetAside: route.isSetAside,
    sharesWith: route.sharesWith,
    ranking,
    reason: route.excluded ?? route.lastCode,
    rateBytesPerSecond: rate * 1_000,
    carriedBytesPerSecond: route.carried * 1_000,
    hops: route.hops,
    rttMs: route.rttMs,
    latencyMs: route.latencyMs,
    windowBytes: route.window.bytes,
    slowStart: route.window.slowStart,
    outBytes: channels.reduce((sum, channel) => sum + channel.outBytes, 0),
    share: delivered === 0 ? 0 : route.payloadBytes / delivered,
    payloadBytes: route.payloadBytes,
    patternBytes: route.patternBytes,
    quotaLeftBytes: route.terms.quotaBytes === undefined ? undefined : quotaLeft(state, route),
    maxBytesPerSecond: route.maxBytesPerSecond,
    segments: route.segments,
    hedges: route.hedges,
    corrupt: route.corrupt,
    counts: route.tally.read(),
    channels: channels.map(({ number, state: channelState }) => ({ number, state: channelState })),
  };
}

function stateOf(route: Route, states: readonly ChannelState[]): RouteSnapshot['state'] {
  if (route.isOut) return 'excluded';
  if (states.includes('open')) return 'active';
  if (states.includes('stalled')) return 'stalled';
  if (route.role === 'standby') return 'standby';
  return states.length > 0 ? 'connecting' : 'down';
}
