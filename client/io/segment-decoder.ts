// Undoes the content encoding of a segment, in the buffer it came in. Only the bytes: whether they are the object's is seen
// when they are hashed, so a stream that is wrong in any way is simply a bad segment.
// Invariant: whatever the stream claims, no more than `mostBytes` come out of it.
import type Zlib from 'node:zlib';
import type { SegmentEncoding } from '../../protocol/frames.ts';

/** Where a payload lies in its buffer. */
export type Extent = { readonly start: number; readonly end: number };

/** How a payload is encoded, and what it may become. */
export type Encoded = { readonly encoding: Exclude<SegmentEncoding, 'identity'>; readonly mostBytes: number };

/**
 * Decodes what lies at `extent` of `buffer`, which has room for `mostBytes`, into the same buffer. Gives where the plain
 * bytes are now; undefined when the stream is broken or becomes longer than that.
 */
export function decodeSegment(buffer: Uint8Array, { start, end }: Extent, { mostBytes }: Encoded): Extent | undefined {
  try {
    const options = { maxOutputLength: mostBytes, chunkSize: mostBytes };
    const plain = loadZlib().gunzipSync(buffer.subarray(start, end), options);
    buffer.set(plain);
    return { start: 0, end: plain.length };
  } catch {
    return undefined;
  }
}

/** Loaded by who meets an encoded segment. */
function loadZlib(): typeof Zlib {
  return process.getBuiltinModule('node:zlib');
}
