// How many bytes may be outstanding on a route, all its channels together. What exceeds the path's bandwidth-delay
// product waits in somebody's buffer: it cannot be called back, delays urgent segments and overflows in bursts.
// Slow start gives credit for three times the last round trip and ends at the first flat one, or when PONGs come late;
// afterwards the window is the recent best rate times (RTT + X), X steered by the measured queueing delay.
import { LineRate } from './line-rate.ts';
import type { CoreOptions } from './options.ts';

/** What the route measured since the last turn. */
export type WindowSample = {
  /** Bytes that came since the last sample. */
  readonly bytes: number;
  /** Bytes of the last RTT over all channels (peak, decaying). */
  readonly flight: number;
  /** Bytes per ms over all channels. */
  readonly rate: number;
  readonly rttMs: number;
  /** Channels that could be used. */
  readonly channels: number;
  /** What the route carries is limited by losses, not by a queue: seen by parallelism.ts. */
  readonly lossLimited: boolean;
};

/** Bytes per channel below which a flat round trip says nothing: the first flights of TCP are flat. */
const FLAT_LEAST_BYTES = 58_000;
/** Added to the window in slow start, so that one segment more is always under way. */
const ADDED_BYTES = 32_768;
/**
 * In order, slow start gives no credit for more than this many times what the line carries in a round trip: TCP would
 * overflow its queue, and what is lost there holds everything up. Into a file it does not pay.
 */
const MOST_OF_LINE = 1.4;
/** PONG delay that ends slow start: this many RTTs and so many ms beyond. */
const DELAY_RTTS = 1.15;
const DELAY_MS = 25;
/** PONG delay from which the window does not grow on. */
const HINT_RTTS = 1.05;
const HINT_MS = 8;
/** The allowance grows by this factor while nothing queues, */
const GROWTH = 1.25;
/** and into a file by this one once something did: several connections would overflow the queue again and again. */
const CAREFUL_GROWTH = 1.06;
/** Segments on the way that keep a connection's congestion window in use. */
const FED_SEGMENTS = 4;
/** An allowance of so many targets that makes no queue waits at the senders: it takes more connections to carry it. */
const AT_SENDERS = 2;
const BEST_RATE_DECAY_MS = 600;
/** On a thin route a PONG waits for the segment before it: so much of that delay is no queue, ms. */
const MOST_SEGMENT_MS = 60;
/** Two round trips that together grew by less than this end slow start however thin the route is. */
const FLAT_TWICE = 1.25;
/** but not the first ones, which may come in pieces. */
const FLAT_TWICE_AFTER_MS = 300;
const FLAT_TWICE_AFTER_RTTS = 4;

/** Window of one route. */
export class RouteWindow {
  readonly #options: CoreOptions;
  readonly #isForFile: boolean;
  #slowStart = true;
  #bytes: number;
  #bestRate = 0;
  #extraMs = 0;
  /** A queue was longer than it is to be since slow start. */
  #hasQueued = false;
  #lastTick: number | undefined;
  #steeredAt = 0;
  #flights: { at: number; bytes: number }[] = [];
  #pongs: { at: number; delayMs: number; backlogMs: number }[] = [];
  #active = 1;
  #flowsSince: number | undefined;
  #queueMs: number | undefined;
  /** Undefined into a file, and when the path has become longer: then it is known how much it carries. */
  #line: LineRate | undefined;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#isForFile = options.output === 'any';
    this.#bytes = options.firstWindowBytes;
    if (!this.#isForFile) this.#line = new LineRate();
  }

  get bytes(): number {
    return this.#bytes;
  }

  get slowStart(): boolean {
    return this.#slowStart;
  }

  /** Channels that may be given credit: no more than the window has segments for. */
  get active(): number {
    return this.#active;
  }

  /** Queueing delay that the PONGs of the last interval showed, ms; undefined when none came. */
  get queueMs(): number | undefined {
    return this.#queueMs;
  }

  /** The allowance beyond one RTT that the window holds now, ms. */
  get extraMs(): number {
    return this.#extraMs;
  }

  /** A PONG came `delayMs` after its PING; `backlogMs`: what its own channel's backlog accounts for in slow start. */
  pong(delayMs: number, backlogMs: number, now: number): void {
    this.#pongs.push({ at: now, delayMs, backlogMs });
  }

