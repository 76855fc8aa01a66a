// PONGs of a source that knows no PING. A mirror's requests are all it can be measured by: a PING is answered when as much
// time has passed since it as the newest request before it took to its first byte. So a PONG is late by what waits in
// front of an answer, and never earlier than a round trip. While nothing is asked nothing is known, and nothing is said.

type Ping = { readonly nonce: number; readonly at: number };
type Request = { readonly at: number; readonly pings: Ping[] };

/** The PINGs of one channel. Times are monotonic ms. */
export class RangePings {
  readonly #pong: (nonce: number) => void;
  /** Requests whose answer has not begun, oldest first. */
  readonly #open: Request[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** ms from the newest answered request to its first byte. */
  #tookMs: number | undefined;
  #heardAt = Number.NEGATIVE_INFINITY;

  /** `pong` is called when the time of an answer has come. */
  constructor(pong: (nonce: number) => void) {
    this.#pong = pong;
  }

  /** A PING is to be answered. */
  ping(nonce: number, now: number): void {
    const newest = this.#open.at(-1);
    if (newest !== undefined) newest.pings.push({ nonce, at: now });
    else if (this.#tookMs !== undefined) this.#answer({ nonce, at: now }, this.#tookMs);
  }

  /** A request was written. */
  asked(now: number): void {
    this.#open.push({ at: now, pings: [] });
  }

  /** The answer to the request written at `askedAt` begins. */
  answered(askedAt: number, now: number): void {
    const at = this.#open.findIndex((request) => request.at === askedAt);
    const [request] = at < 0 ? [] : this.#open.splice(at, 1);
    if (request === undefined) return;
    this.#tookMs = now - askedAt;
    this.#heardAt = now;
    for (const ping of request.pings) this.#answer(ping, ping.at - askedAt);
  }

  /** Bytes came. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Nothing is said any more. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#open.length = 0;
  }

  /** Answers in `ms`, unless nothing was heard since the PING by then. */
  #answer(ping: Ping, ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#heardAt >= ping.at) this.#pong(ping.nonce);
    }, ms);
    this.#timers.add(timer);
  }
}
