// One channel at its source, as origin/segment-sender.ts runs it: the real segment set decides, frames are put on the
// stream in the order of the decisions, up to a bounded number of bytes ahead of what kernels take. PONG waits behind
// what is written. No bytes: frames carry their lengths.
import type {
  CancelFrame,
  CreditFrame,
  DroppedFrame,
  IdleFrame,
  PatternFrame,
  PongFrame,
  SendFrame,
  SentBy,
} from '../../../protocol/frames.ts';
import { HASH_BYTES } from '../../../protocol/limits.ts';
import type { Range } from '../../../protocol/ranges.ts';
import { SegmentSet } from '../../../protocol/segment-set.ts';

/** Bytes decided ahead of what the kernels took, besides one segment (origin's `queueBytes`). */
const QUEUE_BYTES = 262_144;
const FIRST_PROOF_NODES = 64;
const SEGMENT_PREFIX_BYTES = 16;
const SMALL_FRAME_BYTES = 16;
/** The 101 and a HELLO with a signed manifest. */
const GREETING_BYTES = 1_200;

/** What comes down a channel. */
export type Downstream =
  | { readonly type: 'greeting'; readonly held: readonly Range[] }
  | { readonly type: 'proof'; readonly first: number; readonly count: number }
  | {
      readonly type: 'segment';
      readonly index: number;
      readonly epoch: number;
      readonly by: SentBy;
      readonly bytes: number;
    }
  | DroppedFrame
  | IdleFrame
  | PongFrame;

/** What goes up a channel. */
export type Upstream =
  | PatternFrame
  | CreditFrame
  | SendFrame
  | CancelFrame
  | { readonly type: 'ping'; readonly nonce: number }
  | { readonly type: 'prove'; readonly first: number; readonly count: number };

/** The object and the channel, as the source knows them. */
export type SourceOrder = {
  readonly channel: number;
  readonly size: number;
  readonly segmentBytes: number;
  /** What it holds, and what it says that it holds. */
  readonly held: readonly Range[];
  readonly claims: readonly Range[];
  /** False for a plain mirror: it has no proof pages. */
  readonly proves: boolean;
};

export type SourceWire = {
  /** Puts `bytes` on the stream. */
  readonly write: (bytes: number, frame: Downstream) => void;
  /** Bytes written that no kernel has taken yet. */
  readonly pendingBytes: () => number;
  /** A cap on the rate holds the source up; it is pumped again when that is over. */
  readonly isHeldUp: () => boolean;
};

/** One channel's source. Throws what the segment set throws: a client at fault. */
export class Source {
  readonly #order: SourceOrder;
  readonly #wire: SourceWire;
  readonly #set: SegmentSet;

  /** Greets: what follows the 101. */
  constructor(order: SourceOrder, wire: SourceWire, firstSegment: number) {
    this.#order = order;
    this.#wire = wire;
    this.#set = new SegmentSet(order.channel, this.#segments(), order.held);
    wire.write(GREETING_BYTES, { type: 'greeting', held: order.claims });
    const block = Math.floor(Math.min(firstSegment, this.#segments() - 1) / FIRST_PROOF_NODES);
    if (order.size > 0) this.#prove(block * FIRST_PROOF_NODES, FIRST_PROOF_NODES);
  }

  handle(frame: Upstream): void {
    if (frame.type === 'prove') this.#prove(frame.first, frame.count);
    else if (frame.type === 'ping') this.#pong(frame.nonce);
    else this.#set.handle(frame);
    this.pump();
  }

  /** Decides as much as there is room for; called when the kernels took something. */
  pump(): void {
    while (this.#wire.pendingBytes() < QUEUE_BYTES && !this.#wire.isHeldUp()) {
      const answer = this.#set.next();
      if (answer === undefined) return;
      if (answer.type !== 'segment') this.#wire.write(SMALL_FRAME_BYTES, answer);
      else {
        const { size, segmentBytes } = this.#order;
        const bytes = Math.min(segmentBytes, size - answer.index * segmentBytes);
        this.#wire.write(SEGMENT_PREFIX_BYTES + bytes, { ...answer, bytes });
      }
    }
  }

  #segments(): number {
    return Math.ceil(this.#order.size / this.#order.segmentBytes);
  }

  #prove(first: number, asked: number): void {
    if (!this.#order.proves) return;
    const count = Math.min(asked, this.#segments() - first);
    const pathNodes = Math.ceil(Math.log2(Math.max(1, this.#segments() / asked)));
    this.#wire.write(SMALL_FRAME_BYTES + HASH_BYTES * (count + pathNodes), { type: 'proof', first, count });
  }

  #pong(nonce: number): void {
    const queued = Math.min(this.#wire.pendingBytes(), 0xffff_ffff);
    this.#wire.write(SMALL_FRAME_BYTES, { type: 'pong', nonce, epoch: this.#set.epoch, queued });
  }
}
