// How many connections a route needs because of losses. A connection that loses the fraction p of its packets carries
// about C / (RTT × √p) and no more, however wide the line is (Mathis et al. 1997); several carry several times as much.
// Once wanted they stay, on a path that is long enough: a connection that carried a part takes seconds to grow into carrying all.
import type { CoreOptions } from './options.ts';

/** What a route measured until now. */
export type ParallelismSample = {
  /** Bytes that came since the transfer began. */
  readonly receivedBytes: number;
  readonly rttMs: number;
  /** Gaps of about a round trip, as the repair of a loss makes them, since the transfer began. */
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
const LEAST_RTT_MS = 8;
const PACKET_BYTES = 1_448;
const MATHIS = 1.22;
/**
 * A connection is limited by its losses when it carries about what the formula allows. Far less: something else limits
 * it. Far more: what was seen were no losses, or its congestion control does not mind them.
 */
const AGREES = { least: 0.7, most: 4 };
/** Fewer gaps than this are an accident. */
const LEAST_GAPS = 5;
/** Time that is looked at together, and the most when losses are rare, in ms and round trips. */
const MEASURE_MS = 400;
const MEASURE_RTTS = 4;
const MOST_MEASURES = 20;
/** What is asked for waits at the senders when it takes this much longer than the path, */
const WAIT_RTTS = 0.3;
const WAIT_MS = 20;
/** while no more than this queues on it. */
const QUEUE_RTTS = 0.1;
const QUEUE_MS = 10;

type Mark = { readonly at: number; readonly receivedBytes: number; readonly gaps: number };

/** Connections of one route by its losses. */
export class Parallelism {
  readonly #most: number;
  #isLossLimited = false;
  #mark: Mark | undefined;
  #heldSince: number | undefined;

  constructor(options: Pick<CoreOptions, 'lossyConnections'>) {
    this.#most = options.lossyConnections;
  }

  /** What the route carries is limited by losses. */
  get isLossLimited(): boolean {
    return this.#isLossLimited;
  }

  /** Connections worth having; 1 until losses were seen. */
  get connections(): number {
    return this.#isLossLimited ? this.#most : 1;
  }

  tick(sample: ParallelismSample, now: number): void {
    // a path that a slow start made look long is found to be short sooner or later
    if (sample.rttMs < LEAST_RTT_MS) this.#isLossLimited = false;
    if (this.#isLossLimited || sample.rttMs < LEAST_RTT_MS) return;
    const { open, slowStart } = sample;
    if (slowStart || open !== 1) this.#mark = undefined;
    if (slowStart || open < 2) this.#heldSince = undefined;
    if (slowStart || open === 0) return;
    this.#isLossLimited = open === 1 ? this.#agreesWithLosses(sample, now) : this.#isHeldBack(sample, now);
  }

  /** A lone connection: it carries about what the formula allows it with the losses it has. */
  #agreesWithLosses({ receivedBytes, gaps, rttMs }: ParallelismSample, now: number): boolean {
    this.#mark ??= { at: now, receivedBytes, gaps };
    const elapsed = now - this.#mark.at;
    const measure = Math.max(MEASURE_MS, MEASURE_RTTS * rttMs);
    if (elapsed < measure) return false;
    const bytes = receivedBytes - this.#mark.receivedBytes;
    const lost = gaps - this.#mark.gaps;
    if (lost < LEAST_GAPS && elapsed <= MOST_MEASURES * measure) return false;
    this.#mark = undefined;
    if (lost < LEAST_GAPS) return false;
    const allowed = (MATHIS * PACKET_BYTES) / (rttMs * Math.sqrt((lost * PACKET_BYTES) / bytes));
    const carried = bytes / elapsed;
    return carried >= AGREES.least * allowed && carried <= AGREES.most * allowed;
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
