// Who reads an object, and what he has had: a block that everybody present has had is not kept for anybody, so that its
// memory, still in the processor's cache, takes the next read. Counts bytes only; blocks and memory are the cache's.

/** Blocks remembered of those that are gone: a reader is no further behind than that. */
const MOST_SPENT = 256;

/** The readers of one open object. */
export class BlockReaders {
  /** Each with how often he has it open: the channels of one transfer share out what it reads. */
  readonly #open = new Map<string, number>();
  readonly #spent = new Set<number>();
  #nameless = 0;

  /** Lets `reader` in, or one without a name; call what this gives when he closes it. */
  join(reader: string | undefined): () => void {
    this.#nameless += 1;
    const name = reader ?? `nameless ${this.#nameless}`;
    this.#open.set(name, (this.#open.get(name) ?? 0) + 1);
    return () => {
      const left = (this.#open.get(name) ?? 0) - 1;
      if (left > 0) this.#open.set(name, left);
      else this.#open.delete(name);
    };
  }

  /** True when a block of `length` bytes, of which `lentBytes` were lent, has nothing left for anybody. */
  haveHad(lentBytes: number, length: number): boolean {
    return lentBytes >= length * this.#open.size;
  }

  /** Block `index` is gone because everybody has had it. */
  spend(index: number): void {
    this.#spent.add(index);
    if (this.#spent.size <= MOST_SPENT) return;
    const [oldest] = this.#spent;
    if (oldest !== undefined) this.#spent.delete(oldest);
  }

  /** True when block `index` was gone because everybody had had it: who asks goes on behind it. */
  goOnBehind(index: number): boolean {
    return this.#spent.delete(index);
  }
}