  tick(sample: WindowSample, now: number): void {
    const elapsed = now - (this.#lastTick ?? now);
    this.#lastTick = now;
    const decay = Math.exp(-elapsed / Math.max(BEST_RATE_DECAY_MS, 4 * sample.rttMs));
    this.#bestRate = Math.max(sample.rate, this.#bestRate * decay);
    if (this.#slowStart) this.#ramp(sample, now);
    else this.#steady(sample, now);
  }

  /** Starts over: the path is a new one (reconnected). */
  restart(): void {
    this.#slowStart = true;
    if (!this.#isForFile) this.#line = new LineRate();
    this.#bytes = this.#options.firstWindowBytes;
    this.#bestRate = 0;
    this.#flights = [];
    this.#pongs = [];
    this.#flowsSince = undefined;
    this.#active = 1;
  }

  /** The path has become longer: the window grows from what it is. */
  regrow(): void {
    this.#slowStart = true;
    this.#line = undefined;
    this.#flights = [];
    this.#pongs = [];
    this.#flowsSince = undefined;
  }

  #ramp({ bytes, flight, rttMs, channels }: WindowSample, now: number): void {
    const { firstWindowBytes, segmentBytes, slowStartGain, slowStartFlat } = this.#options;
    this.#line?.tick(bytes, rttMs, now);
    const most = MOST_OF_LINE * (this.#line?.rate ?? Number.POSITIVE_INFINITY) * rttMs;
    const wanted = Math.min(slowStartGain * flight, most) + ADDED_BYTES;
    const grown = Math.max(firstWindowBytes, channels * segmentBytes, wanted);
    this.#pongs = this.#pongs.filter(({ at }) => at >= now - Math.max(30, 0.7 * rttMs));
    this.#bytes = this.#isLate(HINT_RTTS, HINT_MS) ? Math.min(grown, this.#bytes) : grown;
    this.#active = Math.max(1, Math.min(channels, Math.floor(this.#bytes / segmentBytes)));
    this.#flights.push({ at: now, bytes: flight });
    while ((this.#flights[1]?.at ?? now) <= now - 2 * rttMs) this.#flights.shift();
    if (flight > FLAT_LEAST_BYTES * this.#active && flight < slowStartFlat * this.#flightBefore(rttMs, now)) {
      return this.#leave(rttMs, now);
    }
    if (flight > 0) this.#flowsSince ??= now;
    const isPastStart = now - (this.#flowsSince ?? now) >= Math.max(FLAT_TWICE_AFTER_MS, FLAT_TWICE_AFTER_RTTS * rttMs);
    if (isPastStart && flight < FLAT_TWICE * this.#flightBefore(2 * rttMs, now)) return this.#leave(rttMs, now);
    if (this.#isLate(DELAY_RTTS, DELAY_MS)) this.#leave(rttMs, now);
  }

  /** Flight `ms` ago; 0 when that was before the first bytes. */
  #flightBefore(ms: number, now: number): number {
    return this.#flights.findLast(({ at }) => at <= now - ms)?.bytes ?? 0;
  }

  #leave(rttMs: number, now: number): void {
    this.#slowStart = false;
    this.#hasQueued = false;
    // connections go on growing only while more is asked for than they carry; in order that would be a queue
    this.#extraMs = this.#isForFile ? Math.max(targetOf(rttMs), rttMs) : targetOf(rttMs);
    this.#steeredAt = now;
    this.#resize(rttMs);
    // a file keeps every connection that has grown: each has a small part of what the route carries
    const fed = this.#isForFile ? 1 : FED_SEGMENTS;
    this.#active = Math.max(1, Math.min(this.#active, Math.floor(this.#bytes / (fed * this.#options.segmentBytes))));
  }

  #steady({ rttMs, channels, lossLimited }: WindowSample, now: number): void {
    const interval = Math.max(80, rttMs);
    if (now - this.#steeredAt >= interval) {
      this.#pongs = this.#pongs.filter(({ at }) => at >= this.#steeredAt);
      const delay = this.#pongs.length === 0 ? undefined : Math.min(...this.#pongs.map(({ delayMs }) => delayMs));
      this.#steeredAt = now;
      this.#queueMs = delay === undefined ? undefined : delay - rttMs;
      if (delay !== undefined) this.#steer(delay - rttMs, rttMs, channels, lossLimited);
    }
    this.#resize(rttMs);
  }

  #steer(queueMs: number, rttMs: number, channels: number, lossLimited: boolean): void {
    const target = targetOf(rttMs) + this.#segmentMs();
    const crowded = this.#bytes < (lossLimited ? 1 : FED_SEGMENTS) * this.#active * this.#options.segmentBytes;
    if (queueMs < 0.4 * target) {
      const growth = this.#isForFile && this.#hasQueued && !lossLimited ? CAREFUL_GROWTH : GROWTH;
      this.#extraMs = Math.min(growth * this.#extraMs, lossLimited ? 2 * rttMs + 300 : Math.max(60, rttMs));
      if (!crowded || this.#extraMs > AT_SENDERS * target)
        this.#active = Math.min(channels, Math.ceil(1.5 * this.#active));
    } else if (queueMs > target) {
      this.#hasQueued = true;
      this.#extraMs = Math.max(0.7 * target, 0.85 * this.#extraMs);
      if (crowded) this.#active = Math.max(1, this.#active - 1);
    }
  }

  #resize(rttMs: number): void {
    this.#bytes = Math.max(this.#options.leastWindowBytes, this.#bestRate * (rttMs + this.#extraMs));
  }

  /** In order, a standing queue of a segment would delay what is urgent: there the window stays the smaller one. */
  #segmentMs(): number {
    if (!this.#isForFile) return 0;
    return Math.min(MOST_SEGMENT_MS, this.#options.segmentBytes / Math.max(1, this.#bestRate));
  }

  /** Every PONG of late came later than its own channel's backlog explains. */
  #isLate(roundTrips: number, ms: number): boolean {
    return (
      this.#pongs.length > 0 && this.#pongs.every(({ delayMs, backlogMs }) => delayMs > roundTrips * backlogMs + ms)
    );
  }
}

/** Queueing delay aimed at, ms. */
export function targetOf(rttMs: number): number {
  return Math.max(40, 0.2 * rttMs);
}
