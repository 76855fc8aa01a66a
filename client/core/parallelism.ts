// How many connections a route needs because its one cannot fill it. A connection that loses the fraction p of its packets
// carries about C / (RTT × √p) and no more, however wide the line is (Mathis et al. 1997); one that left slow start too
// early takes seconds to grow. Both show in the same way: in every round trip a part comes, then nothing for a while.
// A few are opened first: such gaps may also be the pauses of a busy machine, and many connections that bring nothing cost
// every pattern a copy each. Only if the few carry more do many follow. They stay, on a path that is long enough: a
// connection that carried a part takes seconds to grow into carrying all.
import type { CoreOptions } from './options.ts';

/** What a route measured until now. */
export type ParallelismSample = {
  /** Bytes that came since the transfer began. */
  readonly receivedBytes: number;
  readonly rttMs: number;
  /** Gaps in what a busy connection brings, as losses and small windows make them, since the transfer began. */
  readonly gaps: number;
  /** Channels that are open. */
  readonly open: number;
  readonly slowStart: boolean;
  /** Bytes asked for and not yet here, and bytes per ms that come. */
  readonly outBytes: number;
  readonly rate: number;
  /** Queueing delay on the path, ms. */
  readonly queueMs: number | undefined;
};

/** On shorter paths a loss costs next to nothing, and gaps are those of busy machines, ms. */
const LEAST_RTT_MS = 3;
/**
 * A connection that carries so much, bytes per ms, over a path no longer than that, ms, loses next to nothing: its gaps are
 * those of a busy machine, which has more to do for more connections.
 */
const QUICK_RATE = 16_000;
const QUICK_RTT_MS = 20;
const PACKET_BYTES = 1_448;
const MATHIS = 1.22;
/**
 * Something else limits a connection that carries less than this part of what the formula allows it, every gap taken for a
 * loss. There is no limit above: of a window that is too small there is a gap in every round trip, far more than losses.
 */
const LEAST_OF_ALLOWED = 0.7;
/** Fewer gaps than this are an accident. */
const LEAST_GAPS = 3;
/** Time that is looked at together, and the most when losses are rare, in ms and round trips. */
const MEASURE_MS = 200;
const MEASURE_RTTS = 4;
const MOST_MEASURES = 8;
/** What is asked for waits at the senders when it takes this much longer than the path, */
const WAIT_RTTS = 0.3;
const WAIT_MS = 20;
/** while no more than this queues on it. */
const QUEUE_RTTS = 0.1;
const QUEUE_MS = 10;

/** Connections that are tried first. */
const FEW = 4;
/** They pay when they carry this many times what one did, */
const PAYS = 1.15;
/** over the second half of this time, ms and round trips, from when they are there. */
const TRIAL_MS = 600;
const TRIAL_RTTS = 8;
/** Connections that stay after a trial that did not pay: whoever has gaps does a little better with another. */
const LEFT = 2;
/** Time until the next trial after one that did not pay, ms: doubled each time. */
const FIRST_REST_MS = 2_000;

type Mark = { readonly at: number; readonly receivedBytes: number; readonly gaps: number };
/** What one connection carried, when the few were there, and what had come by the middle of their trial. */
type Trial = { readonly rate: number; since?: number; half?: Mark };

/** Connections of one route by its losses. */
export class Parallelism {
  readonly #most: number;
  #connections = 1;
  #mark: Mark | undefined;
  #trial: Trial | undefined;
  #heldSince: number | undefined;
  #restUntil = Number.NEGATIVE_INFINITY;
  #restMs = FIRST_REST_MS;

  constructor({ output, lossyAnyConnections, lossyConnections }: CoreOptions) {
    this.#most = output === 'any' ? lossyAnyConnections : lossyConnections;
  }

  /** What the route carries is limited by losses. */
  get isLossLimited(): boolean {
    return this.#connections === this.#most;
  }

  /** Connections worth having; 1 until losses were seen. */
  get connections(): number {
    return this.#connections;
  }

  tick(sample: ParallelismSample, now: number): void {
    const { open, rate, rttMs, slowStart } = sample;
    // a path that a slow start made look long is found to be short sooner or later
    if (rttMs < LEAST_RTT_MS) this.#connections = 1;
    if (this.isLossLimited || rttMs < LEAST_RTT_MS) return;
    const isQuick = open > 0 && rttMs <= QUICK_RTT_MS && rate >= QUICK_RATE * open;
    const isTrialDue = !isQuick && open <= LEFT && this.#connections <= LEFT && now >= this.#restUntil;
    if (slowStart || !isTrialDue) this.#mark = undefined;
    if (slowStart || isQuick || open < 2) this.#heldSince = undefined;
    if (slowStart || open === 0) return;
    if (isTrialDue) this.#few(sample, now);
    else if (!isQuick && this.#isHeldBack(sample, now)) this.#connections = this.#most;
    else this.#judge(sample, isQuick, now);
  }

  /** One connection, or two: they have gaps, which may be what limits them. */
  #few({ receivedBytes, gaps, rttMs, rate }: ParallelismSample, now: number): void {
    this.#mark ??= { at: now, receivedBytes, gaps };
    const elapsed = now - this.#mark.at;
    const measure = Math.max(MEASURE_MS, MEASURE_RTTS * rttMs);
    if (elapsed < measure) return;
    const bytes = receivedBytes - this.#mark.receivedBytes;
    const lost = gaps - this.#mark.gaps;
    if (lost < LEAST_GAPS && elapsed <= MOST_MEASURES * measure) return;
    this.#mark = undefined;
    if (lost < LEAST_GAPS) return;
    const allowed = (MATHIS * PACKET_BYTES) / (rttMs * Math.sqrt((lost * PACKET_BYTES) / bytes));
    const carried = bytes / elapsed;
    if (carried < LEAST_OF_ALLOWED * allowed) return;
    this.#connections = Math.min(FEW, this.#most);
    this.#trial = { rate: Math.max(carried, rate) };
  }

  /** The few carry more than was carried before them; or they do not, and most of them go for a while. */
  #judge({ receivedBytes, gaps, rttMs, open }: ParallelismSample, isQuick: boolean, now: number): void {
    const trial = this.#trial;
    if (trial === undefined || open < this.#connections) return;
    trial.since ??= now;
    const length = Math.max(TRIAL_MS, TRIAL_RTTS * rttMs);
    if (now - trial.since < length / 2) return;
    trial.half ??= { at: now, receivedBytes, gaps };
    if (now - trial.since < length) return;
    this.#trial = undefined;
    const carried = (receivedBytes - trial.half.receivedBytes) / (now - trial.half.at);
    this.#connections = !isQuick && carried >= PAYS * trial.rate ? this.#most : LEFT;
    this.#restUntil = now + this.#restMs;
    this.#restMs *= 2;
  }

  /**
   * Several connections: what is asked for takes much longer than the path does (Little's law) though nothing queues on
   * it, and has done so for longer than a slow start: it waits at the senders, whose windows losses keep small.
   */
  #isHeldBack({ outBytes, rate, rttMs, queueMs }: ParallelismSample, now: number): boolean {
    const waitMs = outBytes / Math.max(1, rate) - rttMs;
    const isQueueFree = queueMs !== undefined && queueMs < QUEUE_RTTS * rttMs + QUEUE_MS;
    if (!isQueueFree || waitMs <= WAIT_RTTS * rttMs + WAIT_MS) this.#heldSince = undefined;
    else this.#heldSince ??= now;
    return this.#heldSince !== undefined && now - this.#heldSince > Math.max(MEASURE_MS, MEASURE_RTTS * rttMs);
  }
}
