// Proof pages as PROOF frames ready to be written. Keeps those asked for last: the channels of a transfer ask for the
// same ones. Where nodes come from is the hash index's business.
import { HeddleError } from '../protocol/errors.ts';
import { encodeFrame } from '../protocol/frame-writer.ts';
import { LIMITS } from '../protocol/limits.ts';
import { nodeCountOf } from '../protocol/merkle.ts';
import type { PublishedObject } from './catalog.ts';
import type { HashIndex } from './hash-index.ts';

/** Encoded pages, within a number of bytes. */
export class ProofPages {
  readonly #index: HashIndex;
  readonly #maxBytes: number;
  /** The latest used last. */
  readonly #kept = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(index: HashIndex, maxBytes: number) {
    this.#index = index;
    this.#maxBytes = maxBytes;
  }

  /**
   * The PROOF frame of the block of nodes that begins at `first` of `level` and has room for `count`: a power of two of
   * which `first` is a multiple; fewer nodes at the end of the level. Throws `bad-request` for what is no block,
   * `range-not-satisfiable` when the tree has no such node.
   */
  async frame(object: PublishedObject, level: number, first: number, count: number): Promise<Uint8Array> {
    const span = spanOf(count);
    if (!isNatural(level) || level > LIMITS.maxProofPath || !isNatural(first) || count < 1 || first % span !== 0) {
      throw new HeddleError('bad-request', 'nodes are asked for in blocks: a power of two from a multiple of it on', {
        side: 'remote',
      });
    }
    if (span > LIMITS.maxProofNodes || first >= nodeCountOf(object.size, level)) {
      throw new HeddleError('range-not-satisfiable', `level ${level} has no page of ${span} nodes from ${first} on`, {
        side: 'remote',
      });
    }
    const name = `${object.place}\0${object.version}\0${level}-${first}-${span}`;
    const kept = this.#kept.get(name);
    if (kept === undefined) {
      const page = await this.#index.page(object, level, first, span);
      return this.#keep(name, encodeFrame({ type: 'proof', page }));
    }
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept;
  }

  #keep(name: string, frame: Uint8Array): Uint8Array {
    if (!this.#kept.has(name)) this.#bytes += frame.length;
    this.#kept.set(name, frame);
    for (const [oldest, { length }] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#kept.delete(oldest);
      this.#bytes -= length;
    }
    return frame;
  }
}

/** Nodes in the block that `count` nodes need: the smallest power of two that is not below. */
export function spanOf(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

/** First node of the block of `span` nodes that holds node `index`. */
export function blockOf(index: number, span: number): number {
  return Math.floor(index / span) * span;
}

function isNatural(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
