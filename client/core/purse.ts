// What one route may still be dealt within one pattern: what its quota and the budget leave, less what must be kept for
// segments that nobody else can bring, or not so cheaply. Used up by the dealing; made anew for each.

/** The budget of all routes together, in its currency. */
export type Budget = { left: number };

export type PurseContents = {
  /** Length of a segment. */
  readonly bytesOf: (index: number) => number;
  /** Bytes its quota leaves. */
  readonly leftBytes: number;
  /** Bytes of those that it may bring although others could. */
  readonly spareBytes: number;
  /** True for segments that need this route. */
  readonly isScarce: (index: number) => boolean;
  readonly budget: Budget;
  /** Currency per byte. */
  readonly price: number;
  /** Currency it may cost beyond what the cheapest source of a segment would. */
  readonly extra: number;
  readonly basePrice: (index: number) => number;
};

/** The means of one route. */
export class Purse {
  readonly #contents: PurseContents;
  #leftBytes: number;
  #spareBytes: number;
  #extra: number;

  constructor(contents: PurseContents) {
    this.#contents = contents;
    this.#leftBytes = contents.leftBytes;
    this.#spareBytes = contents.spareBytes;
    this.#extra = contents.extra;
  }

  /** Whether the route may be dealt `index`. */
  affords(index: number): boolean {
    const { bytesOf, isScarce, budget, price } = this.#contents;
    const bytes = bytesOf(index);
    if (this.#leftBytes <= 0 || price * bytes > budget.left) return false;
    if (this.#spareBytes < bytes && !isScarce(index)) return false;
    return this.#extraCost(index) <= this.#extra;
  }

  /** The route was dealt `index`. */
  spend(index: number): void {
    const { bytesOf, isScarce, budget, price } = this.#contents;
    const bytes = bytesOf(index);
    this.#leftBytes -= bytes;
    if (!isScarce(index)) this.#spareBytes -= bytes;
    this.#extra -= this.#extraCost(index);
    budget.left -= price * bytes;
  }

  /** True when `bytes` more make no difference. */
  isAmple(bytes: number): boolean {
    const { budget, price } = this.#contents;
    return Math.min(this.#leftBytes, this.#spareBytes) >= bytes && price * bytes <= Math.min(budget.left, this.#extra);
  }

  #extraCost(index: number): number {
    const { bytesOf, price, basePrice } = this.#contents;
    return price === 0 ? 0 : bytesOf(index) * Math.max(0, price - basePrice(index));
  }
}
