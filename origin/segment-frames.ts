// Memory for frames of segments that are read for one channel alone, outside the blocks that all share.
import { SEGMENT_PREFIX_BYTES, writeSegmentPrefix } from '../protocol/frame-writer.ts';
import type { Framing } from './block-memory.ts';

/** Some bytes of an object. */
export type Piece = { readonly position: number; readonly length: number };

/** One buffer for the frames of `piece`, prefixes written, and the places where its bytes go. */
export function frameBuffer(
  piece: Piece,
  framing: Framing,
): { readonly whole: Uint8Array; readonly chunks: readonly Uint8Array[] } {
  const segments = segmentsIn(piece, framing);
  const whole = Buffer.allocUnsafeSlow(piece.length + segments.length * SEGMENT_PREFIX_BYTES);
  let at = 0;
  const chunks = segments.map(({ index, length }) => {
    writeSegmentPrefix(whole, { ...framing, index }, length, 'identity', at);
    const from = at + SEGMENT_PREFIX_BYTES;
    at = from + length;
    return whole.subarray(from, at);
  });
  return { whole, chunks };
}

/** The segments of a piece, which begins and ends with one. */
function segmentsIn({ position, length }: Piece, { segmentBytes }: Framing): (Piece & { readonly index: number })[] {
  const first = position / segmentBytes;
  return Array.from({ length: Math.ceil(length / segmentBytes) }, (_, at) => ({
    index: first + at,
    position: position + at * segmentBytes,
    length: Math.min(segmentBytes, length - at * segmentBytes),
  }));
}
