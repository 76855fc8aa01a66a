// Room in memory: how many segments may be asked for or held beyond what the sink took (the reorder window). Counts what is
// held and says what fits; in order, part of it may be kept for routes that have nothing. Decides nothing else.
import type { TransferState } from './state.ts';

/** Part of it that may be kept: the in-order point can be asked for however small it is. */
const MOST_KEPT = 0.25;

/** Segments that memory has room for. */
export function mostInMemory({ options }: TransferState): number {
  return Math.floor(options.reorderBytes / options.segmentBytes);
}

/** The memory of one transfer. */
export class MemoryRoom {
  readonly #state: TransferState;
  #held = 0;
  #isFull = false;
  #kept = 0;

  constructor(state: TransferState) {
    this.#state = state;
  }

  /** Segments that arrived and that the sink has not taken. */
  get held(): number {
    return this.#held;
  }

  /** The same, changed by `by`. */
  count(by: number): void {
    this.#held += by;
  }

  /** Whether it allows asking for `index`. */
  fits(index: number): boolean {
    if (this.#state.options.output === 'any') return this.#held < mostInMemory(this.#state);
    const isFull = index >= this.end - this.#kept;
    this.#isFull ||= isFull;
    return !isFull;
  }

  /** In order: somebody could have been asked for more since the last `keep`, if there were more room. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** In order: the exclusive end of what there is room for; what is whole and not taken yet counts. */
  get end(): number {
    return this.#state.table.takenPoint + mostInMemory(this.#state);
  }

  /** The last `segments`, if that is a small part, are for routes that have nothing, until the next time. */
  keep(segments: number): void {
    this.#kept = Math.min(segments, Math.floor(MOST_KEPT * mostInMemory(this.#state)));
    this.#isFull = false;
  }
}
