// Channel receiver: reads one channel's bytes straight into the slabs their segments are kept in, and cuts them into the
// answer's head, control frames and segments. A read ends 16 bytes behind the last segment that fits into the slab: what
// spills over is the next frame's prefix and no payload is copied.
import { HeddleError } from '../../protocol/errors.ts';
import { accepts, FRAME_HEADER_BYTES, FRAME_TYPES } from '../../protocol/frames.ts';
import type { SegmentFrame, SourceFrame } from '../../protocol/frames.ts';
import { decodeBody, decodeSegment, lengthAt, readHeader, SOURCE_FRAME_TYPES } from '../../protocol/frame-reader.ts';
import { SEGMENT_PREFIX_BYTES } from '../../protocol/frame-writer.ts';
import { parseResponseHead } from '../../protocol/http-head.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { segmentsPerSlab } from './buffer-pool.ts';
import type { BufferPool, Slab } from './buffer-pool.ts';

/** Where the pieces go. Exceptions thrown by the receiver itself are HeddleErrors of the peer's making. */
export type ReceiverSink = {
  /** The head of the upgrade's answer; what follows are frames only if this returns true. */
  head(head: ResponseHead): boolean;
  /** Bytes of the body of an answer that is no upgrade. */
  body(bytes: Uint8Array): void;
  frame(frame: Exclude<SourceFrame, SegmentFrame>): void;
  /** A read brought `bytes` of payload (of an encoded one, what they stand for); the segments that they complete follow. */
  payload(bytes: number): void;
  /** A whole segment: the payload is the view `frame.payload` into the slab, which the sink releases. */
  segment(frame: SegmentFrame, slab: Slab): void;
};

/** Smallest slab, and what a control frame may take: the largest that a client has to understand. */
export const RECEIVER_LEAST_BYTES: number =
  FRAME_HEADER_BYTES + Math.max(FRAME_TYPES.hello.maxBytes, LIMITS.maxHeadBytes) + 2 * SEGMENT_PREFIX_BYTES;

/** Bytes of the slabs of a transfer: its segments with their prefixes, and the prefix that spills over. */
export function slabBytesFor(segmentBytes: number): number {
  const segments = segmentsPerSlab(segmentBytes) * (segmentBytes + SEGMENT_PREFIX_BYTES);
  return Math.max(RECEIVER_LEAST_BYTES, segments + SEGMENT_PREFIX_BYTES);
}

/** Where a SEGMENT frame says its encoding: behind header, index, epoch and by. */
const ENCODING_AT = FRAME_HEADER_BYTES + 9;

/** Bytes of the buffer that takes what nobody wants any more. */
const STOPPED_BYTES = 65_536;

/** Cuts the bytes of one channel. Call `space`, read into it, then `filled`. */
export class Receiver {
  readonly #pool: BufferPool;
  readonly #sink: ReceiverSink;
  readonly #segmentBytes: number;
  #slab: Slab;
  #buffer: Uint8Array;
  /** What was not cut yet lies in [#at, #used). */
  #at = 0;
  #used = 0;
  #mode: 'head' | 'body' | 'frames' | 'stopped' = 'head';
  /** Bytes of a partial head that were looked at already. */
  #searched = 0;
  /** Payload bytes of the present segment that were reported already. */
  #reported = 0;
  /** The encodings that its peer may use, as ENCODE names them. */
  #accepted = 0;

  constructor(pool: BufferPool, segmentBytes: number, sink: ReceiverSink) {
    this.#pool = pool;
    this.#sink = sink;
    this.#segmentBytes = segmentBytes;
    this.#slab = pool.take();
    this.#buffer = this.#slab.bytes;
  }

  /** Where the next read goes. */
  space(): Uint8Array {
    return this.#buffer.subarray(this.#used, this.#readEnd());
  }

