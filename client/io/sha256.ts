// The hash of the Merkle tree on this side, with the runtime's own SHA-256. Two nodes are hashed in one call over a copy
// of 65 bytes, which is nearly twice as fast as a hash object; whole leaves are not worth copying.
import { createHash, hash } from 'node:crypto';
import type { HashFunction } from '../../protocol/merkle.ts';

const MOST_COPIED_BYTES = 64;

/** SHA-256 of `prefix` followed by `data`. */
export const sha256: HashFunction = (prefix, data) => {
  if (data.length > MOST_COPIED_BYTES) return createHash('sha256').update(prefix).update(data).digest();
  const whole = new Uint8Array(prefix.length + data.length);
  whole.set(prefix);
  whole.set(data, prefix.length);
  return hash('sha256', whole, 'buffer');
};
