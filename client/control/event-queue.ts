// The events that one reader has still to read: a bounded queue between those who tell and a reader with a pace of his
// own. Who falls behind loses what waits for him, is told so, and begins anew; nobody's memory grows, nobody waits for him.
import type { ControlEvent } from './messages.ts';

/** Events that may wait for a reader: some seconds of a lively transfer. */
export const MOST_WAITING_EVENTS = 64;

/** What a reader who lost events is given instead: `lost`, and everything as it is now. */
export type Renewal = (lost: number) => ControlEvent[];

/** The events for one reader. */
export class EventQueue {
  readonly #renew: Renewal;
  #waiting: ControlEvent[];
  #lost = 0;
  #isClosed = false;
  #wake = (): void => {};

  /** `first`: what he is told before all else. */
  constructor(first: readonly ControlEvent[], renew: Renewal) {
    this.#waiting = [...first];
    this.#renew = renew;
  }

  /** An event happened. */
  push(event: ControlEvent): void {
    if (this.#isClosed) return;
    if (this.#lost > 0) this.#lost += 1;
    else if (this.#waiting.length < MOST_WAITING_EVENTS) this.#waiting.push(event);
    else {
      this.#lost = this.#waiting.length + 1;
      this.#waiting = [];
    }
    this.#wake();
  }

  /** Nothing more will happen: the reader gets what waits, and then the end. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** The next event; undefined at the end. */
  async next(): Promise<ControlEvent | undefined> {
    while (this.#waiting.length === 0 && this.#lost === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#lost > 0) {
      const lost = this.#lost;
      this.#lost = 0;
      this.#waiting = this.#renew(lost);
    }
    return this.#waiting.shift();
  }
}
