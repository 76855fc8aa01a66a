// The Merkle root of a local file, read once from its beginning to its end. Keeps one node per height of the tree and
// nothing more, however large the file is.
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { HeddleError } from '../../protocol/errors.ts';
import { systemReason } from '../../protocol/system-words.ts';
import { HASH_BYTES, LEAF_BYTES } from '../../protocol/limits.ts';
import { hashLeaf, hashSegment, nextLevel } from '../../protocol/merkle.ts';
import { sha256 } from './sha256.ts';

/** Bytes read at once: a whole number of leaves. */
const READ_BYTES = 32 * LEAF_BYTES;

/** Bytes and root of the file at `path`. Throws `local-io`. */
export async function rootOfFile(path: string): Promise<{ readonly bytes: number; readonly root: Uint8Array }> {
  try {
    await using file = await open(path, 'r');
    const tree = new GrowingTree();
    let bytes = 0;
    // the next block is read while this one is hashed
    const buffers = [Buffer.allocUnsafe(READ_BYTES), Buffer.allocUnsafe(READ_BYTES)] as const;
    let block = readBlock(file, 0, buffers[0]);
    for (let turn = 1; ; turn += 1) {
      const read = await block;
      if (read.length === 0) return { bytes, root: tree.root() };
      bytes += read.length;
      block = readBlock(file, bytes, turn % 2 === 0 ? buffers[0] : buffers[1]);
      for (let at = 0; at < read.length; at += LEAF_BYTES) tree.add(read.subarray(at, at + LEAF_BYTES));
    }
  } catch (error) {
    throw new HeddleError('local-io', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** Fills `buffer` from `position` on; less only at the end of the file. */
async function readBlock(file: FileHandle, position: number, buffer: Buffer): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** A tree to which leaves are added from the left. */
export class GrowingTree {
  /** Roots of complete subtrees, from the left: heights fall. */
  readonly #subtrees: { height: number; node: Uint8Array }[] = [];

  add(leaf: Uint8Array): void {
    let top = { height: 0, node: hashLeaf(leaf, sha256) };
    while (this.#subtrees.at(-1)?.height === top.height) {
      top = { height: top.height + 1, node: parentOf(this.#subtrees.pop()?.node, top.node) };
    }
    this.#subtrees.push(top);
  }

  /** The root over the leaves added; nothing may be added afterwards. */
  root(): Uint8Array {
    const last = this.#subtrees.pop();
    if (last === undefined) return hashSegment(new Uint8Array(0), sha256);
    return this.#subtrees.reduceRight((right, { node }) => parentOf(node, right), last.node);
  }
}

function parentOf(left: Uint8Array | undefined, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  pair.set(left ?? []);
  pair.set(right, HASH_BYTES);
  return nextLevel(pair, sha256);
}
