// Whether a path has become longer: late PONGs whose delay does not depend on how much was outstanding. What waits in a
// queue comes sooner when less is asked for; what has further to go does not. The smallest round trip ever seen would
// otherwise hide the change for good, and a window for the old path starves the new one.

/** A PONG: when it came, how late, and what the route was asked for when its PING left. */
type Pong = { readonly at: number; readonly delayMs: number; readonly outBytes: number };

/** PONGs looked at together: so many, of this time in ms and round trips. */
const LEAST_PONGS = 5;
const MOST_AGE_MS = 1_500;
const MOST_AGE_RTTS = 8;
/** A longer delay than this is nobody's path but a standstill, ms. */
const MOST_DELAY_MS = 1_500;
/** The PONGs must have come over this part of the delay: what a standstill held back comes all at once. */
const LEAST_SPAN = 0.5;
/** Delays are the same when they differ by no more than this part, and so many ms, */
const SAME = 0.06;
const SAME_MS = 3;
/** while what is outstanding fell to this part. */
const LESS = 0.6;

/** Watches the PONGs of one route. */
export class LongerPath {
  #late: Pong[] = [];

  /** Forgets what was seen: a PONG was not late, or the path is another one. */
  reset(): void {
    this.#late = [];
  }

  /**
   * A PONG came late. Returns the new round trip, ms, once it is certain that the path has become longer; until then
   * undefined.
   */
  late(pong: Pong): number | undefined {
    const { at, delayMs, outBytes } = pong;
    const oldest = at - Math.max(MOST_AGE_MS, MOST_AGE_RTTS * delayMs);
    const isSame = (other: Pong): boolean => Math.abs(other.delayMs - delayMs) <= SAME * delayMs + SAME_MS;
    // only an unbroken run of equal delays counts
    const from = this.#late.findLastIndex((other) => !isSame(other)) + 1;
    this.#late = [...this.#late.slice(from), pong].filter((other) => other.at >= oldest);
    const span = at - (this.#late[0]?.at ?? at);
    if (delayMs > MOST_DELAY_MS || span < LEAST_SPAN * delayMs) return undefined;
    const most = Math.max(...this.#late.map((other) => other.outBytes));
    if (this.#late.length < LEAST_PONGS || outBytes > LESS * most) return undefined;
    const rttMs = Math.min(...this.#late.map((other) => other.delayMs));
    this.#late = [];
    return rttMs;
  }
}
