// The memory that blocks are read into: how much of it there is, what lies free, and which blocks lie there for nobody in
// particular, the oldest of which makes room. What a block is, and who holds it, is the cache's to know.
// Invariant: there is never more memory than `cacheBytes` while what is held stays below that.
import { BlockMemory } from './block-memory.ts';
import type { OriginTuning } from './options.ts';

/** Share of the pool that may lie there for nobody in particular. */
const MOST_IDLE = 3 / 8;

/** Sizes of a pool. */
export type PoolTuning = Pick<OriginTuning, 'blockBytes' | 'cacheBytes' | 'idleBytes'>;

/** The memory of one cache of `Block`s. */
export class BlockPool<Block> {
  readonly #blockBytes: number;
  readonly #free: BlockMemory[] = [];
  /** The oldest first. */
  readonly #idle = new Set<Block>();
  readonly #forget: (block: Block) => void;
  #allocated = 0;
  /** Blocks of all the memory. */
  readonly maxBlocks: number;
  /** Blocks that may be idle. */
  readonly maxIdle: number;

  /** `forget` is told of an idle block that has to go, and gives its memory back. */
  constructor({ blockBytes, cacheBytes, idleBytes }: PoolTuning, forget: (block: Block) => void) {
    this.#blockBytes = blockBytes;
    this.#forget = forget;
    this.maxBlocks = Math.floor(cacheBytes / blockBytes);
    this.maxIdle = Math.floor(Math.min(idleBytes, cacheBytes * MOST_IDLE) / blockBytes);
  }

  /** Bytes of the memory that exists. */
  get allocatedBytes(): number {
    return this.#allocated * this.#blockBytes;
  }

  /** Bytes of the blocks that somebody refers to or that are being read. */
  get heldBytes(): number {
    return (this.#allocated - this.#free.length - this.#idle.size) * this.#blockBytes;
  }

  /** Memory for one more block. */
  take(): BlockMemory {
    if (this.#free.length === 0 && this.#allocated >= this.maxBlocks) this.#forgetOldest();
    const free = this.#free.pop();
    if (free !== undefined) return free;
    this.#allocated += 1;
    return new BlockMemory(this.#blockBytes);
  }

  /** Takes back what no block lies in any more: the last to come, still in the processor's cache, is the first to go. */
  give(memory: BlockMemory): void {
    this.#free.push(memory);
  }

  /** Nobody refers to `block`; it may go. */
  rest(block: Block): void {
    this.#idle.add(block);
    if (this.#idle.size > this.maxIdle) this.#forgetOldest();
  }

  /** Somebody refers to `block` again, or it goes for another reason. */
  wake(block: Block): void {
    this.#idle.delete(block);
  }

  #forgetOldest(): void {
    const [oldest] = this.#idle;
    if (oldest !== undefined) this.#forget(oldest);
  }
}
