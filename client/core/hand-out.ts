// The output in order: when each segment that is whole up to here goes to the sink. Once the routes are known they go at
// an even pace, from a small store: what one late segment held up is whole all at once, and would otherwise go in one burst,
// followed by nothing until the next one is whole (sub-interval smoothing on the way out). The store is as large as the
// latest times of nothing require; the less there is in it, the slower it goes out, and the other way round: so it lasts
// through such a time, and fills up after it, whether or not the rate is known well (jitter buffers of telephony).
// Nothing waits at the beginning, at the end, on lines too quick for timers, or for much longer than a quarter of a second.
import { mostInMemory } from './memory-room.ts';
import { totalRate } from './state.ts';
import type { TransferState } from './state.ts';

/** Pauses between segments, as multiples of the time in which one comes: from a store that is nearly empty, */
const SLOWEST = 2;
/** and from one that is far too full. */
const QUICKEST = 0.2;
/** Shorter pauses are not worth a timer, ms. */
const LEAST_PAUSE_MS = 1;
/** The store lasts so long at the rate at which segments come, ms, and no pause is longer; */
const MOST_WAIT_MS = 250;
/** it is no more than this part of the reorder window, which has to have room for what comes. */
const MOST_PART = 0.125;
/** How long the stream was held up is forgotten in about this time, ms; */
const FORGOTTEN_MS = 1_500;
/** longer times count as this, ms. */
const MOST_HELD_UP_MS = 1_000;
/** A timer that is late is made up for, up to so many ms. */
const MOST_LATE_MS = 4;

/** Hands segments out in order. */
export class HandOut {
  readonly #state: TransferState;
  #nextAt = Number.NEGATIVE_INFINITY;
  #dueAt = Number.POSITIVE_INFINITY;
  /** The in-order point, and since when it is that. */
  #point: number | undefined;
  #pointAt = 0;
  /** The longest that the point stood still lately, ms. */
  #heldUpMs = 0;

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
    this.#watch(now);
    const comesMs = this.#comesMs();
    const most = comesMs === 0 ? 0 : this.#mostWaiting();
    this.#nextAt = Math.max(this.#nextAt, now - MOST_LATE_MS);
    while (table.readyInOrder > most || this.#nextAt <= now) {
      const index = table.takeNextInOrder();
      if (index === undefined) break;
      effects.push({ type: 'deliver', index });
      this.#nextAt += this.#pauseMs(comesMs, most);
    }
    this.#nextAt = Math.min(this.#nextAt, now + this.#pauseMs(comesMs, most));
    if (table.hasNextInOrder) this.#dueAt = this.#nextAt;
  }

  /** Notices how long the point stood still. */
  #watch(now: number): void {
    const { lowestMissing } = this.#state.table;
    if (lowestMissing === this.#point) return;
    if (this.#point !== undefined) {
      const stoodMs = now - this.#pointAt;
      const remembered = this.#heldUpMs * Math.exp(-stoodMs / FORGOTTEN_MS);
      this.#heldUpMs = Math.max(Math.min(stoodMs, MOST_HELD_UP_MS), remembered);
    }
    this.#point = lowestMissing;
    this.#pointAt = now;
  }

  /** ms in which one segment comes; 0 where an even pace is not worth it, or not known yet. */
  #comesMs(): number {
    const { options, routes, table } = this.#state;
    if (table.missingLeft === 0 || routes.some((route) => route.window.slowStart && route.segments > 0)) return 0;
    const comesMs = options.segmentBytes / totalRate(this.#state);
    return comesMs >= LEAST_PAUSE_MS ? comesMs : 0;
  }

  /** ms to the next segment: as long as one takes to come while the store is what it should be. */
  #pauseMs(comesMs: number, most: number): number {
    if (comesMs === 0) return 0;
    const wanted = Math.min(most, Math.max(1, Math.min(MOST_WAIT_MS, this.#heldUpMs) / comesMs));
    const ready = Math.max(1, this.#state.table.readyInOrder);
    return Math.min(MOST_WAIT_MS, comesMs * Math.min(SLOWEST, Math.max(QUICKEST, wanted / ready)));
  }

  /** Segments: what the reorder window does not need for what is still to come. */
  #mostWaiting(): number {
    const { table } = this.#state;
    const room = mostInMemory(this.#state);
    return Math.floor(Math.min(MOST_PART * room, room - (table.highestSeen - table.takenPoint)));
  }
}
