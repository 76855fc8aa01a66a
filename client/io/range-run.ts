// A run: adjacent segments that one Range request asks for, and how far its bytes have come. Fills one segment after
// another. Which segments, and whom to ask, is the channel's business.
import type { BufferPool } from './buffer-pool.ts';
import { SegmentFill } from './segment-fill.ts';
import type { AnswerPlace } from './range-order.ts';
import type { ByteSpan } from './range-answer.ts';

/** Bytes of one request: what a mirror that is asked for less may be slow at, and one that fails has to repeat. */
const MOST_RUN_BYTES = 8 * 1_048_576;

/** What one Range request is for. */
export type RangeRequest = {
  /** True when nobody needs its bytes. */
  readonly isProbe: boolean;
  /** Bytes that are missing, both ends included. */
  readonly missing: ByteSpan;
  readonly missingBytes: number;
  /** The segments that are missing, ascending. */
  readonly places: readonly AnswerPlace[];
  /** When it was asked for, ms; what PING's answers are measured by. */
  askedAt: number;
  /** The object ends at `size`: segments behind it are dropped, the last may be short. */
  bound(size: number): void;
  /** Room for bytes of the present segment, no further than `last`. */
  space(last: number): Uint8Array;
  /** `bytes` were put into the space. */
  filled(bytes: number): void;
  /** Nothing of what is missing will come. */
  drop(): void;
};

/** Adjacent segments asked for together. */
export class Run implements RangeRequest {
  readonly isProbe = false;
  readonly #segmentBytes: number;
  readonly #fill: SegmentFill;
  readonly #places: AnswerPlace[];
  /** Next byte that is missing. */
  #at: number;
  /** Exclusive; what lies behind the object's end is not asked for. */
  #end: number;
  #size = Number.POSITIVE_INFINITY;
  askedAt = 0;

  constructor(first: AnswerPlace, segmentBytes: number, pool: BufferPool) {
    this.#segmentBytes = segmentBytes;
    this.#fill = new SegmentFill(pool, segmentBytes);
    this.#places = [first];
    this.#at = first.index * segmentBytes;
    this.#end = this.#at + segmentBytes;
  }

  get missing(): ByteSpan {
    return { first: this.#at, last: this.#end - 1 };
  }

  get missingBytes(): number {
    return this.#end - this.#at;
  }

  /** True when the segment continues the run, which then holds it. */
  extend(place: AnswerPlace): boolean {
    if (place.index * this.#segmentBytes !== this.#end) return false;
    if (this.missingBytes + this.#segmentBytes > MOST_RUN_BYTES) return false;
    this.#places.push(place);
    this.#end = Math.min(this.#end + this.#segmentBytes, this.#size);
    return true;
  }

  bound(size: number): void {
    this.#size = size;
    while ((this.#places.at(-1)?.index ?? -1) * this.#segmentBytes >= size) this.#places.pop()?.drop('not-held');
    this.#end = Math.max(this.#at, Math.min(this.#end, size));
  }

  space(last: number): Uint8Array {
    const start = this.#at - (this.#at % this.#segmentBytes);
    const end = Math.min(start + this.#segmentBytes, this.#end, last + 1);
    return this.#fill.space(this.#at - start, end - start);
  }

  filled(bytes: number): void {
    const start = this.#at - (this.#at % this.#segmentBytes);
    this.#at += bytes;
    if (this.#at < Math.min(start + this.#segmentBytes, this.#end)) return;
    this.#places.shift()?.bring(this.#fill.whole(this.#at - start));
  }

  get places(): readonly AnswerPlace[] {
    return this.#places;
  }

  drop(): void {
    for (const place of this.#places.splice(0)) place.drop('not-held');
  }
}
