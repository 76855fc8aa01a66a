// Where socket reads land, for all sessions of a relay: on a doorstep that all connections share, from where a buffer of
// the right size takes the bytes at once, or in a buffer of a connection's own while more is there than a read brings.
// So a silent connection holds nothing. A buffer belongs to exactly one holder from take() to give(); reusing them is what
// makes the relay cheap (a fresh one per read feeds the garbage collector for longer than the copy takes). Owns sizes and
// the memory budget; knows nothing of sockets.

/** Sizes of buffers, bytes. */
export const LANDING_SIZES = [16_384, 65_536, 262_144, 786_432] as const;

export const SMALLEST_LANDING: number = LANDING_SIZES[0];
export const LARGE_LANDING: number = LANDING_SIZES[2];
export const LARGEST_LANDING: number = LANDING_SIZES[3];

/** Read again at every use: they may change while the relay runs. */
export type LandingBudget = {
  /** Bytes in use above which reads stay small. */
  readonly bufferBudgetBytes: number;
  /** Bytes kept free for the next reader. */
  readonly spareBufferBytes: number;
};

export class LandingBuffers {
  readonly #free: Map<number, Buffer[]> = new Map(LANDING_SIZES.map((size) => [size, []]));
  readonly #budget: LandingBudget;
  readonly #doorstep: Buffer = Buffer.allocUnsafeSlow(LARGE_LANDING);
  /** Its first part: what one record of TLS fills. */
  readonly narrowDoorstep: Buffer = this.#doorstep.subarray(0, SMALLEST_LANDING);
  #takenBytes = 0;
  #freeBytes = 0;

  constructor(budget: LandingBudget) {
    this.#budget = budget;
  }

  /** Bytes of all buffers now in somebody's hands. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Where reads may land that are copied before anything else is read; narrow when the budget is used up. */
  get doorstep(): Buffer {
    return this.hasRoomFor(LARGE_LANDING) ? this.#doorstep : this.narrowDoorstep;
  }

  /** True when `bytes` more are within the budget. */
  hasRoomFor(bytes: number): boolean {
    return this.#takenBytes + bytes <= this.#budget.bufferBudgetBytes;
  }

  /** A buffer of the smallest size that holds `bytes`; at most the largest. */
  take(bytes: number): Buffer {
    const size = LANDING_SIZES.find((each) => each >= bytes) ?? LARGEST_LANDING;
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
