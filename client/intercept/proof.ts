// What a plain answer is proven with: the signed manifest and the nodes of its blocks, asked for beside it over the same
// route. Checks both; where the bytes go is exchange.ts's business.
import { HeddleError } from '../../protocol/errors.ts';
import { FrameReader } from '../../protocol/frame-reader.ts';
import type { ProofPage } from '../../protocol/frames.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { hashSegment, nodeAt, sameHash, verifyPage } from '../../protocol/merkle.ts';
import { pathsOf } from '../../protocol/paths.ts';
import { open } from '../io/identity.ts';
import { sha256 } from '../io/sha256.ts';
import { fetchBytes } from './ask-site.ts';
import { BLOCK_BYTES, BLOCK_LEVEL } from './plan.ts';
import type { Span } from './plan.ts';
import type { PlainRoute } from './route-book.ts';

/** Bytes of a PROOF frame with one node. */
const MOST_PAGE_BYTES = 64 * LIMITS.maxProofPath;

/** The manifest that `route` gives for `key`. Throws `bad-manifest`, `key-mismatch`, or what the route failed with. */
export async function fetchManifest(
  route: PlainRoute,
  key: string,
  originKey: string | undefined,
  signal: AbortSignal,
): Promise<Manifest> {
  const jws = await fetchBytes(route, pathsOf(key).manifest, LIMITS.maxManifestBytes, signal);
  const { manifest, signer } = open(jws.toString('latin1').trim());
  if (manifest.key !== key)
    throw new HeddleError('bad-manifest', 'the manifest is about another object', { side: 'remote' });
  if (originKey !== undefined && originKey !== signer) {
    throw new HeddleError('key-mismatch', `the origin signs with key ${signer}, not with the pinned one`, {
      side: 'remote',
    });
  }
  return manifest;
}

/** The pages that prove the blocks of `span`, as far as the route gives them. Never rejects. */
export async function fetchPages(
  route: PlainRoute,
  key: string,
  span: Span,
  signal: AbortSignal,
): Promise<readonly ProofPage[]> {
  const blocks = Array.from({ length: (span.to - span.from) / BLOCK_BYTES }, (_, at) => span.from / BLOCK_BYTES + at);
  const pages = await Promise.all(
    blocks.map(async (block) => {
      try {
        const path = `${pathsOf(key).nodes}?level=${BLOCK_LEVEL}&from=${block}&to=${block + 1}`;
        const frames = new FrameReader(new Set(['proof'])).push(await fetchBytes(route, path, MOST_PAGE_BYTES, signal));
        return frames.flatMap((frame) => (frame.type === 'proof' ? [frame.page] : []));
      } catch {
        return [];
      }
    }),
  );
  return pages.flat();
}

/** True when `bytes`, which begin at object offset `from` (a block's start), are those of the object. */
export function provesBlocks(
  bytes: Uint8Array,
  from: number,
  object: { readonly size: number; readonly root: Uint8Array },
  pages: readonly ProofPage[],
): boolean {
  const { size, root } = object;
  if (from === 0 && bytes.length === size && size <= BLOCK_BYTES) return sameHash(hashSegment(bytes, sha256), root);
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const block = (from + at) / BLOCK_BYTES;
    const page = pages.find(({ level, first }) => level === BLOCK_LEVEL && first === block);
    if (page === undefined || !verifyPage(page, object, sha256)) return false;
    const hash = hashSegment(bytes.subarray(at, at + BLOCK_BYTES), sha256);
    if (!sameHash(hash, nodeAt(page.nodes, 0))) return false;
  }
  return true;
}
