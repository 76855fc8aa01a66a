// The state of one transfer that its parts share: routes, channels, segments, effects waiting to be polled, counters.
// Holds no rules of its own beyond counting.
import { lengthOfSegment } from '../../protocol/merkle.ts';
import type { Channel } from './channel.ts';
import type { ChannelTable } from './channel-table.ts';
import type { Lane } from './dealer.ts';
import type { Effect } from './messages.ts';
import type { CoreOptions } from './options.ts';
import type { Route } from './route.ts';
import type { SegmentMap } from './segment-map.ts';
import type { SegmentTable } from './segment-table.ts';
import type { Stalls } from './tally.ts';

/** What a transfer has counted so far. Bytes are payload bytes. */
export type Counters = {
  receivedBytes: number;
  wasteBytes: number;
  hedges: number;
  hedgedBytes: number;
  patterns: number;
  corrupt: number;
};

export type TransferState = {
  readonly options: CoreOptions;
  /** Grows when another is found; numbers stay. */
  readonly routes: Route[];
  readonly channels: ChannelTable;
  /** Route of every channel that ever was: verdicts on segments may come after their channel ended. */
  readonly routeOfChannel: Map<number, number>;
  readonly table: SegmentTable;
  readonly counters: Counters;
  /** Of an output in order. */
  readonly stalls: Stalls;
  /** Bytes of the object; undefined until the first HELLO. */
  size: number | undefined;
  readonly effects: Effect[];
  /** Who brought what; undefined when nobody wants to know. */
  readonly map: SegmentMap | undefined;
  /** Nothing more is asked for. */
  isPaused: boolean;
  /** Somebody could be asked for more, but not so far beyond the in-order point: what is missing there holds all up. */
  isOutOfReach: boolean;
  /** Payload per second that all routes together may be asked for; undefined: no limit. */
  maxBytesPerSecond: number | undefined;
  /** What the payload may cost; undefined: whatever. */
  costBudget: number | undefined;
};

/** The route of a channel. */
export function routeOf(state: TransferState, channel: Channel): Route {
  const route = state.routes[channel.route];
  if (route === undefined) throw new Error(`channel ${channel.number} has no route`);
  return route;
}

/** All channels of a route, whatever their state. */
export function channelsOf(state: TransferState, route: Route): readonly Channel[] {
  return state.channels.of(route.index);
}

/** A channel as the dealer sees it now: no faster than its part of a rate cap, which no growth of its window lifts. */
export function laneOf(state: TransferState, channel: Channel): Lane {
  const { pace, rttMs, window } = routeOf(state, channel);
  const lane = channel.lane(rttMs, window.slowStart);
  const rate = rateOf(state, channel);
  if (pace === undefined) return { ...lane, rate };
  return rate < lane.rate ? { ...lane, rate, flight: undefined } : lane;
}

/**
 * Bytes per ms to plan with. Channels that take turns on one line are not as fast together as each by itself; a capped
 * channel that is idle between its segments is not faster for that.
 */
export function rateOf(state: TransferState, channel: Channel): number {
  const route = routeOf(state, channel);
  const rate = pathRateOf(state, channel);
  if (route.pace === undefined) return rate;
  const sharing = channelsOf(state, route).filter((other) => other.usable).length;
  return Math.min(rate, route.pace.rate / Math.max(1, sharing));
}

/** The same without regard to caps: what the path would carry. */
export function pathRateOf(state: TransferState, channel: Channel): number {
  const route = routeOf(state, channel);
  const guess = channel.rate.rateOr(route.rttMs);
  const { measured } = route.throughput;
  // a new connection beside others takes a part of what they carry: a guess of its own would count the line twice
  const isNew = channel.rate.measured === 0 && measured > 0 && route.sharing > 1;
  return isNew ? Math.min(guess, measured / route.sharing) : guess * route.overlap;
}

/** Channels that patterns may deal segments to. */
export function usableChannels(state: TransferState): Channel[] {
  return state.channels.all.filter((channel) => mayBeDealt(state, channel));
}

/** Whether patterns may deal segments to it. */
export function mayBeDealt(state: TransferState, channel: Channel): boolean {
  return channel.usable && !routeOf(state, channel).isSetAside;
}

/** Channels that are expected to deliver what they were asked for: the usable and the draining ones. */
export function soundChannels(state: TransferState): Channel[] {
  return state.channels.all.filter((channel) => channel.sound);
}

/** Segments that the sound channels will bring as things stand. */
export function outstandingSegments(state: TransferState): number {
  let sum = 0;
  for (const channel of state.channels.all) if (channel.sound) sum += channel.ledger.outstanding;
  return sum;
}

/** Bytes per ms of all usable channels together. */
export function totalRate(state: TransferState): number {
  let sum = 0;
  for (const channel of state.channels.all) if (mayBeDealt(state, channel)) sum += rateOf(state, channel);
  return sum;
}

/** Length of a segment, bytes; the last one may be short. */
export function segmentLength(state: TransferState, index: number): number {
  const { segmentBytes } = state.options;
  if (state.size === undefined) return segmentBytes;
  return lengthOfSegment(index, state.size, segmentBytes);
}
