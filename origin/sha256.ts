// The hash of the Merkle tree, with the runtime's own SHA-256.
import { createHash } from 'node:crypto';
import type { HashFunction } from '../protocol/merkle.ts';

/** SHA-256 of `prefix` followed by `data`. */
export const sha256: HashFunction = (prefix, data) => createHash('sha256').update(prefix).update(data).digest();
