// The state of one channel at its source: which segments it owes under the pattern in force, its credit and its SENDs,
// and the decision what to send next, one segment after another. Pure; reading and writing bytes is the sender's work.
// Invariant: a pattern segment is answered at most once, and never beyond the credit.
import { HeddleError } from './errors.ts';
import type {
  CancelFrame,
  CreditFrame,
  DroppedFrame,
  DropReason,
  IdleFrame,
  PatternFrame,
  SendFrame,
  SentBy,
} from './frames.ts';
import { IndexSet } from './index-set.ts';
import { LIMITS } from './limits.ts';
import { EMPTY_PATTERN, nextOwed, withDealt } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import { countOf, indexesOf, merged, mergedHave, rangesHave } from './ranges.ts';
import type { Range } from './ranges.ts';

/** A decision: send segment `index` now. The bytes follow from the object. */
export type SegmentAnswer = {
  readonly type: 'segment';
  readonly index: number;
  readonly epoch: number;
  readonly by: SentBy;
};
/** What a source does next on a channel. */
export type Answer = SegmentAnswer | DroppedFrame | IdleFrame;

type QueuedSend = { readonly index: number; readonly again: boolean; cancelled: boolean };

/** What one channel owes. Frames go in by `handle`, decisions come out by `next`, in the order they must leave. */
export class SegmentSet {
  readonly #channel: number;
  readonly #segments: number;
  readonly #held: readonly Range[];
  readonly #sent = new IndexSet();
  /** Above everything sent: what is looked for there needs no looking up. */
  #sentEnd = 0;
  /** Dropped under the pattern in force because another channel had sent them. */
  readonly #passed = new Set<number>();
  #pattern: Pattern = EMPTY_PATTERN;
  #cursor = 0;
  #credit = 0;
  #answered = 0;
  readonly #sends: QueuedSend[] = [];
  #idleSaid = false;
  /** True for segments that another channel has sent because the origin steers. */
  readonly #isElsewhere: (index: number) => boolean;

  /** `segments`: how many the object has; `held`: those this source can send. */
  constructor(
    channel: number,
    segments: number,
    held: readonly Range[],
    isElsewhere: (index: number) => boolean = () => false,
  ) {
    this.#isElsewhere = isElsewhere;
    this.#channel = channel;
    this.#segments = segments;
    this.#held = held;
  }

  /** Epoch of the pattern in force; 0 before the first. */
  get epoch(): number {
    return this.#pattern.epoch;
  }

  /** The pattern in force, with what the origin dealt on top. */
  get pattern(): Pattern {
    return this.#pattern;
  }

  /** Pattern segments it may still answer. */
  get room(): number {
    return Math.max(0, this.#credit - this.#answered);
  }

  /** True when segment `index`, at or above `from` of the pattern in force, was sent here or dropped as sent elsewhere. */
  hasAnswered(index: number): boolean {
    return (index < this.#sentEnd && this.#sent.has(index)) || (this.#passed.size > 0 && this.#passed.has(index));
  }

  /** The origin steers: what `dealt` gives this channel comes on top of what it owes, until the client's next epoch. */
  steer(dealt: Pattern): void {
    if (dealt.epoch !== this.#pattern.epoch) return;
    this.#pattern = withDealt(this.#pattern, dealt, this.#channel);
    // back to what is new, never forward: what it owed before is still owed
    this.#cursor = Math.min(this.#cursor, Math.max(this.#pattern.from, dealt.from));
    this.#idleSaid = false;
  }

  /** Takes a frame of the client. Throws `bad-frame` when `from` went back and `too-many-sends` past the limit. */
  handle(frame: PatternFrame | CreditFrame | SendFrame | CancelFrame): void {
    switch (frame.type) {
      case 'pattern':
        return this.#replace(frame.pattern);
      case 'credit':
        if (frame.total > this.#credit) this.#credit = frame.total;
        this.#idleSaid = false;
        return;
      case 'send':
        if (this.#sends.length + countOf(frame.ranges) > LIMITS.maxQueuedSends) {
          throw new HeddleError('too-many-sends', undefined, { side: 'remote' });
        }
        for (const index of indexesOf(frame.ranges)) {
          this.#sends.push({ index, again: frame.again, cancelled: false });
        }
        return;
      case 'cancel': {
        const ranges = merged(frame.ranges);
        for (const send of this.#sends) if (mergedHave(ranges, send.index)) send.cancelled = true;
        return;
      }
      default:
        frame satisfies never;
    }
  }

  /**
   * The next decision, or undefined until another frame comes. SENDs go first; IDLE is said once. A client that takes
   * more than can be remembered gets no more before it moves `from`.
   */
  next(): Answer | undefined {
    if (this.#sent.size >= LIMITS.maxSentSegments) return undefined;
    const send = this.#sends.shift();
    if (send !== undefined) return this.#answerSend(send);
    if (this.#answered >= this.#credit) return undefined;
    const index = this.#nextUnsent();
    if (index === undefined) return this.#idle();
    this.#answered += 1;
    if (this.#isElsewhere(index)) {
      this.#passed.add(index);
      return this.#drop(index, 'pattern', 'already-sent');
    }
    return this.#answer(index, 'pattern');
  }

  #replace(pattern: Pattern): void {
    if (pattern.epoch <= this.#pattern.epoch) return;
    if (pattern.from < this.#pattern.from) {
      throw new HeddleError('bad-frame', '`from` of a pattern went back', { side: 'remote' });
    }
    this.#pattern = { ...pattern, to: Math.min(pattern.to, this.#segments) };
    this.#cursor = pattern.from;
    this.#passed.clear();
    this.#idleSaid = false;
    this.#sent.deleteBelow(pattern.from);
  }

  #nextUnsent(): number | undefined {
    let index = nextOwed(this.#pattern, this.#channel, this.#cursor);
    while (index !== undefined && this.hasAnswered(index)) {
      this.#cursor = index + 1;
      index = nextOwed(this.#pattern, this.#channel, this.#cursor);
    }
    if (index !== undefined) this.#cursor = index + 1;
    return index;
  }

  #answerSend(send: QueuedSend): Answer {
    if (send.cancelled) return this.#drop(send.index, 'send', 'cancelled');
    if (!send.again && this.#sent.has(send.index)) return this.#drop(send.index, 'send', 'already-sent');
    return this.#answer(send.index, 'send');
  }

  #answer(index: number, by: SentBy): Answer {
    if (index >= this.#segments) return this.#drop(index, by, 'not-held');
    this.#sent.add(index);
    this.#sentEnd = Math.max(this.#sentEnd, index + 1);
    if (!rangesHave(this.#held, index)) return this.#drop(index, by, 'not-held');
    return { type: 'segment', index, epoch: this.#pattern.epoch, by };
  }

  #drop(index: number, by: SentBy, reason: DropReason): DroppedFrame {
    return { type: 'dropped', index, epoch: this.#pattern.epoch, by, reason };
  }

  #idle(): IdleFrame | undefined {
    if (this.#idleSaid || this.#pattern.epoch === 0) return undefined;
    this.#idleSaid = true;
    return { type: 'idle', epoch: this.#pattern.epoch, at: this.#cursor };
  }
}
