// Prioritization and advanced scheduler in one walk: every wanted segment, in priority order, goes to the channel with
// the earliest expected completion. A channel with high latency thereby gets segments of a later interval, which arrive
// when they are due, and shares come out evenly spread; lanes that need no more than a few milliseconds for them get runs
// of neighbours. The result is written down as a pattern: `lead` for what is planned, `cycle` by shares behind it.
import { LIMITS, MAX_SEGMENTS } from '../../protocol/limits.ts';
import { NOBODY } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Holdings } from './holdings.ts';
import { allocate, interleave } from './proportional.ts';
import type { Purse } from './purse.ts';

/** A channel that may be dealt segments. Rates in bytes per ms. */
export type Lane = {
  readonly channel: number;
  readonly rate: number;
  readonly rttMs: number;
  /** Bytes asked for and not yet here. */
  readonly outBytes: number;
  /** Bytes of the last round trip while every round still doubles (TCP's slow start); undefined once the rate stands. */
  readonly flight?: number | undefined;
  /** Rate it had last time, while nothing is measured: doubling ends there. */
  readonly ceiling?: number | undefined;
  /** What its source holds; undefined: everything. */
  readonly holds?: Holdings | undefined;
  /** What its route may still be dealt, used up by the dealing; undefined: as much as it likes. */
  readonly purse?: Purse | undefined;
};

/** What the dealer must respect. */
export type DealOrder = {
  readonly epoch: number;
  readonly from: number;
  /** Exclusive end, infinite while the size is not known. */
  readonly to: number;
  readonly segmentBytes: number;
  readonly lanes: readonly Lane[];
  /** False for segments that are here already or asked for by SEND: they become NOBODY. */
  readonly isWanted: (index: number) => boolean;
  /** Segments a healthy channel may send or have sent (maySend): they stay where they are. */
  readonly reserved: ReadonlyMap<number, number>;
  /** The lead reaches beyond this index: the highest that was asked for by pattern or may have been sent. */
  readonly reach: number;
  /** Segments to deal afresh before the cycle takes over. */
  readonly horizon: number;
  readonly cycleElements: number;
};

/**
 * Elements beyond the reach that may go to nobody, for they are here or no lane may be dealt them: a longer gap is not
 * worth its bytes in every pattern.
 */
const MOST_IDLE_ELEMENTS = 2_048;
/** Elements up to which the lead goes on for a lane whose source holds nothing nearer. */
const MOST_SEARCH_ELEMENTS = 2_048;
/** Cycles that a lane must be able to keep up to have a place in the cycle. */
const CYCLES_KEPT = 4;
/**
 * A quick lane gets neighbours in a row: they are read, sent, hashed and written together. A run takes the lane no longer
 * than this, ms,
 */
const RUN_MS = 8;
/** and has no more bytes; each ends at a multiple of its length, as the blocks do that sources read. */
const MOST_RUN_BYTES = 262_144;
/** Where no lane takes longer than that for more, what is dealt together goes up to so much: several blocks are read as one. */
const MOST_LONG_RUN_BYTES = 1_048_576;
/** In shorter runs, what is gained is less than what the fineness of the shares is worth. */
const LEAST_RUN_SEGMENTS = 4;

/** ms a lane takes to bring `bytes`, once they come: bytes / rate, or as many doublings of its flight as that takes. */
export function timeToBring(lane: Lane, bytes: number): number {
  const steadyMs = bytes / lane.rate;
  if (lane.flight === undefined) return steadyMs;
  const rampMs = lane.rttMs * Math.log2(1 + bytes / lane.flight);
  return lane.ceiling === undefined ? Math.min(steadyMs, rampMs) : Math.max(rampMs, bytes / lane.ceiling);
}

/** Completion of one more segment on a lane, ms from now: max(RTT, outstanding / rate) + size / rate. */
export function expectedCompletion(lane: Lane, segmentBytes: number, outBytes: number = lane.outBytes): number {
  const { rttMs, rate, flight } = lane;
  if (flight === undefined) return Math.max(rttMs, outBytes / rate) + segmentBytes / rate;
  return Math.max(rttMs + Math.min(rttMs, segmentBytes / rate), timeToBring(lane, outBytes + segmentBytes));
}

/** Bytes of a run, of the quickest lane as well: beside long ones a slower lane could not have its segments evenly. */
function mostRunBytes(lanes: readonly Lane[]): number {
  const slowest = lanes.reduce((least, { rate }) => Math.min(least, rate), Number.POSITIVE_INFINITY);
  return Math.max(MOST_RUN_BYTES, Math.min(MOST_LONG_RUN_BYTES, slowest * RUN_MS));
}

/** Neighbours that a lane gets in a row: a power of two. Until its rate stands, and on slow lines, one. */
function runOf({ flight, rate }: Lane, segmentBytes: number, mostBytes: number): number {
  if (flight !== undefined) return 1;
  const segments = Math.min(mostBytes, rate * RUN_MS) / segmentBytes;
  return segments < LEAST_RUN_SEGMENTS ? 1 : 2 ** Math.floor(Math.log2(segments));
}

