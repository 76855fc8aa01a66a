// Prioritization and advanced scheduler in one walk: every wanted segment, in priority order, goes to the channel with
// the earliest expected completion. A channel with high latency thereby gets segments of a later interval, which arrive
// when they are due, and shares come out evenly spread. The result is written down as a pattern: `lead` for what is
// planned, `cycle` by shares behind it.
import { LIMITS, MAX_SEGMENTS } from '../../protocol/limits.ts';
import { NOBODY } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import { allocate, interleave } from './proportional.ts';

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
  /** The lead reaches beyond this index: the highest that was received or may have been sent. */
  readonly reach: number;
  /** Segments to deal afresh before the cycle takes over. */
  readonly horizon: number;
  readonly cycleElements: number;
};

/** ms a lane takes to bring `bytes`, once they come: bytes / rate, or as many doublings of its flight as that takes. */
export function timeToBring(lane: Lane, bytes: number): number {
  const steadyMs = bytes / lane.rate;
  if (lane.flight === undefined) return steadyMs;
  const rampMs = lane.rttMs * Math.log2(1 + bytes / lane.flight);
  return lane.ceiling === undefined ? Math.min(steadyMs, rampMs) : Math.max(rampMs, bytes / lane.ceiling);
}

/** Completion of one more segment on a lane, ms from now: max(RTT, outstanding / rate) + size / rate. */
export function expectedCompletion(lane: Lane, segmentBytes: number): number {
  const { rttMs, rate, outBytes, flight } = lane;
  if (flight === undefined) return Math.max(rttMs, outBytes / rate) + segmentBytes / rate;
  return Math.max(rttMs + Math.min(rttMs, segmentBytes / rate), timeToBring(lane, outBytes + segmentBytes));
}

/** The pattern of one epoch. With no lanes it leaves what is reserved and gives the rest to nobody. */
export function deal(order: DealOrder): Pattern {
  const { from, lanes, segmentBytes } = order;
  const to = Math.min(order.to, MAX_SEGMENTS);
  const most = Math.min(to - from, LIMITS.maxLeadElements);
  const lead: number[] = [];
  const queue = lanes.map((lane) => ({ ...lane }));
  let dealt = 0;
  for (let index = from; lead.length < most && (index <= order.reach || dealt < order.horizon); index += 1) {
    const holder = order.reserved.get(index);
    if (!order.isWanted(index)) lead.push(NOBODY);
    else if (holder !== undefined) lead.push(holder);
    else {
      const lane = earliest(queue, segmentBytes);
      if (lane !== undefined) lane.outBytes += segmentBytes;
      lead.push(lane?.channel ?? NOBODY);
      dealt += 1;
    }
  }
  const covered = from + lead.length >= to;
  const cycle = covered ? new Uint16Array(0) : cycleOf(lanes, order.cycleElements);
  return { epoch: order.epoch, from, to, lead: Uint16Array.from(lead), cycle };
}

/** Shares by rate, spread evenly. Every lane appears at least once: a source with no element could never speed up. */
function cycleOf(lanes: readonly Lane[], elements: number): Uint16Array {
  if (lanes.length === 0) return new Uint16Array(0);
  const counts = allocate(
    elements,
    lanes.map((lane) => lane.rate),
  ).map((count) => Math.max(1, count));
  return interleave(
    lanes.map((lane) => lane.channel),
    counts,
  );
}

function earliest<T extends Lane>(lanes: readonly T[], segmentBytes: number): T | undefined {
  let best: T | undefined;
  let bestAt = Number.POSITIVE_INFINITY;
  for (const lane of lanes) {
    const at = expectedCompletion(lane, segmentBytes);
    if (at < bestAt) {
      best = lane;
      bestAt = at;
    }
  }
  return best;
}
