// How many bytes a channel may have decided and not yet handed to the kernel: what its connection took in the last
// moments, within bounds. Large writes cost a third less than small ones, but no new pattern calls back what is decided:
// so only a connection that takes it at once gets it. Pure.

/** What is decided beyond the least holds a new pattern up for this long at most, ms. */
const SPAN_MS = 2;

/** The room of one channel. */
export class SendRoom {
  readonly #leastBytes: number;
  readonly #mostBytes: number;
  #bytes: number;
  #markedBytes = 0;
  #markedAt: number;

  constructor(leastBytes: number, mostBytes: number, now: number) {
    this.#leastBytes = leastBytes;
    this.#mostBytes = Math.max(leastBytes, mostBytes);
    this.#bytes = leastBytes;
    this.#markedAt = now;
  }

  /** Bytes that may wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The connection has taken `takenBytes` since it opened. `now` in ms. */
  measure(takenBytes: number, now: number): void {
    const elapsed = now - this.#markedAt;
    if (elapsed < SPAN_MS) return;
    const perSpan = ((takenBytes - this.#markedBytes) * SPAN_MS) / elapsed;
    this.#bytes = Math.min(this.#mostBytes, Math.max(this.#leastBytes, perSpan));
    this.#markedBytes = takenBytes;
    this.#markedAt = now;
  }
}
