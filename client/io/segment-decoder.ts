// Judges a segment where it lies: undoes its content encoding, if it has one, and compares its hash with its node. A stream
// that is wrong in any way is simply a bad segment.
// Invariant: whatever the stream claims, no more than `mostBytes` come out of it.
import type Zlib from 'node:zlib';
import type { SegmentEncoding } from '../../protocol/frames.ts';
import { hashSegment, sameHash } from '../../protocol/merkle.ts';
import { sha256 } from './sha256.ts';

/** Where a payload lies in its buffer. */
export type Extent = { readonly start: number; readonly end: number };

/** How a payload is encoded, and what it may become. */
export type Encoded = { readonly encoding: Exclude<SegmentEncoding, 'identity'>; readonly mostBytes: number };

/** Whether a segment is what it has to be; of what was encoded, where the plain bytes are now. */
export type Verdict = { readonly ok: boolean; readonly plain?: Extent };

/** Judges what lies at `extent` of `bytes`. What is encoded has `bytes` for itself: it is decoded into them. */
export function judgeSegment(bytes: Uint8Array, extent: Extent, node: Uint8Array, encoded?: Encoded): Verdict {
  const plain = encoded === undefined ? extent : decodeSegment(bytes, extent, encoded);
  if (plain === undefined) return { ok: false };
  const ok = sameHash(hashSegment(bytes.subarray(plain.start, plain.end), sha256), node);
  return encoded === undefined ? { ok } : { ok, plain };
}

/**
 * Decodes what lies at `extent` of `buffer`, which has room for `mostBytes`, into the same buffer. Gives where the plain
 * bytes are now; undefined when the stream is broken or becomes longer than that.
 */
function decodeSegment(buffer: Uint8Array, { start, end }: Extent, { mostBytes }: Encoded): Extent | undefined {
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
