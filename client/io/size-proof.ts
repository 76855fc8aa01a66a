// What a root says about the size of its object. A single page does not bind the number of leaves: a tree can be claimed
// to be smaller than it is by passing an inner node for a leaf. But a page of leaves shows that the tree is as deep there
// as claimed, and the pages of a few telling leaves show together that the tree has at least the leaves claimed. So of
// two claims that both prove themselves the larger one is right, and no claim above the truth ever proves itself.
import type { ProofPage } from '../../protocol/frames.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';
import { leafCountOf, verifyPage } from '../../protocol/merkle.ts';
import { sha256 } from './sha256.ts';

/**
 * The first leaf of each of the largest complete subtrees (4 + 2 + 1 for seven leaves), and the very last leaf: whose
 * depths give the shape of the tree away.
 */
export function tellingLeaves(leaves: number): number[] {
  const telling: number[] = [];
  for (let at = 0; at < leaves; ) {
    telling.push(at);
    at += 2 ** Math.floor(Math.log2(leaves - at));
  }
  if (leaves > 0 && telling.at(-1) !== leaves - 1) telling.push(leaves - 1);
  return telling;
}

/** The proof, page by page, that the object of a root has at least as many leaves as somebody claims. */
export class SizeProof {
  readonly leaves: number;
  readonly #object: { readonly size: number; readonly root: Uint8Array };
  readonly #wanted: Set<number>;

  constructor(object: { readonly size: number; readonly root: Uint8Array }) {
    this.#object = object;
    this.leaves = leafCountOf(object.size);
    this.#wanted = new Set(tellingLeaves(this.leaves));
  }

  /** Leaves of which no page has come yet. */
  get wanted(): readonly number[] {
    return [...this.#wanted];
  }

  /** Takes a page; false when it does not belong to an object of this size and root. Pages of higher levels say nothing. */
  add(page: ProofPage): boolean {
    if (page.level !== 0) return true;
    if (!verifyPage(page, this.#object, sha256)) return false;
    const end = page.first + page.nodes.length / HASH_BYTES;
    for (const leaf of this.#wanted) if (leaf >= page.first && leaf < end) this.#wanted.delete(leaf);
    return true;
  }
}
