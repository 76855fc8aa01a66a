// How many frames of each kind a client may send on one channel in the long run: a token bucket per type. An honest
// client sends a fraction of that; who floods is told `overloaded` and closed, before its frames cost anybody else time.
import { HeddleError } from '../protocol/errors.ts';
import type { ClientFrame } from '../protocol/frames.ts';

/** Frames per second and channel; twice as many at once. CREDIT is not among them: it follows each read of the client. */
export const MOST_FRAMES_PER_SECOND: Readonly<Partial<Record<ClientFrame['type'], number>>> = Object.freeze({
  /** A client deals anew every 25 ms at most, and when a channel comes or goes. */
  pattern: 200,
  /** Twice per round trip at most. */
  ping: 200,
  /** Repair, one segment each; a whole route's at once. */
  send: 4_096,
  cancel: 200,
  /** A page proves 512 segments. */
  prove: 400,
  steer: 20,
  encode: 20,
});

const BURST = 2;

/** The budget of one channel. */
export class FrameBudget {
  readonly #spent = new Map<string, { count: number; at: number }>();

  /** Counts a frame; throws `overloaded` beyond the budget. `now` in ms. */
  spend(type: ClientFrame['type'], now: number): void {
    const perSecond = MOST_FRAMES_PER_SECOND[type];
    if (perSecond === undefined) return;
    const before = this.#spent.get(type) ?? { count: 0, at: now };
    const count = Math.max(0, before.count - ((now - before.at) * perSecond) / 1_000) + 1;
    if (count > BURST * perSecond) {
      throw new HeddleError('overloaded', `more than ${perSecond} ${type.toUpperCase()} per second`);
    }
    this.#spent.set(type, { count, at: now });
  }
}
