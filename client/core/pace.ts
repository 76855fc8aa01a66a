// The pace of a route whose rate is capped: what it may be asked for grows with time and is used up by asking. Smooth over
// BURST_MS: whatever the interval, no more is asked for than the cap carries in it and BURST_MS together, or one segment.

/** ms of the cap that may be asked for at once, after a pause. */
const BURST_MS = 100;

/** What may be asked for under a cap. */
export class Pace {
  readonly #leastBytes: number;
  #rate: number;
  #left: number;
  #at: number;

  /** `leastBytes`: what is asked for at one time, one segment. */
  constructor(bytesPerSecond: number, leastBytes: number, now: number) {
    this.#leastBytes = leastBytes;
    this.#rate = bytesPerSecond / 1_000;
    this.#left = this.#depth;
    this.#at = now;
  }

  /** Bytes per ms. */
  get rate(): number {
    return this.#rate;
  }

  /** Bytes that may be asked for now. */
  room(now: number): number {
    const grown = this.#left + this.#rate * Math.max(0, now - this.#at);
    return Math.min(this.#depth, grown);
  }

  /** Another cap from now on. */
  change(bytesPerSecond: number, now: number): void {
    this.take(0, now);
    this.#rate = bytesPerSecond / 1_000;
  }

  /** `bytes` were asked for. */
  take(bytes: number, now: number): void {
    this.#left = this.room(now) - bytes;
    this.#at = Math.max(this.#at, now);
  }

  get #depth(): number {
    return Math.max(this.#leastBytes, this.#rate * BURST_MS);
  }
}
