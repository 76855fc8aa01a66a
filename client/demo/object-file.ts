// The demo's object: pseudo-random bytes of a seed, hashed while they are written, so that what arrives can be compared
// with what was made and not with what an origin says. The same seed gives the same bytes on every machine.
import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const BLOCK_BYTES = 1_048_576;

/** Writes `length` bytes of `seed` to `path`; returns their SHA-256, hex. */
export async function writeObject(path: string, length: number, seed: string): Promise<string> {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(BLOCK_BYTES);
  const hash = createHash('sha256');
  await using file = await open(path, 'w');
  for (let at = 0; at < length; at += BLOCK_BYTES) {
    const block = stream.update(zeros.subarray(0, Math.min(BLOCK_BYTES, length - at)));
    hash.update(block);
    await file.writeFile(block);
  }
  return hash.digest('hex');
}

/** SHA-256 of a file, hex. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: BLOCK_BYTES }), hash);
  return hash.digest('hex');
}
