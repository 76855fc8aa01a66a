// What a transfer counts for those who watch it, beyond what it decides by: what became of the segments of each route, how
// long they took, how long the reader of an output in order had nothing. Decides nothing; nobody needs to ask.
import type { SegmentTable } from './segment-table.ts';

/** Upper bounds of the counts of segment times, ms; one more count is of all that took longer. */
export const SEGMENT_TIME_BOUNDS_MS: readonly number[] = Object.freeze([
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
]);

/** ms that a reader in order waits before it counts as a stall: what a lossy line does is shorter. */
export const STALL_MS = 100;
/** ms after which the answer to a segment whose time is taken is not waited for any more. */
const LONGEST_TIMED_MS = 60_000;

/** What is counted of one route. Segments that were of use are `pattern` or `send`, by what asked for them. */
export type RouteCounts = {
  readonly pattern: number;
  readonly send: number;
  /** Came although nobody needed them any more, in segments and bytes. */
  readonly waste: number;
  readonly wasteBytes: number;
  /** Did not match the root. */
  readonly corrupt: number;
  /** The source said that it will not send them. */
  readonly dropped: number;
  /** How many of the timed segments took at most so long, each by itself: see SEGMENT_TIME_BOUNDS_MS. */
  readonly times: readonly number[];
  readonly timesMs: number;
};

/** The counts of one route. */
export class RouteTally {
  pattern = 0;
  send = 0;
  waste = 0;
  wasteBytes = 0;
  corrupt = 0;
  dropped = 0;
  readonly #times: number[] = Array.from({ length: SEGMENT_TIME_BOUNDS_MS.length + 1 }, () => 0);
  #timesMs = 0;

  /** A segment came `ms` after it was asked for. */
  time(ms: number): void {
    let at = 0;
    while (ms > (SEGMENT_TIME_BOUNDS_MS[at] ?? Number.POSITIVE_INFINITY)) at += 1;
    this.#times[at] = (this.#times[at] ?? 0) + 1;
    this.#timesMs += ms;
  }

  read(): RouteCounts {
    const { pattern, send, waste, wasteBytes, corrupt, dropped } = this;
    return { pattern, send, waste, wasteBytes, corrupt, dropped, times: [...this.#times], timesMs: this.#timesMs };
  }
}

/**
 * Takes the time of one segment of a channel after the other, as TCP does of its packets: each that is asked for while no
 * time is being taken. That costs one comparison per segment, and tells as much as the times of all.
 */
export class SegmentTimer {
  #index = -1;
  #askedAt = Number.NEGATIVE_INFINITY;

  asked(index: number, now: number): void {
    if (this.#index >= 0 && now - this.#askedAt < LONGEST_TIMED_MS) return;
    this.#index = index;
    this.#askedAt = now;
  }

  /** Segment `index` does not come. */
  forget(index: number): void {
    if (index === this.#index) this.#index = -1;
  }

  /** ms since segment `index` was asked for, if its time was taken. */
  came(index: number, now: number): number | undefined {
    if (index !== this.#index) return undefined;
    this.#index = -1;
    return now - this.#askedAt;
  }
}

/** How often and how long the reader of an output in order had nothing although it waited. */
export type StallCounts = { readonly count: number; readonly ms: number };

/** Looks at the in-order point once per tick. */
export class Stalls {
  #count = 0;
  #ms = 0;
  #point = -1;
  #since = 0;
  #countedTo = Number.NEGATIVE_INFINITY;

  /** `isPaused`: nothing is asked for, and nothing waited for. */
  tick(table: SegmentTable, isPaused: boolean, now: number): void {
    const { from, lowestMissing, missingLeft, takenPoint } = table;
    // before the first segment nothing stalls: that is the time to the first byte
    const isWaiting = !isPaused && takenPoint > from && takenPoint === lowestMissing && missingLeft > 0;
    if (!isWaiting || lowestMissing !== this.#point) {
      this.#point = isWaiting ? lowestMissing : -1;
      this.#since = now;
    } else if (now - this.#since > STALL_MS) {
      if (this.#countedTo < this.#since) this.#count += 1;
      this.#ms += now - Math.max(this.#countedTo, this.#since);
      this.#countedTo = now;
    }
  }

  read(): StallCounts {
    return { count: this.#count, ms: this.#ms };
  }
}
