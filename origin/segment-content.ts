// The bytes of the segments of one channel: borrowed from the blocks, encoded where the client accepts that and it is worth
// it, or the words that stand for what cannot be read. Counts what it makes; when it is sent is the sender's business.
import type { Socket } from 'node:net';
import { asHeddleError } from '../protocol/errors.ts';
import { accepts } from '../protocol/frames.ts';
import { encodeFrame, segmentPrefix } from '../protocol/frame-writer.ts';
import type { SegmentAnswer } from '../protocol/segment-set.ts';
import type { Loan, OpenObject } from './block-cache.ts';
import type { PublishedObject } from './catalog.ts';
import type { Encoder } from './encoder.ts';
import type { OriginMetrics } from './metrics.ts';
import type { Content } from './outbox.ts';

/** How long a channel's rate is measured before it counts, and then again, ms. */
const RATE_MS = 250;

/** What the segments of a channel are made of. */
export type SegmentContentParts = {
  readonly socket: Pick<Socket, 'bytesWritten'>;
  readonly object: PublishedObject;
  readonly file: OpenObject;
  readonly metrics: OriginMetrics;
  /** Left out: ENCODE is ignored. */
  readonly encoder?: Encoder;
  readonly segmentBytes: number;
  /** A segment cannot be read at all: what is said instead. */
  lastWords(error: unknown): Content;
};

/** Makes the content of one channel's segments. */
export class SegmentContents {
  readonly #parts: SegmentContentParts;
  /** The encodings that the client accepts, as its last ENCODE said. */
  #accepted = 0;
  /** Bytes per ms that the socket took lately; undefined before that was measured. */
  #rate: number | undefined;
  #mark = { at: 0, bytes: 0 };

  constructor(parts: SegmentContentParts) {
    this.#parts = parts;
  }

  /** The client accepts these encodings from now on. */
  accept(encodings: number, now: number): void {
    this.#accepted = encodings;
    this.#mark = { at: now, bytes: this.#parts.socket.bytesWritten };
  }

  /** The frame of an owed segment of `length` bytes; at once when its bytes are there. Never rejects. */
  of(answer: SegmentAnswer, length: number): Content | Promise<Content> {
    const { file, object, encoder, segmentBytes } = this.#parts;
    const loan = file.borrow(answer.index * segmentBytes, length);
    const isEncoded =
      encoder !== undefined &&
      this.#accepted !== 0 &&
      accepts(this.#accepted, 'gzip') &&
      encoder.wants(object, length, this.#measured(performance.now()));
    const made = (ready: Loan): Content | Promise<Content> =>
      isEncoded ? this.#encoded(encoder, answer, length, ready) : this.#plain(answer, length, ready);
    if (!(loan instanceof Promise)) return made(loan);
    return loan.then(made, (error: unknown) => this.#unreadable(answer, error));
  }

  #plain({ index, epoch, by }: SegmentAnswer, length: number, loan: Loan): Content {
    const { metrics } = this.#parts;
    metrics.segments[by].inc();
    metrics.bytes.segments.inc(length);
    return { parts: [segmentPrefix(index, epoch, by, length), ...loan.parts], release: loan.release };
  }

  async #encoded(encoder: Encoder, answer: SegmentAnswer, length: number, loan: Loan): Promise<Content> {
    const { metrics, object } = this.#parts;
    const { index, epoch, by } = answer;
    const encoded = await encoder.encode(object, loan, length);
    if (encoded === undefined) return this.#plain(answer, length, loan);
    loan.release();
    metrics.segments[by].inc();
    metrics.bytes.segments.inc(encoded.length);
    return { parts: [segmentPrefix(index, epoch, by, encoded.length, 'gzip'), encoded] };
  }

  /** A changed object ends the channel; a segment that could not be read is the client's to ask for elsewhere. */
  #unreadable({ index, epoch, by }: SegmentAnswer, error: unknown): Content {
    const { metrics, lastWords } = this.#parts;
    if (asHeddleError(error).code !== 'read-failed') return lastWords(error);
    metrics.readErrors['read-failed'].inc();
    metrics.dropped['read-failed'].inc();
    return { parts: [encodeFrame({ type: 'dropped', index, epoch, by, reason: 'read-failed' })] };
  }

  #measured(now: number): number | undefined {
    const { bytesWritten } = this.#parts.socket;
    const { at, bytes } = this.#mark;
    if (now - at >= RATE_MS) {
      this.#rate = (bytesWritten - bytes) / (now - at);
      this.#mark = { at: now, bytes: bytesWritten };
    }
    return this.#rate;
  }
}