  /** `bytes` were read into the space. Throws the peer's fault as a HeddleError. */
  filled(bytes: number): void {
    if (this.#mode === 'stopped') return;
    this.#used += bytes;
    if (this.#mode === 'head') this.#takeHead();
    if (this.#mode === 'body') {
      const body = this.#buffer.subarray(this.#at, this.#used);
      this.#at = 0;
      this.#used = 0;
      this.#sink.body(body);
    } else if (this.#mode === 'frames') {
      this.#report();
      this.#takeFrames();
    }
  }

  /** From now on segments may come in these encodings as well: what was allowed once may still be on its way. */
  accept(encodings: number): void {
    this.#accepted |= encodings;
  }

  /** Everything that still comes is thrown away. The slab is not used again: a read into it may be under way. */
  stop(): void {
    this.#mode = 'stopped';
    this.#buffer = new Uint8Array(STOPPED_BYTES);
    this.#at = 0;
    this.#used = 0;
  }

  /** While a segment comes behind which no other fits, a read ends right behind it. */
  #readEnd(): number {
    const end = this.#segmentEnd();
    const { length } = this.#buffer;
    if (end === undefined || end + SEGMENT_PREFIX_BYTES + this.#segmentBytes <= length) return length;
    return Math.min(length, end + SEGMENT_PREFIX_BYTES);
  }

  /** Where the segment frame ends that is being read; undefined when there is none (yet). */
  #segmentEnd(): number | undefined {
    if (this.#mode !== 'frames' || this.#used - this.#at < SEGMENT_PREFIX_BYTES) return undefined;
    const { type, length } = readHeader(this.#buffer, this.#at);
    return type === 'segment' ? this.#at + FRAME_HEADER_BYTES + length : undefined;
  }

  #takeHead(): void {
    const head = parseResponseHead(this.#buffer.subarray(0, this.#used), this.#searched);
    this.#searched = this.#used;
    if (head === undefined) return;
    this.#at = head.bytes;
    const upgraded = this.#sink.head(head);
    if (!this.#isStopped()) this.#mode = upgraded ? 'frames' : 'body';
  }

  /** A sink may stop its receiver from within a callback. */
  #isStopped(): boolean {
    return this.#mode === 'stopped';
  }

  #takeFrames(): void {
    while (this.#used - this.#at >= FRAME_HEADER_BYTES) {
      const { type, length } = readHeader(this.#buffer, this.#at);
      const start = this.#at + FRAME_HEADER_BYTES;
      const end = start + length;
      if (type === 'segment') this.#checkSegment(length);
      else if (type !== undefined && !SOURCE_FRAME_TYPES.has(type)) {
        throw new HeddleError('bad-frame', `${type} is not for a client`, { side: 'remote' });
      } else if (FRAME_HEADER_BYTES + length > RECEIVER_LEAST_BYTES) {
        throw new HeddleError('frame-too-large', `${type} of ${length} bytes was not asked for`, { side: 'remote' });
      }
      if (this.#used < end) break;
      this.#at = end;
      if (type === 'segment') this.#handOver(decodeSegment(this.#buffer, start, end));
      else if (type !== undefined) {
        const body = this.#buffer.slice(start, end);
        this.#sink.frame(decodeBody(type, body) as Exclude<SourceFrame, SegmentFrame>);
      }
      if (this.#isStopped()) return;
    }
    this.#makeRoom();
  }

  #checkSegment(length: number): void {
    if (length > this.#segmentBytes + SEGMENT_PREFIX_BYTES - FRAME_HEADER_BYTES) {
      throw new HeddleError('frame-too-large', `a segment of ${length} bytes was not agreed`, { side: 'remote' });
    }
  }

  /** Tells how much payload the last read brought: once, however many segments it belongs to. Judges nothing. */
  #report(): void {
    let fresh = -this.#reported;
    for (let at = this.#at; this.#used - at >= FRAME_HEADER_BYTES; ) {
      const end = at + FRAME_HEADER_BYTES + lengthAt(this.#buffer, at);
      const isSegment = this.#buffer[at] === FRAME_TYPES.segment.number;
      const payload = isSegment ? this.#payloadOf(at, end) : 0;
      fresh += payload;
      this.#reported = this.#used < end ? payload : 0;
      at = end;
    }
    if (fresh > 0) this.#sink.payload(fresh);
  }

  /** The core plans in bytes of the object: an encoded segment's count as the part of the segment they make up. */
  #payloadOf(at: number, end: number): number {
    const come = Math.max(0, Math.min(this.#used, end) - at - SEGMENT_PREFIX_BYTES);
    if (come === 0 || this.#buffer[at + ENCODING_AT] === 0) return come;
    return Math.floor((come / (end - at - SEGMENT_PREFIX_BYTES)) * this.#segmentBytes);
  }

  #handOver(frame: SegmentFrame): void {
    const slab = this.#slab;
    if (!accepts(this.#accepted, frame.encoding)) {
      throw new HeddleError('bad-frame', `a segment in ${frame.encoding} was not asked for`, { side: 'remote' });
    }
    slab.hold();
    this.#sink.segment(frame, slab);
  }

  /** What is left of the last read goes to a place from which its frame has room. */
  #makeRoom(): void {
    const left = this.#buffer.subarray(this.#at, this.#used);
    if (this.#at === 0 || this.#at + this.#needed() <= this.#buffer.length) return;
    if (this.#slab.isAlone) this.#buffer.copyWithin(0, this.#at, this.#used);
    else {
      const full = this.#slab;
      this.#slab = this.#pool.take();
      this.#buffer = this.#slab.bytes;
      this.#buffer.set(left);
      full.release();
    }
    this.#at = 0;
    this.#used = left.length;
  }

  /** Bytes that the next frame may take, with what spills over behind it. */
  #needed(): number {
    if (this.#used - this.#at < FRAME_HEADER_BYTES) return SEGMENT_PREFIX_BYTES + this.#segmentBytes;
    return FRAME_HEADER_BYTES + readHeader(this.#buffer, this.#at).length;
  }
}
