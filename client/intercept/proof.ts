// What the blocks of a plain answer are proven with: pages of nodes, asked for beside it over the same route.
import { FrameReader } from '../../protocol/frame-reader.ts';
import type { ProofPage } from '../../protocol/frames.ts';
import { HASH_BYTES, LIMITS } from '../../protocol/limits.ts';
import { hashSegment, nodeAt, sameHash, verifyPage } from '../../protocol/merkle.ts';
import { pathsOf } from '../../protocol/paths.ts';
import { sha256 } from '../io/sha256.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { BLOCK_BYTES, BLOCK_LEVEL } from './plan.ts';
import type { Span } from './plan.ts';
import type { PlainRoute } from './route-book.ts';

/** Bytes of a PROOF frame beside its nodes. */
const MOST_PATH_BYTES = 64 + HASH_BYTES * LIMITS.maxProofPath;

/** The pages that prove the blocks of `span`, as far as the route gives them. Never rejects. */
export async function fetchPages(
  route: PlainRoute,
  key: string,
  span: Span,
  signal: AbortSignal,
): Promise<readonly ProofPage[]> {
  const [first, end] = [span.from / BLOCK_BYTES, span.to / BLOCK_BYTES];
  // pages are blocks of a power of two from a multiple of it on: two of them hold any run that is no longer
  const nodes = 2 ** Math.ceil(Math.log2(end - first));
  const begin = Math.floor(first / nodes) * nodes;
  const begins = begin + nodes < end ? [begin, begin + nodes] : [begin];
  const pages = begins.map(async (from) => {
    try {
      const path = `${pathsOf(key).nodes}?level=${BLOCK_LEVEL}&from=${from}&to=${from + nodes}`;
      const bytes = await fetchBytes(route, path, HASH_BYTES * nodes + MOST_PATH_BYTES, signal);
      const frames = new FrameReader(new Set(['proof'])).push(bytes);
      return frames.flatMap((frame) => (frame.type === 'proof' ? [frame.page] : []));
    } catch {
      return [];
    }
  });
  return (await Promise.all(pages)).flat();
}

/** An object, and the pages of nodes that are known of it. */
export type Provable = { readonly size: number; readonly root: Uint8Array; readonly pages: readonly ProofPage[] };

/** True when `bytes`, which begin at object offset `from` (a block's start), are that block of the object. */
export function provesBlock(bytes: Uint8Array, from: number, { size, root, pages }: Provable): boolean {
  const hash = hashSegment(bytes, sha256);
  if (size <= BLOCK_BYTES) return bytes.length === size && sameHash(hash, root);
  const block = from / BLOCK_BYTES;
  const page = pages.find(({ level, first, nodes }) => {
    return level === BLOCK_LEVEL && first <= block && block < first + nodes.length / HASH_BYTES;
  });
  if (page === undefined || !sameHash(hash, nodeAt(page.nodes, block - page.first))) return false;
  return bytes.length === Math.min(BLOCK_BYTES, size - from) && verifyPage(page, { size, root }, sha256);
}
