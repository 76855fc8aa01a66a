// Reproducible bytes in chunks of irregular sizes, written with back-pressure and hashed on the way.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect } from 'vitest';
import type { Channel } from './channel-client.ts';

/** A small generator of numbers below 2^32 (xorshift): the same seed, the same numbers. */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** Writes `total` bytes in chunks of 1 byte to `maxChunk`; their SHA-256. */
export async function writeStream(socket: Socket, total: number, seed: number, maxChunk: number): Promise<string> {
  const next = numbersFrom(seed);
  const block = Buffer.from(Uint32Array.from({ length: 65_536 }, next).buffer);
  const hash = createHash('sha256');
  for (let left = total; left > 0; ) {
    const start = next() % 1_024;
    const chunk = block.subarray(start, start + Math.min(left, 1 + (next() % Math.min(maxChunk, 200_000))));
    left -= chunk.length;
    hash.update(chunk);
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  return hash.digest('hex');
}

/** Reads `total` bytes, `first` included, pausing now and then; their SHA-256. */
export async function readStream(
  socket: Socket,
  total: number,
  seed: number,
  first: Buffer = Buffer.alloc(0),
): Promise<string> {
  const next = numbersFrom(seed);
  const hash = createHash('sha256').update(first);
  let left = total - first.length;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onEarlyEnd = (): void => reject(new Error(`ended with ${left} bytes missing`));
  const onData = (chunk: Buffer): void => {
    hash.update(chunk);
    left -= chunk.length;
    if (left <= 0) resolve();
    if (next() % 16 !== 0) return;
    socket.pause();
    setImmediate(() => socket.resume());
  };
  socket.on('data', onData).on('end', onEarlyEnd).on('close', onEarlyEnd);
  socket.resume();
  if (left > 0) await promise;
  socket.off('data', onData).off('end', onEarlyEnd).off('close', onEarlyEnd);
  return left === 0 ? hash.digest('hex') : `${-left} bytes too many`;
}

/** Streams both ways at once between a channel and the upstream's end of it, `socket`; all bytes arrive as they were. */
export async function streamBothWays(
  channel: Channel,
  socket: Socket,
  bytes: { readonly down: number; readonly up: number },
): Promise<void> {
  const [sent, sentUp, got, gotUp] = await Promise.all([
    writeStream(socket, bytes.down, 11, 200_000),
    writeStream(channel.socket, bytes.up, 12, 5_000),
    readStream(channel.socket, bytes.down, 13, channel.rest()),
    readStream(socket, bytes.up, 14),
  ]);
  expect(got).toBe(sent);
  expect(gotUp).toBe(sentUp);
}
