// The Merkle tree of an object: SHA-256 over leaves of LEAF_BYTES as in RFC 9162 section 2.1.1 (leaf = H(0x00 ‖ bytes),
// node = H(0x01 ‖ left ‖ right), the empty object's root = H("")), and the pages of nodes that prove themselves against
// the root. The hash is passed in, so nothing here does I/O. Reading objects and keeping trees is the origin's business.
//
// A level is one Uint8Array of concatenated 32-byte nodes. Level 0 are the leaves; a node of level L covers 2^L of them.
// An odd last node is its own parent ("promoted"), which is the RFC's split at the largest power of two below the count.
// Levels above the root hold the root alone, so that a segment larger than the object has a node as well.
import { HeddleError } from './errors.ts';
import type { ProofPage } from './frames.ts';
import { HASH_BYTES, LEAF_BYTES } from './limits.ts';

/** SHA-256 of `prefix` followed by `data`, as 32 bytes that nobody writes to again. Both stay the caller's. */
export type HashFunction = (prefix: Uint8Array, data: Uint8Array) => Uint8Array;

const NOTHING = new Uint8Array(0);
const LEAF_PREFIX = Uint8Array.of(0x00);
const NODE_PREFIX = Uint8Array.of(0x01);

/** Leaves of an object of `size` bytes. */
export function leafCountOf(size: number): number {
  return Math.ceil(size / LEAF_BYTES);
}

/** Segments of an object of `size` bytes. */
export function segmentCountOf(size: number, segmentBytes: number): number {
  return Math.ceil(size / segmentBytes);
}

/** The level whose nodes are the hashes of segments of `segmentBytes` (a power-of-two multiple of the leaf). */
export function levelOf(segmentBytes: number): number {
  return 31 - Math.clz32(segmentBytes / LEAF_BYTES);
}

/** Bytes of segment `index`; 0 when the object has no such segment. */
export function lengthOfSegment(index: number, size: number, segmentBytes: number): number {
  return Math.max(0, Math.min(segmentBytes, size - index * segmentBytes));
}

/** Nodes of `level` in the tree of an object of `size` bytes: at least one, the empty object's root. */
export function nodeCountOf(size: number, level: number): number {
  return Math.max(1, Math.ceil(leafCountOf(size) / 2 ** level));
}

/** The hash of one leaf: LEAF_BYTES, or fewer at the object's end. */
export function hashLeaf(bytes: Uint8Array, hash: HashFunction): Uint8Array {
  return hash(LEAF_PREFIX, bytes);
}

/** The node of a segment with this payload: the root of the subtree over its leaves. Also the root of a small object. */
export function hashSegment(bytes: Uint8Array, hash: HashFunction): Uint8Array {
  if (bytes.length === 0) return hash(NOTHING, NOTHING);
  if (bytes.length <= LEAF_BYTES) return hashLeaf(bytes, hash);
  const leaves = new Uint8Array(leafCountOf(bytes.length) * HASH_BYTES);
  for (let leaf = 0, at = 0; at < bytes.length; leaf += 1, at += LEAF_BYTES) {
    leaves.set(hashLeaf(bytes.subarray(at, at + LEAF_BYTES), hash), leaf * HASH_BYTES);
  }
  return fold(leaves, hash);
}

/** The level above `nodes`: half as many, rounded up. A level of one node is its own. */
export function nextLevel(nodes: Uint8Array, hash: HashFunction): Uint8Array {
  const pairs = Math.floor(nodes.length / (2 * HASH_BYTES));
  const above = new Uint8Array(Math.ceil(nodes.length / (2 * HASH_BYTES)) * HASH_BYTES);
  for (let pair = 0; pair < pairs; pair += 1) {
    const at = pair * 2 * HASH_BYTES;
    above.set(hash(NODE_PREFIX, nodes.subarray(at, at + 2 * HASH_BYTES)), pair * HASH_BYTES);
  }
  const promoted = nodes.subarray(pairs * 2 * HASH_BYTES);
  above.set(promoted, pairs * HASH_BYTES);
  return above;
}

/** All levels from `lowest` (the leaves, or a higher level where only that is kept) up to the root's. */
export function buildLevels(lowest: Uint8Array, hash: HashFunction): Uint8Array[] {
  let nodes = lowest.length === 0 ? hash(NOTHING, NOTHING) : lowest;
  const levels = [nodes];
  while (nodes.length > HASH_BYTES) {
    nodes = nextLevel(nodes, hash);
    levels.push(nodes);
  }
  return levels;
}

