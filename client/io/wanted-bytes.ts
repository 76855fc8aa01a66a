// Byte ranges that somebody wants first, as ranges of the segments that hold them.
import { MAX_SEGMENTS } from '../../protocol/limits.ts';
import type { Range } from '../../protocol/ranges.ts';

/** Bytes [first, end) of an object; `end` may be infinite. */
export type WantedBytes = { readonly first: number; readonly end: number };

/** The segments that hold some of the bytes, range by range. */
export function segmentsOf(ranges: readonly WantedBytes[], segmentBytes: number): Range[] {
  return ranges.flatMap(({ first, end }) => {
    const begin = Math.floor(first / segmentBytes);
    const stop = Math.min(MAX_SEGMENTS, Math.ceil(end / segmentBytes));
    return stop > begin ? [{ first: begin, length: stop - begin }] : [];
  });
}
