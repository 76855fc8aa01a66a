// Where a body without frames is put: one segment behind the other, as many in a slab as fit.
import type { BufferPool, Slab } from './buffer-pool.ts';

/** A segment in memory: whoever has it releases the slab. */
export type Filled = { readonly slab: Slab; readonly start: number; readonly bytes: number };

/** The segments of one body, in the order in which they come. */
export class SegmentFill {
  readonly #pool: BufferPool;
  readonly #segmentBytes: number;
  #slab: Slab | undefined;
  #start = 0;

  constructor(pool: BufferPool, segmentBytes: number) {
    this.#pool = pool;
    this.#segmentBytes = segmentBytes;
  }

  /** Room for the bytes [from, end) of the present segment. */
  space(from: number, end: number): Uint8Array {
    this.#slab ??= this.#pool.take();
    return this.#slab.bytes.subarray(this.#start + from, this.#start + end);
  }

  /** The present segment is whole and has so many bytes. */
  whole(bytes: number): Filled {
    const slab = this.#slab ?? this.#pool.take();
    const filled = { slab, start: this.#start, bytes };
    this.#start += this.#segmentBytes;
    const hasRoom = this.#start + this.#segmentBytes <= slab.bytes.length;
    if (hasRoom) slab.hold();
    this.#slab = hasRoom ? slab : undefined;
    if (!hasRoom) this.#start = 0;
    return filled;
  }
}
