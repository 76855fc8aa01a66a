// Throughput of one channel: bytes over busy time in a sliding window, smoothed quick up, quick down after a collapse,
// slow in between. Busy means that something was expected: an idle channel is not a slow one.
// Source of the constants: measured on real TCP with routes of 2–100 Mbit/s and 10–600 ms.
const LEAST_WINDOW_MS = 100;
const RISE_MS = 40;
const RISE_SLOW_START_MS = 20;
const COLLAPSE_MS = 30;
const SETTLE_MS = 100;
/** Below this fraction of the smoothed rate a measurement counts as a collapse. */
const COLLAPSE_RATIO = 0.8;
const LEAST_RATE = 0.5;
/** Decay of the peak of bytes per RTT, per tick of 10 ms. */
const PEAK_DECAY = 0.97;
/** A round in which a busy channel brought less than this many times the bytes of the one before did not double. */
const DOUBLING = 1.25;
/** Shortest round, ms: a few ticks, or a burst looks like growth. */
const LEAST_ROUND_MS = 20;
/** Part of a round that a channel must have been busy for the round to tell anything. */
const BUSY_PART = 0.8;
/** Samples outside the window that are kept until they are worth cutting off. */
const MOST_GONE = 64;
/** Bytes of TCP's first window: the guess before anything came. */
export const FIRST_FLIGHT_BYTES = 14_480;

type Sample = { readonly at: number; readonly bytes: number; readonly busyMs: number };

/** Rate of one channel in bytes per ms. */
export class RateEstimator {
  /** The oldest first; those before `#first` have left the window. */
  readonly #samples: Sample[] = [];
  #first = 0;
  #bytes = 0;
  #busyMs = 0;
  #pending = 0;
  #rate = 0;
  #flight = 0;
  #lastAt: number | undefined;
  #busyFrom = Number.POSITIVE_INFINITY;
  #doubling = true;
  #round: { readonly from: number; bytes: number; busyMs: number } | undefined;
  #lastRoundBytes: number | undefined;
  /** Bytes per ms remembered from before; counts until something is measured. */
  readonly #prior: number | undefined;

  constructor(prior?: number) {
    this.#prior = prior;
  }

  /** What is remembered, as long as nothing is measured. */
  get remembered(): number | undefined {
    return this.#rate > 0 ? undefined : this.#prior;
  }

  /** Smoothed bytes per ms; 0 before anything was measured. */
  get measured(): number {
    return this.#rate;
  }

  /** Bytes that came within the last RTT, a peak that decays slowly. */
  get flight(): number {
    return this.#flight;
  }

  /** False once two round trips in a row brought about the same: what the line carries is reached. */
  get doubling(): boolean {
    return this.#doubling;
  }

  /** Bytes per ms to plan with: the measurement, else what is remembered, else TCP's first window per RTT. */
  rateOr(rttMs: number): number {
    const known = this.#rate > 0 ? this.#rate : this.#prior;
    if (known !== undefined) return Math.max(LEAST_RATE, known);
    return Math.max(LEAST_RATE, FIRST_FLIGHT_BYTES / Math.max(1, rttMs));
  }

  /** Something was asked of a channel that had nothing to do: busy one round trip later. */
  becomesBusy(at: number): void {
    if (at < this.#busyFrom) this.#busyFrom = at;
  }

  becomesIdle(): void {
    this.#busyFrom = Number.POSITIVE_INFINITY;
  }

  add(bytes: number, now: number): void {
    this.#pending += bytes;
    if (this.#busyFrom > now) this.#busyFrom = now;
  }

  /** Closes a sample. `windowMs`: at least one RTT; `slowStart`: follow the ramp more quickly. */
  tick(now: number, rttMs: number, slowStart: boolean): void {
    const lastAt = this.#lastAt ?? now;
    const elapsed = now - lastAt;
    this.#lastAt = now;
    const busyMs = Math.max(0, Math.min(elapsed, now - this.#busyFrom));
    this.#push({ at: now, bytes: this.#pending, busyMs });
    this.#countRound(now, elapsed, busyMs, Math.max(LEAST_ROUND_MS, rttMs));
    this.#pending = 0;
    const windowMs = Math.max(LEAST_WINDOW_MS, rttMs);
    this.#drop(now - windowMs);
    this.#measureFlight(now, rttMs);
    if (elapsed <= 0 || this.#busyMs <= 0 || (this.#rate === 0 && this.#bytes === 0)) return;
    const measured = this.#bytes / Math.max(this.#busyMs, Math.min(windowMs, 20));
    if (busyMs === 0) return;
    const settle = slowStart ? RISE_SLOW_START_MS : RISE_MS;
    const tau = measured > this.#rate ? settle : measured < COLLAPSE_RATIO * this.#rate ? COLLAPSE_MS : SETTLE_MS;
    this.#rate += (measured - this.#rate) * (1 - Math.exp(-elapsed / tau));
  }

  /** Rounds begin with the first byte. One that was not busy throughout says nothing, nor does the one behind it. */
  #countRound(now: number, elapsed: number, busyMs: number, roundMs: number): void {
    if (this.#round === undefined && this.#pending === 0) return;
    this.#round ??= { from: now - elapsed, bytes: 0, busyMs: 0 };
    this.#round.bytes += this.#pending;
    this.#round.busyMs += busyMs;
    const { from, bytes, busyMs: busy } = this.#round;
    if (now - from < roundMs) return;
    const isBusy = busy >= BUSY_PART * (now - from);
    if (isBusy && this.#lastRoundBytes !== undefined) this.#doubling = bytes >= DOUBLING * this.#lastRoundBytes;
    this.#lastRoundBytes = isBusy ? bytes : undefined;
    this.#round = { from: now, bytes: 0, busyMs: 0 };
  }

  #push(sample: Sample): void {
    this.#samples.push(sample);
    this.#bytes += sample.bytes;
    this.#busyMs += sample.busyMs;
  }

  #drop(before: number): void {
    let oldest = this.#samples[this.#first];
    while (oldest !== undefined && oldest.at <= before) {
      this.#bytes -= oldest.bytes;
      this.#busyMs -= oldest.busyMs;
      this.#first += 1;
      oldest = this.#samples[this.#first];
    }
    if (this.#first < MOST_GONE) return;
    this.#samples.splice(0, this.#first);
    this.#first = 0;
  }

  #measureFlight(now: number, rttMs: number): void {
    let bytes = 0;
    for (let at = this.#samples.length - 1; at >= this.#first; at -= 1) {
      const sample = this.#samples[at];
      if (sample === undefined || sample.at <= now - rttMs) break;
      bytes += sample.bytes;
    }
    this.#flight = Math.max(bytes, this.#flight * PEAK_DECAY);
  }
}
