// What the narrowest line of a path carries, seen long before a connection fills it: in slow start every round trip brings
// a train of packets, and within the train they come as quickly as that line lets them through (packet trains: Jain and
// Routhier 1986; their spacing as a first threshold: Hoe 1996). The most that came in a moment is what counts.

/** A moment: this part of a round trip, within these ms. */
const MOMENT_RTTS = 0.25;
const LEAST_MOMENT_MS = 20;
const MOST_MOMENT_MS = 60;
/** On shorter paths there are several round trips in a moment: it would show what the connection carries, not the line, ms. */
const LEAST_RTT_MS = 30;

/** The line of one route. */
export class LineRate {
  #most = 0;
  #recent: { readonly at: number; readonly bytes: number }[] = [];

  /** Bytes per ms, or infinite while nothing is known. */
  get rate(): number {
    return this.#most === 0 ? Number.POSITIVE_INFINITY : this.#most;
  }

  /** `bytes` came on all channels together since the last tick. */
  tick(bytes: number, rttMs: number, now: number): void {
    if (rttMs < LEAST_RTT_MS) return this.reset();
    const momentMs = Math.max(LEAST_MOMENT_MS, Math.min(MOST_MOMENT_MS, MOMENT_RTTS * rttMs));
    this.#recent.push({ at: now, bytes });
    while (now - (this.#recent[1]?.at ?? now) >= momentMs) this.#recent.shift();
    const [first, ...rest] = this.#recent;
    if (first === undefined || now - first.at < momentMs) return;
    const came = rest.reduce((sum, sample) => sum + sample.bytes, 0);
    this.#most = Math.max(this.#most, came / (now - first.at));
  }

  /** The path is another one. */
  reset(): void {
    this.#most = 0;
    this.#recent = [];
  }
}
