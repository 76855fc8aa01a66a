// A request for one byte that nobody needs: the only way to ask a plain server for a sign of life, and for the time that
// one takes, while no segment is due. Seldom, and ever more seldom: a mirror's patience is not ours to waste.
import type { AnswerPlace } from './range-order.ts';
import type { ByteSpan } from './range-answer.ts';
import type { RangeRequest } from './range-run.ts';

/** ms between two probes of a channel that has nothing to do: at first, and after a while. */
const FIRST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 5_000;

/** The request. */
export class Probe implements RangeRequest {
  readonly isProbe = true;
  readonly places: readonly AnswerPlace[] = [];
  readonly #scratch = new Uint8Array(1);
  askedAt = 0;
  #came = 0;

  get missing(): ByteSpan {
    return { first: 0, last: 0 };
  }

  get missingBytes(): number {
    return 1 - this.#came;
  }

  bound(): void {}

  drop(): void {}

  space(): Uint8Array {
    return this.#scratch.subarray(this.#came);
  }

  filled(bytes: number): void {
    this.#came += bytes;
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
