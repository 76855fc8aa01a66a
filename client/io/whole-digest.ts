// Digests of a whole object whose bytes come in order: the SHA-256 that users know, and the Merkle root that Heddle knows.
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { formatRoot } from '../../protocol/manifest.ts';
import { buildLevels, hashSegment, rootOf } from '../../protocol/merkle.ts';
import { sha256 } from './sha256.ts';

/** Bytes of the subtree that is kept as one node: 32 bytes for each, 3 MiB for 100 GiB. */
const BLOCK_BYTES = 1_048_576;

/** A digest in the making. */
export type WholeDigest = {
  update(bytes: Uint8Array): void;
  /** `sha256:` and hex. Nothing may be added afterwards. */
  result(): string;
};

/** SHA-256 of all bytes. */
export function checksumDigest(): WholeDigest {
  const hash: Hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), result: () => `sha256:${hash.digest('hex')}` };
}

/** The object's Merkle root. */
export function rootDigest(): WholeDigest {
  const block = new Uint8Array(BLOCK_BYTES);
  const nodes: Uint8Array[] = [];
  let used = 0;
  const close = (): void => {
    nodes.push(hashSegment(block.subarray(0, used), sha256));
    used = 0;
  };
  return {
    update(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + BLOCK_BYTES - used);
        block.set(part, used);
        used += part.length;
        at += part.length;
        if (used === BLOCK_BYTES) close();
      }
    },
    result() {
      if (used > 0 || nodes.length === 0) close();
      return formatRoot(rootOf(buildLevels(Buffer.concat(nodes), sha256)));
    },
  };
}
