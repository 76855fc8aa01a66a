// Slabs: memory that segments land in, several in each, and that is used again when nobody needs any of them any more. A
// fresh piece per read costs more in garbage collection than the read itself. The memory is shared, so that a thread can
// look at it without any of it moving.

/** Bytes of segments in one slab: fewer, larger reads and messages cost less; each connection has one that is not full. */
const SLAB_BYTES = 262_144;

/** One piece of memory, and how many still need it. */
export class Slab {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly #onFree: ((slab: Slab) => void) | undefined;
  #users = 1;

  /** It has one user. `onFree`: it has none any more, and may be used again. */
  constructor(bytes: number, onFree?: (slab: Slab) => void) {
    this.bytes = new Uint8Array(new SharedArrayBuffer(bytes));
    this.#onFree = onFree;
  }

  /** Somebody else needs it, too. */
  hold(): void {
    this.#users += 1;
  }

  /** One user less, who looks at it no more. */
  release(): void {
    if (this.#users === 0) throw new Error('a slab was released by somebody who did not hold it');
    this.#users -= 1;
    if (this.#users === 0) this.#onFree?.(this);
  }

  /** True when there is one user only. */
  get isAlone(): boolean {
    return this.#users === 1;
  }
}

/**
 * Slabs of one size, as many as were needed at one time. None is given up while the pool is used: the hashing thread, which
 * has next to nothing to collect, would hold on to each that it has ever seen, and hundreds of megabytes would pile up.
 */
export class BufferPool {
  readonly bytes: number;
  readonly #free: Slab[] = [];

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** A slab with one user. */
  take(): Slab {
    const slab = this.#free.pop();
    slab?.hold();
    return slab ?? new Slab(this.bytes, (free) => this.#free.push(free));
  }
}

/** Segments of a slab. */
export function segmentsPerSlab(segmentBytes: number): number {
  return Math.max(1, Math.floor(SLAB_BYTES / segmentBytes));
}
