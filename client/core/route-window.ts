// How many bytes may be outstanding on a route, all its channels together. What exceeds the path's bandwidth-delay
// product waits in somebody's buffer: it cannot be called back, delays urgent segments and overflows in bursts.
// Slow start gives credit for three times the last round trip and ends at the first flat one, or when PONGs come late;
// afterwards the window is the recent best rate times (RTT + X), X steered by the measured queueing delay.
import type { CoreOptions } from './options.ts';

/** What the route measured since the last turn. */
export type WindowSample = {
  /** Bytes of the last RTT over all channels (peak, decaying). */
  readonly flight: number;
  /** Bytes per ms over all channels. */
  readonly rate: number;
  readonly rttMs: number;
  /** Channels that could be used. */
  readonly channels: number;
};

/** Bytes per channel below which a flat round trip says nothing: the first flights of TCP are flat. */
const FLAT_LEAST_BYTES = 58_000;
/** Added to the window in slow start, so that one segment more is always under way. */
const ADDED_BYTES = 32_768;
/** PONG delay that ends slow start: this many RTTs and so many ms beyond. */
const DELAY_RTTS = 1.15;
const DELAY_MS = 25;
const BEST_RATE_DECAY_MS = 600;
/** Time after the first bytes from which late PONGs end slow start even on a route too thin to grow. */
const SETTLED_MS = 300;
const SETTLED_RTTS = 3;

/** Window of one route. */
export class RouteWindow {
  readonly #options: CoreOptions;
  #slowStart = true;
  #bytes: number;
  #bestRate = 0;
  #extraMs = 0;
  #lastTick: number | undefined;
  #steeredAt = 0;
  #flights: { at: number; bytes: number }[] = [];
  #pongs: { at: number; delayMs: number; sentAt: number }[] = [];
  #meaningfulSince: number | undefined;
  #startedAt: number | undefined;
  #active = 1;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#bytes = options.firstWindowBytes;
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

  /** The allowance beyond one RTT that the window holds now, ms. */
  get extraMs(): number {
    return this.#extraMs;
  }

  /** A PONG came `delayMs` after its PING, which left at `sentAt`. */
  pong(delayMs: number, sentAt: number, now: number): void {
    this.#pongs.push({ at: now, delayMs, sentAt });
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
    this.#bytes = this.#options.firstWindowBytes;
    this.#bestRate = 0;
    this.#flights = [];
    this.#pongs = [];
    this.#meaningfulSince = undefined;
    this.#startedAt = undefined;
    this.#active = 1;
  }

  #ramp({ flight, rttMs, channels }: WindowSample, now: number): void {
    const { firstWindowBytes, segmentBytes, slowStartGain, slowStartFlat } = this.#options;
    const grown = slowStartGain * flight + ADDED_BYTES;
    this.#bytes = Math.max(firstWindowBytes, grown);
    this.#active = Math.max(1, Math.min(channels, Math.floor(this.#bytes / segmentBytes)));
    if (flight > 0) this.#startedAt ??= now;
    this.#flights.push({ at: now, bytes: flight });
    while ((this.#flights[1]?.at ?? now) <= now - rttMs) this.#flights.shift();
    const before = this.#flights[0];
    const aRoundTripAgo = before !== undefined && before.at <= now - rttMs ? before.bytes : undefined;
    const flat = aRoundTripAgo !== undefined && flight < slowStartFlat * aRoundTripAgo;
    if (flight > FLAT_LEAST_BYTES * this.#active && flat) return this.#leave(rttMs, now);
    if (2 * flight > 1.5 * firstWindowBytes) this.#meaningfulSince ??= now;
    const settled = now - (this.#startedAt ?? now) > Math.max(SETTLED_MS, SETTLED_RTTS * rttMs);
    const since = settled ? this.#startedAt : this.#meaningfulSince;
    const delay = this.#leastDelay(now - Math.max(30, 0.7 * rttMs), since);
    if (delay !== undefined && delay > DELAY_RTTS * rttMs + DELAY_MS) this.#leave(rttMs, now);
  }

  #leave(rttMs: number, now: number): void {
    this.#slowStart = false;
    this.#extraMs = targetOf(rttMs);
    this.#steeredAt = now;
    this.#resize(rttMs);
  }

  #steady({ rttMs, channels }: WindowSample, now: number): void {
    const interval = Math.max(80, rttMs);
    if (now - this.#steeredAt >= interval) {
      const delay = this.#leastDelay(this.#steeredAt);
      this.#steeredAt = now;
      if (delay !== undefined) this.#steer(delay - rttMs, rttMs, channels);
    }
    this.#resize(rttMs);
  }

  #steer(queueMs: number, rttMs: number, channels: number): void {
    const target = targetOf(rttMs);
    const crowded = this.#bytes < 2 * this.#active * this.#options.segmentBytes;
    if (queueMs < 0.4 * target) {
      this.#extraMs = Math.min(1.25 * this.#extraMs, Math.max(60, rttMs));
      if (!crowded) this.#active = Math.min(channels, this.#active + 1);
    } else if (queueMs > target) {
      this.#extraMs = Math.max(0.7 * target, 0.85 * this.#extraMs);
      if (crowded) this.#active = Math.max(1, this.#active - 1);
    }
  }

  #resize(rttMs: number): void {
    this.#bytes = Math.max(this.#options.leastWindowBytes, this.#bestRate * (rttMs + this.#extraMs));
  }

  #leastDelay(since: number, sentSince?: number): number | undefined {
    this.#pongs = this.#pongs.filter((pong) => pong.at >= since);
    let least: number | undefined;
    for (const { delayMs, sentAt } of this.#pongs) {
      if (sentSince === undefined ? this.#slowStart : sentAt < sentSince) continue;
      if (least === undefined || delayMs < least) least = delayMs;
    }
    return least;
  }
}

/** Queueing delay aimed at, ms. */
function targetOf(rttMs: number): number {
  return Math.max(40, 0.2 * rttMs);
}