/** The root: the only node of the highest level. */
export function rootOf(levels: readonly Uint8Array[]): Uint8Array {
  return levels.at(-1) ?? NOTHING;
}

/** Node `index` of a level or of a page's nodes, a view. */
export function nodeAt(nodes: Uint8Array, index: number): Uint8Array {
  return nodes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}

/**
 * The page that holds node `index` of `level`: `span` nodes (a power of two; fewer at the end of the level) from a
 * multiple of `span` on, then the siblings from their common ancestor up to the root, lowest first. A promoted node
 * has no sibling. `levels[0]` is level `base`. The nodes are a view into the level.
 * Throws `range-not-satisfiable` for a node that the tree does not have (or not in `levels`).
 */
export function pageAt(levels: readonly Uint8Array[], level: number, index: number, span: number, base = 0): ProofPage {
  const row = levels[Math.min(level - base, levels.length - 1)];
  const exists = row !== undefined && Number.isInteger(index) && index >= 0 && index * HASH_BYTES < row.length;
  if (!exists || span !== ceilPowerOfTwo(span)) {
    throw new HeddleError('range-not-satisfiable', `no page of ${span} nodes holds node ${index} of level ${level}`);
  }
  const first = Math.floor(index / span) * span;
  const siblings: Uint8Array[] = [];
  let at = first / span;
  for (let height = level - base + Math.log2(span); height < levels.length - 1; height += 1) {
    const sibling = nodeAt(levels[height] ?? NOTHING, at % 2 === 0 ? at + 1 : at - 1);
    if (sibling.length > 0) siblings.push(sibling);
    at = Math.floor(at / 2);
  }
  const path = new Uint8Array(siblings.length * HASH_BYTES);
  for (const [place, sibling] of siblings.entries()) path.set(sibling, place * HASH_BYTES);
  return { level, first, nodes: row.subarray(first * HASH_BYTES, (first + span) * HASH_BYTES), path };
}

/**
 * True only if the page's nodes are those of the object with this size and root.
 *
 * The span is not on the wire, because it follows from the page: it is the smallest power of two that is not below the
 * node count. `first` must be a multiple of it, and the count must be the span itself or all that is left of the level.
 * A last page cut with a larger span S passes as well and says the same: its nodes' ancestors, up to the height of S,
 * are each the last of their level at an even index, hence promoted, hence without a sibling. So level, first and count
 * fix the number of hashes on the path and the order of every hash taken; nothing about a page can be read two ways.
 */
export function verifyPage(
  page: ProofPage,
  object: { readonly size: number; readonly root: Uint8Array },
  hash: HashFunction,
): boolean {
  const { level, first, nodes, path } = page;
  const count = nodes.length / HASH_BYTES;
  if (![object.size, level, first, count].every((value) => Number.isSafeInteger(value) && value >= 0)) return false;
  const span = ceilPowerOfTwo(count);
  const width = nodeCountOf(object.size, level);
  if (count === 0 || first % span !== 0 || count !== Math.min(span, width - first)) return false;
  // No leaf would ever contradict a peer that calls an object empty, so only this check can.
  if (object.size === 0 && !sameHash(nodes, hash(NOTHING, NOTHING))) return false;
  let node = fold(nodes, hash);
  let taken = 0;
  for (
    let at = first / span, wide = Math.ceil(width / span);
    wide > 1;
    at = Math.floor(at / 2), wide = Math.ceil(wide / 2)
  ) {
    const isRight = at % 2 === 1;
    if (!isRight && at + 1 === wide) continue;
    const sibling = nodeAt(path, taken);
    node = isRight ? hashPair(sibling, node, hash) : hashPair(node, sibling, hash);
    taken += 1;
  }
  return path.length === taken * HASH_BYTES && sameHash(node, object.root);
}

/** True when both are the same 32 bytes. Nothing here is secret, so it may stop at the first difference. */
export function sameHash(first: Uint8Array, second: Uint8Array): boolean {
  if (first.length !== HASH_BYTES || second.length !== HASH_BYTES) return false;
  for (let at = 0; at < HASH_BYTES; at += 1) if (first[at] !== second[at]) return false;
  return true;
}

function fold(nodes: Uint8Array, hash: HashFunction): Uint8Array {
  let level = nodes;
  while (level.length > HASH_BYTES) level = nextLevel(level, hash);
  return level;
}

function hashPair(left: Uint8Array, right: Uint8Array, hash: HashFunction): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  pair.set(left);
  pair.set(right, HASH_BYTES);
  return hash(NODE_PREFIX, pair);
}

function ceilPowerOfTwo(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}
