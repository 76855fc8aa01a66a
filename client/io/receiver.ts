// Channel receiver: reads one channel's bytes straight into the segment buffers they belong to, and cuts them into the
// answer's head, control frames and segments. While a segment comes in, a read ends 16 bytes behind it: what spills over
// is the next frame's prefix and no payload is copied.
import { HeddleError } from '../../protocol/errors.ts';
import { accepts, FRAME_HEADER_BYTES, FRAME_TYPES } from '../../protocol/frames.ts';
import type { SegmentFrame, SourceFrame } from '../../protocol/frames.ts';
import { decodeBody, readHeader, SOURCE_FRAME_TYPES } from '../../protocol/frame-reader.ts';
import { SEGMENT_PREFIX_BYTES } from '../../protocol/frame-writer.ts';
import { parseResponseHead } from '../../protocol/http-head.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { BufferPool } from './buffer-pool.ts';

/** Where the pieces go. Exceptions thrown by the receiver itself are HeddleErrors of the peer's making. */
export type ReceiverSink = {
  /** The head of the upgrade's answer; what follows are frames only if this returns true. */
  head(head: ResponseHead): boolean;
  /** Bytes of the body of an answer that is no upgrade. */
  body(bytes: Uint8Array): void;
  frame(frame: Exclude<SourceFrame, SegmentFrame>): void;
  /** `bytes` of a segment's payload were read, before it is complete; of an encoded one, what they stand for. */
  payload(bytes: number): void;
  /** A whole segment: `buffer` now belongs to the sink, the payload is the view `frame.payload` into it. */
  segment(frame: SegmentFrame, buffer: Uint8Array<ArrayBuffer>): void;
};

/** Bytes a buffer must have beyond a segment's payload. */
export const RECEIVER_SLACK_BYTES: number = 2 * SEGMENT_PREFIX_BYTES;

/** Smallest buffer: the largest control frame a client has to understand must fit. */
export const RECEIVER_LEAST_BYTES: number =
  FRAME_HEADER_BYTES + Math.max(FRAME_TYPES.hello.maxBytes, LIMITS.maxHeadBytes) + RECEIVER_SLACK_BYTES;

/** Where a SEGMENT frame says its encoding: behind header, index, epoch and by. */
const ENCODING_AT = FRAME_HEADER_BYTES + 9;

/** Bytes of the buffer that takes what nobody wants any more. */
const STOPPED_BYTES = 65_536;

/** Cuts the bytes of one channel. Call `space`, read into it, then `filled`. */
export class Receiver {
  readonly #pool: BufferPool;
  readonly #sink: ReceiverSink;
  readonly #segmentBytes: number;
  #buffer: Uint8Array<ArrayBuffer>;
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
    this.#buffer = pool.take();
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
      const body = this.#buffer.subarray(0, this.#used);
      this.#used = 0;
      this.#sink.body(body);
    } else if (this.#mode === 'frames') this.#takeFrames();
  }

  /** From now on segments may come in these encodings as well: what was allowed once may still be on its way. */
  accept(encodings: number): void {
    this.#accepted |= encodings;
  }

  /** Everything that still comes is thrown away. The buffer is not used again: a read into it may be under way. */
  stop(): void {
    this.#mode = 'stopped';
    this.#buffer = new Uint8Array(STOPPED_BYTES);
    this.#used = 0;
  }

  #readEnd(): number {
    const length = this.#segmentLength();
    return length === undefined ? this.#buffer.length : length + SEGMENT_PREFIX_BYTES;
  }

  /** Bytes of the segment frame at the start of the buffer; undefined when there is none (yet). */
  #segmentLength(): number | undefined {
    if (this.#mode !== 'frames' || this.#used < SEGMENT_PREFIX_BYTES) return undefined;
    const { type, length } = readHeader(this.#buffer);
    return type === 'segment' ? FRAME_HEADER_BYTES + length : undefined;
  }

  #takeHead(): void {
    const head = parseResponseHead(this.#buffer.subarray(0, this.#used), this.#searched);
    this.#searched = this.#used;
    if (head === undefined) return;
    this.#buffer.copyWithin(0, head.bytes, this.#used);
    this.#used -= head.bytes;
    const upgraded = this.#sink.head(head);
    if (!this.#isStopped()) this.#mode = upgraded ? 'frames' : 'body';
  }

  /** A sink may stop its receiver from within a callback. */
  #isStopped(): boolean {
    return this.#mode === 'stopped';
  }

  #takeFrames(): void {
    let at = 0;
    while (this.#used - at >= FRAME_HEADER_BYTES) {
      const { type, length } = readHeader(this.#buffer, at);
      const end = at + FRAME_HEADER_BYTES + length;
      if (type === 'segment') {
        this.#checkSegment(length);
        this.#report(at, Math.min(this.#used, end), end);
        if (this.#used < end) break;
        at = this.#handOver(at, end);
        continue;
      }
      if (type !== undefined && !SOURCE_FRAME_TYPES.has(type)) {
        throw new HeddleError('bad-frame', `${type} is not for a client`, { side: 'remote' });
      }
      if (FRAME_HEADER_BYTES + length > this.#buffer.length) {
        throw new HeddleError('frame-too-large', `${type} of ${length} bytes was not asked for`, { side: 'remote' });
      }
      if (this.#used < end) break;
      if (type !== undefined) {
        const body = this.#buffer.slice(at + FRAME_HEADER_BYTES, end);
        this.#sink.frame(decodeBody(type, body) as Exclude<SourceFrame, SegmentFrame>);
        if (this.#isStopped()) return;
      }
      at = end;
    }
    if (at > 0) {
      this.#buffer.copyWithin(0, at, this.#used);
      this.#used -= at;
    }
  }

  #checkSegment(length: number): void {
    if (length > this.#segmentBytes + SEGMENT_PREFIX_BYTES - FRAME_HEADER_BYTES) {
      throw new HeddleError('frame-too-large', `a segment of ${length} bytes was not agreed`, { side: 'remote' });
    }
  }

  /** The core plans in bytes of the object: an encoded segment's are reported as the part of the segment they make up. */
  #report(at: number, to: number, end: number): void {
    const come = Math.max(0, to - at - SEGMENT_PREFIX_BYTES);
    const isPlain = come === 0 || this.#buffer[at + ENCODING_AT] === 0;
    const payload = isPlain ? come : Math.floor((come / (end - at - SEGMENT_PREFIX_BYTES)) * this.#segmentBytes);
    const fresh = payload - this.#reported;
    this.#reported = payload;
    if (fresh > 0) this.#sink.payload(fresh);
  }

  /** The segment in [at, end) is whole: its buffer goes to the sink, what lies behind it moves to the next buffer. */
  #handOver(at: number, end: number): number {
    const buffer = this.#buffer;
    const body = buffer.subarray(at + FRAME_HEADER_BYTES, end);
    const frame = decodeBody('segment', body) as SegmentFrame;
    if (!accepts(this.#accepted, frame.encoding)) {
      throw new HeddleError('bad-frame', `a segment in ${frame.encoding} was not asked for`, { side: 'remote' });
    }
    this.#buffer = this.#pool.take();
    this.#buffer.set(buffer.subarray(end, this.#used));
    this.#used -= end;
    this.#reported = 0;
    this.#sink.segment(frame, buffer);
    return 0;
  }
}
