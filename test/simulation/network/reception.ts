// The receiving end of a stream: keeps what came too early and hands on what is in order. Knows offsets only.

/** Reassembles one stream. */
export class Reception {
  readonly #received: (bytes: number) => void;
  /** Runs that wait for what is before them: start → end. */
  readonly #early = new Map<number, number>();
  #end = 0;

  constructor(received: (bytes: number) => void) {
    this.#received = received;
  }

  /** Bytes [start, end) arrived; runs begin where others end. What came before is ignored. */
  take(start: number, end: number): void {
    if (end <= this.#end) return;
    if (start > this.#end) {
      this.#early.set(start, Math.max(end, this.#early.get(start) ?? 0));
      return;
    }
    const before = this.#end;
    this.#end = end;
    for (let next = this.#early.get(this.#end); next !== undefined; next = this.#early.get(this.#end)) {
      this.#early.delete(this.#end);
      this.#end = next;
    }
    this.#received(this.#end - before);
  }
}
