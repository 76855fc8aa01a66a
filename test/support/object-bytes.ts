// The bytes of test objects: made from a seed, so that a test knows every byte without keeping a fixture in the checkout.
// No two leaves of an object are alike: a segment at a wrong place shows.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const BLOCK_BYTES = 8 * 1_048_576;

/** `length` bytes of `seed`; the same seed gives the same bytes, and a longer object begins like a shorter one. */
export function objectBytes(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed >>> 0 || 1;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** Writes a large object piece by piece: one block of noise, stamped anew in each of its leaves. Its SHA-256, hex. */
export async function writeLargeObject(path: string, length: number, seed: number): Promise<string> {
  const block = objectBytes(BLOCK_BYTES, seed);
  const hash = createHash('sha256');
  await using file = await open(path, 'w');
  for (let at = 0; at < length; at += BLOCK_BYTES) {
    for (let leaf = 0; leaf < BLOCK_BYTES; leaf += 32_768) block.writeBigUInt64BE(BigInt(at + leaf), leaf);
    const bytes = block.subarray(0, Math.min(BLOCK_BYTES, length - at));
    hash.update(bytes);
    await file.write(bytes);
  }
  return hash.digest('hex');
}

/** SHA-256 of bytes, hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** SHA-256 of a file, hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), hash);
  return hash.digest('hex');
}
