// Which segments something holds for, as bits: a source books thousands a second, in ascending order for the most part,
// and forgets at each epoch what lies below. Pure; indexes are u32.

/** Indexes of one chunk: 128 bytes. */
const CHUNK_BITS = 10;
const CHUNK_INDEXES = 2 ** CHUNK_BITS;
const WORD_BITS = 32;

/** A set of segment indexes. */
export class IndexSet {
  readonly #chunks = new Map<number, Uint32Array>();
  /** The chunk used last. */
  #number = -1;
  #chunk: Uint32Array | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(index: number): boolean {
    const word = this.#chunkOf(index)?.[(index % CHUNK_INDEXES) >>> 5] ?? 0;
    return (word & (1 << (index % WORD_BITS))) !== 0;
  }

  add(index: number): void {
    let chunk = this.#chunkOf(index);
    if (chunk === undefined) {
      chunk = new Uint32Array(CHUNK_INDEXES / WORD_BITS);
      this.#chunks.set(this.#number, chunk);
      this.#chunk = chunk;
    }
    const at = (index % CHUNK_INDEXES) >>> 5;
    const before = chunk[at] ?? 0;
    chunk[at] = before | (1 << (index % WORD_BITS));
    if (chunk[at] !== before) this.#size += 1;
  }

  /** Forgets all indexes below `from`. */
  deleteBelow(from: number): void {
    const end = from >>> CHUNK_BITS;
    for (const [number, chunk] of this.#chunks) {
      if (number > end) continue;
      const gone = number < end ? CHUNK_INDEXES : from % CHUNK_INDEXES;
      for (let at = 0; at * WORD_BITS < gone; at += 1) {
        const word = chunk[at] ?? 0;
        const left = gone - at * WORD_BITS < WORD_BITS ? (word >>> (gone % WORD_BITS)) << (gone % WORD_BITS) : 0;
        this.#size -= onesIn(word) - onesIn(left);
        chunk[at] = left;
      }
      if (number < end) this.#chunks.delete(number);
    }
    this.#number = -1;
    this.#chunk = undefined;
  }

  #chunkOf(index: number): Uint32Array | undefined {
    const number = index >>> CHUNK_BITS;
    if (number !== this.#number) {
      this.#number = number;
      this.#chunk = this.#chunks.get(number);
    }
    return this.#chunk;
  }
}

function onesIn(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count += 1;
  return count;
}
