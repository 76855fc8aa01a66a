// The bytes of the segments of one channel: borrowed from the blocks, encoded where the client accepts that and it is worth
// it, or the words that stand for what cannot be read. Counts what it makes; when it is sent is the sender's business.
import type { Socket } from 'node:net';
import { asHeddleError } from '../protocol/errors.ts';
import { accepts } from '../protocol/frames.ts';
import { segmentPrefix } from '../protocol/frame-writer.ts';
import type { SegmentAnswer } from '../protocol/segment-set.ts';
import type { Loan } from './block-loan.ts';
import type { PublishedObject } from './catalog.ts';
import type { Encoder } from './encoder.ts';
import type { OriginMetrics } from './metrics.ts';
import type { Content } from './outbox.ts';
import type { SegmentRun } from './segment-run.ts';

/** How long a channel's rate is measured before it counts, and then again, ms. */
const RATE_MS = 250;

/** What the segments of a channel are made of. */
export type SegmentContentParts = {
  readonly socket: Pick<Socket, 'bytesWritten'>;
  readonly object: PublishedObject;
  readonly metrics: OriginMetrics;
  /** Left out: ENCODE is ignored. */
  readonly encoder?: Encoder;
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

  /** Whether the next segment, of `length` bytes, is to be encoded. */
  encodes(length: number): boolean {
    const { object, encoder } = this.#parts;
    if (encoder === undefined || this.#accepted === 0 || !accepts(this.#accepted, 'gzip')) return false;
    return encoder.wants(object, length, this.#measured(performance.now()));
  }

  /** The frames of a run, as its bytes are; at once when they are there. Never rejects. */
  plain(run: SegmentRun): Content | Promise<Content> {
    const loan = run.borrow();
    if (!(loan instanceof Promise)) return this.#sent(run, loan);
    return loan.then(
      (ready) => this.#sent(run, ready),
      (error: unknown) => this.#unreadable(run, error),
    );
  }

  /** The frame of one segment, encoded where that makes it smaller. `alone` is the run of it. Never rejects. */
  async encoded(answer: SegmentAnswer, alone: SegmentRun): Promise<Content> {
    const { object, encoder, metrics } = this.#parts;
    const { index, epoch, by } = answer;
    let loan: Loan;
    try {
      loan = await alone.borrowPlain();
    } catch (error) {
      return this.#unreadable(alone, error);
    }
    const encoded = await encoder?.encode(object, loan, alone.payloadBytes);
    if (encoded === undefined) {
      const prefix = segmentPrefix(index, epoch, by, alone.payloadBytes);
      return this.#sent(alone, { parts: [prefix, ...loan.parts], release: loan.release });
    }
    loan.release();
    metrics.segments[by].inc();
    metrics.bytes.segments.inc(encoded.length);
    return { parts: [segmentPrefix(index, epoch, by, encoded.length, 'gzip'), encoded] };
  }

  #sent(run: SegmentRun, loan: Loan): Content {
    const { metrics } = this.#parts;
    metrics.segments[run.by].inc(run.segments);
    metrics.bytes.segments.inc(run.payloadBytes);
    return loan;
  }

  /** A changed object ends the channel; segments that could not be read are the client's to ask for elsewhere. */
  #unreadable(run: SegmentRun, error: unknown): Content {
    const { metrics, lastWords } = this.#parts;
    if (asHeddleError(error).code !== 'read-failed') return lastWords(error);
    metrics.readErrors['read-failed'].inc();
    metrics.dropped['read-failed'].inc(run.segments);
    return run.unread();
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
