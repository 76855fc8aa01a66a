// Segments decided one after another that lie in one block: read as one, queued as one, sent in one go. What each costs on
// its own is its prefix; promises, loans and accounts are the run's. Which segments come next is not decided here.
import { encodeFrame, SEGMENT_PREFIX_BYTES, writeSegmentPrefix } from '../protocol/frame-writer.ts';
import type { SegmentAnswer } from '../protocol/segment-set.ts';
import type { Loan, OpenObject, Piece } from './block-cache.ts';
import type { Content } from './outbox.ts';

/** A run that is being made. */
export class SegmentRun {
  readonly #first: SegmentAnswer;
  readonly #block: number;
  readonly #blockBytes: number;
  readonly #indexes: number[] = [];
  readonly #pieces: Piece[] = [];
  #payloadBytes = 0;

  /** A run of this one segment. */
  constructor(answer: SegmentAnswer, piece: Piece, blockBytes: number) {
    this.#first = answer;
    this.#blockBytes = blockBytes;
    this.#block = Math.floor(piece.position / blockBytes);
    this.#add(answer, piece);
  }

  get epoch(): number {
    return this.#first.epoch;
  }

  get by(): SegmentAnswer['by'] {
    return this.#first.by;
  }

  get segments(): number {
    return this.#indexes.length;
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Bytes it takes on the wire. */
  get bytes(): number {
    return this.#payloadBytes + this.#indexes.length * SEGMENT_PREFIX_BYTES;
  }

  /** Takes one more when the same read serves it and it goes on upwards; else it begins a run of its own. */
  takes(answer: SegmentAnswer, piece: Piece): boolean {
    const { epoch, by } = this.#first;
    const goesOn = answer.epoch === epoch && answer.by === by && piece.position > (this.#pieces.at(-1)?.position ?? 0);
    const end = piece.position + piece.length - 1;
    if (!goesOn || Math.floor(end / this.#blockBytes) !== this.#block) return false;
    this.#add(answer, piece);
    return true;
  }

  /** Its bytes, at once when they are there. */
  borrow(file: OpenObject): Loan | Promise<Loan> {
    return file.borrowPieces(this.#pieces);
  }

  /** The frames, around bytes that were borrowed. */
  content({ parts, release }: Loan): Content {
    const { epoch, by } = this.#first;
    const prefixes = Buffer.allocUnsafe(this.#indexes.length * SEGMENT_PREFIX_BYTES);
    const framed: Uint8Array[] = [];
    for (const [at, index] of this.#indexes.entries()) {
      const prefix = prefixes.subarray(at * SEGMENT_PREFIX_BYTES, (at + 1) * SEGMENT_PREFIX_BYTES);
      writeSegmentPrefix(prefix, { index, epoch, by }, this.#pieces[at]?.length ?? 0);
      framed.push(prefix);
      const part = parts[at];
      // one segment may lie in several blocks
      if (this.#indexes.length === 1) framed.push(...parts);
      else if (part !== undefined) framed.push(part);
    }
    return { parts: framed, release };
  }

  /** The answers when nothing could be read. */
  unread(): Content {
    const { epoch, by } = this.#first;
    return {
      parts: this.#indexes.map((index) => encodeFrame({ type: 'dropped', index, epoch, by, reason: 'read-failed' })),
    };
  }

  #add({ index }: SegmentAnswer, piece: Piece): void {
    this.#indexes.push(index);
    this.#pieces.push(piece);
    this.#payloadBytes += piece.length;
  }
}
