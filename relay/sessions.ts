// The open sessions of a relay and the clocks that end them: idle, lingering after one side's end. Driven by the relay's
// tick; one timer for all of them. Tokens that expire are admission's business.
import type { Session } from './join.ts';

export type SessionClocks = { readonly idleTimeoutMs: number; readonly lingerTimeoutMs: number };

type Seen = { moves: number; at: number };

export class Sessions {
  readonly #clocks: SessionClocks;
  readonly #open = new Map<Session, Seen>();

  constructor(clocks: SessionClocks) {
    this.#clocks = clocks;
  }

  add(session: Session, now: number): void {
    this.#open.set(session, { moves: session.moves, at: now });
  }

  delete(session: Session): void {
    this.#open.delete(session);
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#open.keys();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Ends what is silent. `now` is monotonic. */
  tick(now: number): void {
    for (const [session, seen] of this.#open) {
      if (session.moves !== seen.moves) {
        seen.moves = session.moves;
        seen.at = now;
      }
      const patienceMs = session.isEnding ? this.#clocks.lingerTimeoutMs : this.#clocks.idleTimeoutMs;
      if (now - seen.at >= patienceMs) session.abort(session.isEnding ? 'linger' : 'idle');
    }
  }

  /** Ends all of them: the relay stops. */
  abortAll(): void {
    for (const session of this.#open.keys()) session.abort('shutdown');
  }
}
