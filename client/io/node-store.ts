// The Merkle nodes of an object's segments, as far as proven pages brought them. Blocks of 64 nodes; a block is dropped
// when all its segments are delivered, so that memory does not grow with the object.
import type { ProofPage } from '../../protocol/frames.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';
import { levelOf, nodeCountOf, verifyPage } from '../../protocol/merkle.ts';
import { sha256 } from './sha256.ts';

/** Nodes of a block; the first page of a channel brings one. */
export const BLOCK_NODES = 64;

type Block = { readonly nodes: Uint8Array; left: number };

/** Proven nodes by segment index. */
export class NodeStore {
  readonly #object: { readonly size: number; readonly root: Uint8Array };
  readonly #level: number;
  /** The first segment that is wanted. */
  readonly #first: number;
  /** Nodes of the level. */
  readonly #nodes: number;
  readonly #blocks = new Map<number, Block>();
  /** Blocks that are not needed any more: all below the first number, and these. */
  #spentBelow: number;
  readonly #spent = new Set<number>();

  /** `firstByte`: nothing before it is wanted. */
  constructor(object: { readonly size: number; readonly root: Uint8Array }, segmentBytes: number, firstByte = 0) {
    this.#object = object;
    this.#first = Math.floor(firstByte / segmentBytes);
    this.#spentBelow = Math.floor(this.#first / BLOCK_NODES);
    this.#level = levelOf(segmentBytes);
    this.#nodes = nodeCountOf(object.size, this.#level);
  }

  /** Takes a page if it proves itself against the root; false when it does not. */
  add(page: ProofPage): boolean {
    if (page.level !== this.#level || !verifyPage(page, this.#object, sha256)) return false;
    const count = page.nodes.length / HASH_BYTES;
    for (let at = 0; at < count; at += BLOCK_NODES) {
      const number = Math.floor((page.first + at) / BLOCK_NODES);
      const nodes = page.nodes.subarray(at * HASH_BYTES, (at + BLOCK_NODES) * HASH_BYTES);
      const starts = (page.first + at) % BLOCK_NODES === 0;
      const whole = starts && nodes.length / HASH_BYTES === Math.min(BLOCK_NODES, this.#nodes - number * BLOCK_NODES);
      if (whole && !this.#blocks.has(number) && !this.#isSpent(number)) {
        const unwanted = Math.max(0, this.#first - number * BLOCK_NODES);
        this.#blocks.set(number, { nodes, left: nodes.length / HASH_BYTES - unwanted });
      }
    }
    return true;
  }

  /** The node of segment `index`, or undefined while its page is missing. */
  get(index: number): Uint8Array | undefined {
    const block = this.#blocks.get(Math.floor(index / BLOCK_NODES));
    const at = (index % BLOCK_NODES) * HASH_BYTES;
    return block?.nodes.subarray(at, at + HASH_BYTES);
  }

  /** Segment `index` is delivered. */
  release(index: number): void {
    const number = Math.floor(index / BLOCK_NODES);
    const block = this.#blocks.get(number);
    if (block === undefined) return;
    block.left -= 1;
    if (block.left > 0) return;
    this.#blocks.delete(number);
    this.#spent.add(number);
    while (this.#spent.delete(this.#spentBelow)) this.#spentBelow += 1;
  }

  #isSpent(number: number): boolean {
    return number < this.#spentBelow || this.#spent.has(number);
  }
}
