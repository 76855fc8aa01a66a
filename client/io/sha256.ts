// The hash of the Merkle tree on this side, with the runtime's own SHA-256. One call over bytes that lie together is quicker
// than a hash object. Two nodes are copied behind their prefix, which is nearly twice as fast; whole leaves are not worth
// copying, but the frame of a segment ends in what a leaf's prefix is: a zero.
import { createHash, hash } from 'node:crypto';
import type { HashFunction } from '../../protocol/merkle.ts';

const MOST_COPIED_BYTES = 64;

/** SHA-256 of `prefix` followed by `data`. */
export const sha256: HashFunction = (prefix, data) => {
  if (data.length > MOST_COPIED_BYTES) return hashLarge(prefix, data);
  const whole = new Uint8Array(prefix.length + data.length);
  whole.set(prefix);
  whole.set(data, prefix.length);
  return hash('sha256', whole, 'buffer');
};

function hashLarge(prefix: Uint8Array, data: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = data;
  if (prefix.length === 1 && byteOffset > 0) {
    const whole = new Uint8Array(buffer, byteOffset - 1, length + 1);
    if (whole[0] === prefix[0]) return hash('sha256', whole, 'buffer');
  }
  return createHash('sha256').update(prefix).update(data).digest();
}
