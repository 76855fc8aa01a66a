// The buffers that socket reads land in, shared by all sessions of a relay. A buffer belongs to exactly one holder
// from take() to give(); reusing them is what makes the relay cheap (a fresh buffer per read feeds the garbage
// collector for longer than the copy takes). Owns sizes and the memory budget; knows nothing of sockets.

/** Sizes of landing buffers, bytes: an idle connection pins the smallest, a fast one reads into the largest. */
export const LANDING_SIZES = [16_384, 65_536, 262_144, 786_432] as const;

export const SMALLEST_LANDING: number = LANDING_SIZES[0];
export const LARGEST_LANDING: number = LANDING_SIZES[3];

/** Read again at every use: they may change while the relay runs. */
export type LandingBudget = {
  /** Bytes in use above which only the smallest size is handed out. */
  readonly bufferBudgetBytes: number;
  /** Bytes kept free for the next reader. */
  readonly spareBufferBytes: number;
};

export class LandingBuffers {
  readonly #free: Map<number, Buffer[]> = new Map(LANDING_SIZES.map((size) => [size, []]));
  readonly #budget: LandingBudget;
  #takenBytes = 0;
  #freeBytes = 0;

  constructor(budget: LandingBudget) {
    this.#budget = budget;
  }

  /** Bytes of all buffers now in somebody's hands. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** A buffer of the size class `wanted`, or the smallest one when the budget is used up. */
  take(wanted: number): Buffer {
    const size = this.#takenBytes + wanted > this.#budget.bufferBudgetBytes ? SMALLEST_LANDING : wanted;
    const buffer = this.#free.get(size)?.pop();
    this.#takenBytes += size;
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#freeBytes -= size;
    return buffer;
  }

  /** Hands back a buffer that nobody reads or writes any more. */
  give(buffer: Buffer): void {
    this.#takenBytes -= buffer.length;
    if (this.#freeBytes + buffer.length > this.#budget.spareBufferBytes) return;
    const free = this.#free.get(buffer.length);
    if (free === undefined) return;
    // Last in, first out: the buffer still in the processor's cache goes to the next reader.
    free.push(buffer);
    this.#freeBytes += buffer.length;
  }

  /** Forgets a buffer that a closing socket may still refer to; it is never handed out again. */
  drop(buffer: Buffer): void {
    this.#takenBytes -= buffer.length;
  }
}

/**
 * The size for the read after one that put `bytes` into a buffer of `size`: two classes up when full, one down when a
 * quarter would have done. (With one up, busy sessions swing between two small sizes and pay twice the system calls.)
 */
export function nextLandingSize(size: number, bytes: number, largest: number): number {
  const at = LANDING_SIZES.indexOf(size as (typeof LANDING_SIZES)[number]);
  if (bytes === size) return Math.min(LANDING_SIZES[at + 2] ?? LARGEST_LANDING, largest);
  if (bytes * 4 <= size) return LANDING_SIZES[at - 1] ?? SMALLEST_LANDING;
  return size;
}
