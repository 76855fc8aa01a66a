// Segment buffers that are used again: a fresh one per read costs more in garbage collection than the read itself.
// Each has its own ArrayBuffer, so that it can move to a worker and back.

/** Buffers kept for reuse; more than that are left to the collector. */
const MOST_KEPT = 256;

/** Buffers of one size. */
export class BufferPool {
  readonly bytes: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#free.pop() ?? new Uint8Array(new ArrayBuffer(this.bytes));
  }

  /** Gives a buffer back; nobody may look at it any more. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.byteLength === this.bytes && this.#free.length < MOST_KEPT) this.#free.push(buffer);
  }
}
