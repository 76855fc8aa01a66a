// The output in order: when each segment that is whole up to here goes to the sink. Once the routes are known they go at
// an even pace, a little quicker than they come: what was held up by one late segment and is whole all at once would
// otherwise go in one burst, followed by nothing until the next one is whole (sub-interval smoothing on the way out).
// Nothing waits at the beginning, at the end, on lines too quick for timers, or for much longer than a quarter of a second.
import { totalRate } from './state.ts';
import type { TransferState } from './state.ts';

/** The pace, as a part of the time in which a segment comes: what waits gets less. */
const PACE = 0.97;
/** Shorter pauses are not worth a timer, ms. */
const LEAST_PAUSE_MS = 1;
/** What waits may take this long at that pace, ms: then pauses as long as that are not seen. */
const MOST_WAIT_MS = 250;
/** It is no more than this part of the reorder window, which has to have room for what comes. */
const MOST_PART = 0.125;
/** A timer that is late is made up for, up to so many ms. */
const MOST_LATE_MS = 4;

/** Hands segments out in order. */
export class HandOut {
  readonly #state: TransferState;
  #nextAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(state: TransferState) {
    this.#state = state;
  }

  /** When the next turn is due, absolute ms; infinite while nothing waits. */
  get dueAt(): number {
    return this.#dueAt;
  }

  turn(now: number): void {
    const { effects, table } = this.#state;
    this.#dueAt = Number.POSITIVE_INFINITY;
    // most segments come before the one that is next: that costs nothing here
    if (!table.hasNextInOrder) return;
    const pauseMs = this.#pauseMs();
    const most = pauseMs === 0 ? 0 : this.#mostWaiting(pauseMs);
    this.#nextAt = Math.max(this.#nextAt, now - MOST_LATE_MS);
    while (table.readyInOrder > most || this.#nextAt <= now) {
      const index = table.takeNextInOrder();
      if (index === undefined) break;
      effects.push({ type: 'deliver', index });
      this.#nextAt += pauseMs;
    }
    this.#nextAt = Math.min(this.#nextAt, now + pauseMs);
    if (table.hasNextInOrder) this.#dueAt = this.#nextAt;
  }

  /** ms between two segments; 0 where an even pace is not worth it, or not known yet. */
  #pauseMs(): number {
    const { options, routes, table } = this.#state;
    if (table.missingLeft === 0 || routes.some((route) => route.window.slowStart && route.segments > 0)) return 0;
    const pauseMs = (PACE * options.segmentBytes) / totalRate(this.#state);
    return pauseMs >= LEAST_PAUSE_MS ? pauseMs : 0;
  }

  #mostWaiting(pauseMs: number): number {
    const { reorderBytes, segmentBytes } = this.#state.options;
    return Math.floor(Math.min(MOST_WAIT_MS / pauseMs, (MOST_PART * reorderBytes) / segmentBytes));
  }
}
