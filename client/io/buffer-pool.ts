// Slabs: memory that segments land in, several in each, and that is used again when nobody needs any of them any more. A
// fresh piece per read costs more in garbage collection than the read itself. The memory is shared, so that a thread can
// look at it without any of it moving.

/** Bytes of segments in one slab: fewer, larger reads and messages cost less; each connection has one that is not full. */
const SLAB_BYTES = 262_144;

/**
 * Bytes of slabs kept for reuse; more than that are left to the collector, who lets twice as much pile up. A quick route
 * into a slow file needs the reorder window and what is under way.
 */
const MOST_KEPT_BYTES = 67_108_864;

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

/** Slabs of one size. */
export class BufferPool {
  readonly bytes: number;
  readonly #free: Slab[] = [];
  readonly #mostKept: number;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.#mostKept = Math.max(1, Math.floor(MOST_KEPT_BYTES / bytes));
  }

  /** A slab with one user. */
  take(): Slab {
    const slab = this.#free.pop();
    slab?.hold();
    return slab ?? new Slab(this.bytes, (free) => this.#keep(free));
  }

  #keep(slab: Slab): void {
    if (this.#free.length < this.#mostKept) this.#free.push(slab);
  }
}

/** Segments of a slab. */
export function segmentsPerSlab(segmentBytes: number): number {
  return Math.max(1, Math.floor(SLAB_BYTES / segmentBytes));
}
