// Segments decided one after another that lie in one block, or in several where reads are done at once: read as one, queued
// as one, sent in one go, neighbours as one piece with their prefixes. Promises, loans and accounts are the run's. Which segments come next is not decided here.
import { encodeFrame, SEGMENT_PREFIX_BYTES } from '../protocol/frame-writer.ts';
import type { SegmentAnswer } from '../protocol/segment-set.ts';
import type { Loan } from './block-loan.ts';
import type { OpenObject } from './block-cache.ts';
import type { Content } from './outbox.ts';

/** An object as segments. */
export type SegmentedObject = { readonly file: OpenObject; readonly segmentBytes: number };

/** Neighbouring segments. */
type Neighbours = { readonly first: number; count: number };

/** A run that is being made. */
export class SegmentRun {
  readonly #answer: SegmentAnswer;
  readonly #object: SegmentedObject;
  /** Where it ends at the latest. */
  readonly #limit: number;
  readonly #groups: Neighbours[];
  /** Index behind its last segment. */
  #next: number;
  #segments = 1;
  #payloadBytes: number;

  /** A run of this one segment. */
  constructor(answer: SegmentAnswer, object: SegmentedObject) {
    const { blockBytes, runBytes } = object.file;
    const { index } = answer;
    const position = index * object.segmentBytes;
    this.#answer = answer;
    this.#object = object;
    this.#limit = position - (position % blockBytes) + runBytes;
    this.#groups = [{ first: index, count: 1 }];
    this.#next = index + 1;
    this.#payloadBytes = this.#endOf(index) - position;
  }

  get epoch(): number {
    return this.#answer.epoch;
  }

  get by(): SegmentAnswer['by'] {
    return this.#answer.by;
  }

  get segments(): number {
    return this.#segments;
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Bytes it takes on the wire. */
  get bytes(): number {
    return this.#payloadBytes + this.#segments * SEGMENT_PREFIX_BYTES;
  }

  /** Takes one more when the same read serves it and it goes on upwards; else it begins a run of its own. */
  takes({ index, epoch, by }: SegmentAnswer): boolean {
    if (epoch !== this.#answer.epoch || by !== this.#answer.by || index < this.#next) return false;
    const end = this.#endOf(index);
    if (end > this.#limit) return false;
    const group = this.#groups.at(-1);
    if (index === this.#next && group !== undefined) group.count += 1;
    else this.#groups.push({ first: index, count: 1 });
    this.#next = index + 1;
    this.#segments += 1;
    this.#payloadBytes += end - index * this.#object.segmentBytes;
    return true;
  }

  /** Its frames, at once when the bytes are there. */
  borrow(): Loan | Promise<Loan> {
    const { file, segmentBytes } = this.#object;
    const { epoch, by } = this.#answer;
    const pieces = this.#groups.map(({ first, count }) => {
      const position = first * segmentBytes;
      return { position, length: this.#endOf(first + count - 1) - position };
    });
    return file.borrowFrames(pieces, { segmentBytes, epoch, by });
  }

  /** The bytes of a run of one segment. */
  borrowPlain(): Loan | Promise<Loan> {
    const { file, segmentBytes } = this.#object;
    return file.borrow(this.#answer.index * segmentBytes, this.#payloadBytes, segmentBytes);
  }

  /** The answers when nothing could be read. */
  unread(): Content {
    const { epoch, by } = this.#answer;
    const parts = this.#groups.flatMap(({ first, count }) =>
      Array.from({ length: count }, (_, at) =>
        encodeFrame({ type: 'dropped', index: first + at, epoch, by, reason: 'read-failed' }),
      ),
    );
    return { parts };
  }

  #endOf(index: number): number {
    const { file, segmentBytes } = this.#object;
    return Math.min(file.size, (index + 1) * segmentBytes);
  }
}