/** A lane, what the dealing adds to it, when it would bring one segment more, and how many it has still to get. */
type Queue = { readonly lane: Lane; readonly run: number; outBytes: number; at: number; due: number };

/** The lane that gets the segments in a row, and where that ends. */
type Run = { readonly queue: Queue; readonly end: number };

/** The pattern of one epoch. What no lane may be dealt, and everything if there is no lane, goes to nobody. */
export function deal(order: DealOrder): Pattern {
  const { from, lanes, reach, segmentBytes } = order;
  const to = Math.min(order.to, MAX_SEGMENTS);
  const most = Math.min(to - from, LIMITS.maxLeadElements);
  const lead: number[] = [];
  const queues = queuesOf(order);
  const searching = queues.filter(({ due }) => due > 0);
  let dealt = 0;
  let idle = 0;
  let run: Run | undefined;
  const isSearched = (): boolean => lead.length >= MOST_SEARCH_ELEMENTS || searching.every(({ due }) => due <= 0);
  const isPlanned = (): boolean => idle >= MOST_IDLE_ELEMENTS || (dealt >= order.horizon && isSearched());
  for (
    let index = from;
    lead.length < most && (index <= reach || index < (run?.end ?? 0) || !isPlanned());
    index += 1
  ) {
    const holder = order.reserved.get(index);
    const isWanted = order.isWanted(index);
    let element = NOBODY;
    if (isWanted && holder !== undefined) element = holder;
    else if (isWanted) {
      run = runFor(index, queues, run);
      element = run === undefined ? NOBODY : take(run.queue, index, segmentBytes);
      if (element !== NOBODY || lanes.length === 0) dealt += 1;
    }
    if (element === NOBODY && index > reach) idle += 1;
    lead.push(element);
  }
  const end = from + lead.length;
  const cycle = end >= to ? new Uint16Array(0) : cycleOf(order, end, to);
  return { epoch: order.epoch, from, to, lead: Uint16Array.from(lead), cycle };
}

/** A source that holds only a part is to get its share of the horizon, even if that lies further ahead. */
function queuesOf({ from, horizon, lanes, segmentBytes }: DealOrder): Queue[] {
  const total = lanes.reduce((sum, { rate }) => sum + rate, 0);
  const mostBytes = mostRunBytes(lanes);
  return lanes.map((lane): Queue => {
    const next = lane.holds?.next(from) ?? Number.POSITIVE_INFINITY;
    const isNear = lane.purse === undefined && next < from + MOST_SEARCH_ELEMENTS;
    const due = isNear ? Math.ceil((Math.min(horizon, MOST_SEARCH_ELEMENTS) * lane.rate) / total) : 0;
    const run = runOf(lane, segmentBytes, mostBytes);
    return { lane, run, outBytes: lane.outBytes, at: expectedCompletion(lane, segmentBytes), due };
  });
}

/** The run that `index` belongs to: the present one as far as it goes, else one of the lane that has it first. */
function runFor(index: number, queues: readonly Queue[], present: Run | undefined): Run | undefined {
  if (present !== undefined && index < present.end && mayTake(present.queue, index)) return present;
  let best: Queue | undefined;
  for (const queue of queues) {
    if (best !== undefined && queue.at >= best.at) continue;
    if (mayTake(queue, index)) best = queue;
  }
  return best === undefined ? undefined : { queue: best, end: best.run * Math.floor(index / best.run + 1) };
}

function mayTake({ lane: { holds, purse } }: Queue, index: number): boolean {
  return (holds?.has(index) ?? true) && (purse?.affords(index) ?? true);
}

/** Gives `index` to a lane; its channel. */
function take(queue: Queue, index: number, segmentBytes: number): number {
  queue.due -= 1;
  queue.outBytes += segmentBytes;
  queue.at = expectedCompletion(queue.lane, segmentBytes, queue.outBytes);
  queue.lane.purse?.spend(index);
  return queue.lane.channel;
}

/**
 * Shares by rate, spread evenly, of the lanes that can keep them for a while. Every such lane appears at least once: a
 * source with no element could never speed up.
 */
function cycleOf({ lanes, cycleElements, segmentBytes }: DealOrder, from: number, to: number): Uint16Array {
  const end = Math.min(to, from + CYCLES_KEPT * cycleElements);
  const bytes = (end - from) * segmentBytes;
  const lasting = lanes.filter(
    ({ holds, purse }) => (holds?.hasAll(from, end) ?? true) && (purse?.isAmple(bytes) ?? true),
  );
  if (lasting.length === 0) return new Uint16Array(0);
  const counts = allocate(
    cycleElements,
    lasting.map((lane) => lane.rate),
  ).map((count) => Math.max(1, count));
  const spread = interleave(
    lasting.map((lane) => lane.channel),
    counts,
  );
  const mostBytes = mostRunBytes(lasting);
  const run = Math.min(
    Math.floor(LIMITS.maxCycleElements / spread.length),
    ...lasting.map((lane) => runOf(lane, segmentBytes, mostBytes)),
  );
  return run <= 1
    ? spread
    : Uint16Array.from({ length: run * spread.length }, (_, at) => spread[Math.floor(at / run)] ?? NOBODY);
}
