// The memory of one block of an object: its bytes, with a gap in front of each segment that begins there, where the prefix
// of the segment's frame is written. So neighbouring segments leave as one piece, and the same piece serves all channels
// whose prefixes are the same. Places are counted from the start of the block. Who may write into the gaps, and when, is
// the cache's to say.
import { SEGMENT_PREFIX_BYTES, writeSegmentPrefix } from '../protocol/frame-writer.ts';
import type { SentBy } from '../protocol/frames.ts';
import { LIMITS } from '../protocol/limits.ts';

/** What the prefixes in front of segments say; where they stand follows from `segmentBytes`. */
export type Framing = { readonly segmentBytes: number; readonly epoch: number; readonly by: SentBy };

/**
 * Bytes left free in front: a page of a file copied to a place that lies a few bytes further within its page takes some
 * processors much longer than any other copy.
 */
const FRONT_BYTES = 48;

/** A buffer that blocks are read into, one after another. */
export class BlockMemory {
  readonly #buffer: Buffer<ArrayBuffer>;
  readonly #blockBytes: number;
  #length = 0;
  /** From one gap to the next, the gap not counted. */
  #stepBytes = 0;
  #chunks: Buffer<ArrayBuffer>[] = [];
  /** What stands in the gaps. */
  #framing: Framing | undefined;

  constructor(blockBytes: number) {
    const gaps = Math.ceil(blockBytes / LIMITS.minSegmentBytes);
    this.#blockBytes = blockBytes;
    this.#buffer = Buffer.allocUnsafeSlow(FRONT_BYTES + blockBytes + gaps * SEGMENT_PREFIX_BYTES);
  }

  /** Bytes of the object. */
  get length(): number {
    return this.#length;
  }

  /** Where the bytes go, one after another. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  /** Takes a block of `length` bytes, still to be read, for one who sends segments of `segmentBytes`. */
  layOut(length: number, segmentBytes: number): void {
    this.#framing = undefined;
    const stepBytes = this.#stepFor(segmentBytes);
    if (length === this.#length && stepBytes === this.#stepBytes) return;
    this.#length = length;
    this.#stepBytes = stepBytes;
    this.#chunks = this.#partsOf(0, length);
  }

  /** True when each segment of so many bytes that begins here has a gap in front of it, and there are no other gaps within. */
  hasGapsFor(segmentBytes: number): boolean {
    const isEven = this.#blockBytes % segmentBytes === 0 || segmentBytes % this.#blockBytes === 0;
    return isEven && this.#stepBytes === this.#stepFor(segmentBytes);
  }

  /** True when the gaps say this already. */
  isFramed({ segmentBytes, epoch, by }: Framing): boolean {
    const present = this.#framing;
    return present?.epoch === epoch && present.by === by && present.segmentBytes === segmentBytes;
  }

  /** Writes the prefixes of all segments that begin here; the block lies at `position` of an object of `size` bytes. */
  frame(framing: Framing, position: number, size: number): void {
    const { segmentBytes } = framing;
    this.#framing = framing;
    for (let place = 0; place < this.#length; place += this.#stepBytes) {
      const from = position + place;
      const at = this.#offsetOf(place) - SEGMENT_PREFIX_BYTES;
      const index = from / segmentBytes;
      if (!Number.isInteger(index)) return; // the rest of a segment that began in an earlier block
      writeSegmentPrefix(this.#buffer, { ...framing, index }, Math.min(segmentBytes, size - from), 'identity', at);
    }
  }

  /** The segments from `from` to `to`, each behind its prefix. */
  framed(from: number, to: number): Uint8Array {
    return this.#buffer.subarray(this.#offsetOf(from) - SEGMENT_PREFIX_BYTES, this.#offsetOf(to - 1) + 1);
  }

  /** The bytes from `from` to `to`, without prefixes. */
  plain(from: number, to: number): Uint8Array[] {
    return this.#partsOf(from, to);
  }

  #stepFor(segmentBytes: number): number {
    return this.#blockBytes % segmentBytes === 0 ? segmentBytes : this.#blockBytes;
  }

  #partsOf(from: number, to: number): Buffer<ArrayBuffer>[] {
    const parts: Buffer<ArrayBuffer>[] = [];
    for (let at = from; at < to; ) {
      const end = Math.min(to, at - (at % this.#stepBytes) + this.#stepBytes);
      const offset = this.#offsetOf(at);
      parts.push(this.#buffer.subarray(offset, offset + end - at));
      at = end;
    }
    return parts;
  }

  #offsetOf(place: number): number {
    return FRONT_BYTES + (Math.floor(place / this.#stepBytes) + 1) * SEGMENT_PREFIX_BYTES + place;
  }
}
