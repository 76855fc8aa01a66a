// The order in which a channel says things: that of its decisions, as a source's frames leave. A mirror's answers may come
// in another order when they come over several connections; each waits here until what was decided before it is said.
import type { Answer, SegmentAnswer } from '../../protocol/segment-set.ts';
import type { DroppedFrame, DropReason, IdleFrame, SegmentFrame, SentBy } from '../../protocol/frames.ts';
import type { Slab } from './buffer-pool.ts';
import type { Filled } from './segment-fill.ts';

/** Where the order goes. */
export type OrderedSink = {
  frame(frame: DroppedFrame | IdleFrame): void;
  segment(frame: SegmentFrame, slab: Slab): void;
};

/** The place of one segment in the order. */
export type AnswerPlace = {
  readonly index: number;
  readonly by: SentBy;
  /** Here are its bytes. */
  bring(filled: Filled): void;
  drop(reason: DropReason): void;
};

type Place = { readonly epoch: number; say: (() => void) | undefined };

/** Answers in the order of their decisions. */
export class AnswerOrder {
  readonly #sink: OrderedSink;
  readonly #places: Place[] = [];

  constructor(sink: OrderedSink) {
    this.#sink = sink;
  }

  /** Epoch that may be claimed now: everything decided under an earlier one is said. */
  epochOf(present: number): number {
    return this.#places[0]?.epoch ?? present;
  }

  /** Takes a decision; for a segment, its place, which has to be filled. */
  decide(answer: SegmentAnswer): AnswerPlace;
  decide(answer: Answer): AnswerPlace | undefined;
  decide(answer: Answer): AnswerPlace | undefined {
    const place: Place = { epoch: answer.epoch, say: undefined };
    this.#places.push(place);
    const fill = (say: () => void): void => {
      place.say ??= say;
      this.#flush();
    };
    if (answer.type !== 'segment') {
      fill(() => this.#sink.frame(answer));
      return undefined;
    }
    const { index, epoch, by } = answer;
    return {
      index,
      by,
      bring: ({ slab, start, bytes }) =>
        fill(() => {
          const payload = slab.bytes.subarray(start, start + bytes);
          this.#sink.segment({ type: 'segment', index, epoch, by, encoding: 'identity', payload }, slab);
        }),
      drop: (reason) => fill(() => this.#sink.frame({ type: 'dropped', index, epoch, by, reason })),
    };
  }

  #flush(): void {
    for (let say = this.#places[0]?.say; say !== undefined; say = this.#places[0]?.say) {
      this.#places.shift();
      say();
    }
  }
}
