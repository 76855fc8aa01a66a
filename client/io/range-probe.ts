// Requests for bytes that are no segment's. One for a single byte is the only way to ask a plain server for a sign of life,
// and for the time that one takes, while no segment is due; these are sent seldom, and ever more seldom.
import type { AnswerPlace } from './range-order.ts';
import type { ByteSpan } from './range-answer.ts';
import type { RangeRequest } from './range-run.ts';

/** ms between two probes of a channel that has nothing to do: at first, and after a while. */
const FIRST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 5_000;
const ANY_BYTE: ByteSpan = { first: 0, last: 0 };

/** A request for a few bytes that are no segment's: of a copy that is compared with others, or just any byte. */
export class Sample implements RangeRequest {
  readonly isProbe = true;
  readonly places: readonly AnswerPlace[] = [];
  readonly #span: ByteSpan;
  /** What came; whole when nothing is missing. */
  readonly bytes: Uint8Array;
  readonly #onWhole: () => void;
  askedAt = 0;
  #came = 0;

  constructor(span: ByteSpan = ANY_BYTE, onWhole: () => void = () => {}) {
    this.#span = span;
    this.bytes = new Uint8Array(span.last - span.first + 1);
    this.#onWhole = onWhole;
  }

  get missing(): ByteSpan {
    return { first: this.#span.first + this.#came, last: this.#span.last };
  }

  get missingBytes(): number {
    return this.bytes.length - this.#came;
  }

  bound(): void {}

  drop(): void {}

  space(last: number): Uint8Array {
    return this.bytes.subarray(this.#came, Math.max(0, last - this.#span.first + 1));
  }

  filled(bytes: number): void {
    this.#came += bytes;
    if (this.#came === this.bytes.length) this.#onWhole();
  }
}

/** When the next probe may be sent. */
export class ProbePace {
  #pauseMs = FIRST_PAUSE_MS;
  #notBefore = Number.NEGATIVE_INFINITY;

  /** Something real was asked for: the next idle time is a new one. */
  busy(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /** True when a probe is due; it has to be sent then. */
  isDue(now: number): boolean {
    if (now < this.#notBefore) return false;
    this.#notBefore = now + this.#pauseMs;
    this.#pauseMs = Math.min(MOST_PAUSE_MS, 2 * this.#pauseMs);
    return true;
  }
}
