// Whether encoding the segments of one object is worth what it costs, from what was measured: how much smaller they become
// and how long that takes. Decides about one segment after another; encodes nothing itself. No clock: times are given.
// Invariant: an object that does not shrink is tried ever more seldom, so it costs its readers nothing that can be measured.

/** Segments encoded at first, before anything is known. */
const FIRST_TRIES = 2;
/** What does not lose at least a tenth of its bytes is sent plain. */
const MOST_RATIO = 0.9;
/** Bytes that pass plain before the next try, at first and at most: each try that finds nothing doubles them. */
const FIRST_PAUSE_BYTES = 16_777_216;
const MOST_PAUSE_BYTES = 1_073_741_824;
/** The same while it would shrink, but encoding takes too long for the channel: a busy machine may be less so soon. */
const SLOW_PAUSE_BYTES = 1_048_576;
/** How much a newer ratio counts: two in a row decide. */
const RATIO_WEIGHT = 0.25;
/** How much a longer and a shorter time count: what others do to the machine only makes it longer. */
const LONGER_WEIGHT = 0.05;
const SHORTER_WEIGHT = 0.5;

/** The worth of one object. */
export class EncodingWorth {
  #ratio: number | undefined;
  #msPerByte = 0;
  #tries = 0;
  #pauseBytes = FIRST_PAUSE_BYTES;
  #passedBytes = 0;

  /** `priorRatio`: what others of its type became, as a part of what they were. */
  constructor(priorRatio?: number) {
    if (priorRatio !== undefined && priorRatio > MOST_RATIO) this.#ratio = 1;
  }

  /** What its segments become, as a part of what they are; undefined before that was measured. */
  get ratio(): number | undefined {
    return this.#ratio;
  }

  /**
   * Whether the next segment of `bytes` bytes is to be encoded for a channel that carries `rate` bytes per ms (undefined: not
   * known): what it saves must take longer on the way than encoding takes. Call it once per segment.
   */
  wants(bytes: number, rate: number | undefined): boolean {
    if (this.#ratio === undefined && this.#tries < FIRST_TRIES) {
      this.#tries += 1;
      return true;
    }
    const { ratio = 1 } = this;
    const pays = rate === undefined || 1 - ratio >= this.#msPerByte * rate;
    if (ratio <= MOST_RATIO && pays) return true;
    this.#passedBytes += bytes;
    if (this.#passedBytes < (ratio <= MOST_RATIO ? SLOW_PAUSE_BYTES : this.#pauseBytes)) return false;
    this.#passedBytes = 0;
    return true;
  }

  /** `plainBytes` became `encodedBytes` within `ms`. */
  learn(plainBytes: number, encodedBytes: number, ms: number): void {
    const ratio = encodedBytes / plainBytes;
    const msPerByte = ms / plainBytes;
    const isFirst = this.#msPerByte === 0;
    const weight = msPerByte > this.#msPerByte ? LONGER_WEIGHT : SHORTER_WEIGHT;
    this.#ratio = smoothed(this.#ratio ?? ratio, ratio, RATIO_WEIGHT);
    this.#msPerByte = smoothed(isFirst ? msPerByte : this.#msPerByte, msPerByte, weight);
    if (this.#ratio <= MOST_RATIO) this.#pauseBytes = FIRST_PAUSE_BYTES;
    else if (!isFirst) this.#pauseBytes = Math.min(MOST_PAUSE_BYTES, 2 * this.#pauseBytes);
  }
}

function smoothed(before: number, now: number, weight: number): number {
  return before + (now - before) * weight;
}
