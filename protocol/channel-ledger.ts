// The client's account of one channel: every pattern still possibly in force there, the credit given, what was answered,
// the SENDs open. From it follows `maySend`, what the channel may send or have sent without the client knowing yet.
// The exactly-once rule: a new pattern leaves at least maySend(c) with every healthy channel c and deals only the rest.
// Pure counterpart of segment-set.ts.
import { IndexSet } from './index-set.ts';
import { elementAt, nextOwed, withDealt } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import type { SentBy } from './frames.ts';

/** One pattern as the channel would execute it: `owed` are the first (credit − answers) unanswered it owes there. */
type View = {
  pattern: Pattern;
  creditLimit: number;
  owed: number[];
  cursor: number;
  /** Dropped under it because another channel had sent them. */
  readonly passed: Set<number>;
};

/**
 * SENDs of one segment that are not answered. `since`: the newest pattern when the first was written. From that one on
 * the source may serve the SEND first and, by pattern, something behind it.
 */
type OpenSend = { readonly count: number; readonly since: number };

const NOTHING: readonly number[] = [];

/** What an answer was: expected, or one the client never asked for (the peer is at fault). */
export type AnswerVerdict = 'expected' | 'unasked';

/** Account of one channel. Call `pattern`, `grant` and `send` in the order in which the frames are written. */
export class ChannelLedger {
  readonly #channel: number;
  /** Oldest possibly in force first; the last is the newest sent. */
  readonly #views: View[] = [];
  readonly #answered = new IndexSet();
  readonly #sends = new Map<number, OpenSend>();
  /** What a steering origin dealt this channel, as other channels said, and under which epoch. */
  readonly #claims = new Map<number, number>();
  #sendCount = 0;
  #credit = 0;
  #answers = 0;

  constructor(channel: number) {
    this.#channel = channel;
  }

  /** Pattern segments the channel may answer in all: the `total` of the newest CREDIT. */
  get credit(): number {
    return this.#credit;
  }

  /** Answers still to come: unused credit and open SENDs, in segments. */
  get unanswered(): number {
    return this.#credit - this.#answers + this.#sendCount;
  }

  /** Segments that will come as things stand: owed under the newest pattern and covered by credit, and open SENDs. */
  get outstanding(): number {
    return (this.#views.at(-1)?.owed.length ?? 0) + this.#sendCount;
  }

  /** No less than maySend holds. */
  get mostAsked(): number {
    return this.#views.reduce((sum, { owed }) => sum + owed.length, this.#sends.size + this.#claims.size);
  }

  /** Epoch of the newest pattern that was sent; 0 before the first. */
  get newestEpoch(): number {
    return this.#views.at(-1)?.pattern.epoch ?? 0;
  }

  /** Epoch that the channel has confirmed, or the oldest it may be at. */
  get oldestEpoch(): number {
    return this.#views[0]?.pattern.epoch ?? 0;
  }

  /** The segments expected by pattern, in the order in which they will come under the newest pattern. */
  get expected(): readonly number[] {
    return this.#views.at(-1)?.owed ?? [];
  }

  /** Segments of open SENDs. */
  get openSends(): Iterable<number> {
    return this.#sends.keys();
  }

  /** True while `index` is expected, by pattern or by SEND. */
  isAsked(index: number): boolean {
    const { expected } = this;
    // in increasing order: what lies before the first needs no search
    const isOwed = index >= (expected[0] ?? Number.POSITIVE_INFINITY) && expected.includes(index);
    return isOwed || this.#sends.has(index);
  }

  /** A PATTERN was sent. Patterns must rise in epoch and never lower `from`. */
  pattern(pattern: Pattern): void {
    const newest = this.#views.at(-1);
    if (newest !== undefined) newest.creditLimit = this.#credit;
    this.#answered.deleteBelow(this.#views[0]?.pattern.from ?? 0);
    const view: View = {
      pattern,
      creditLimit: Number.POSITIVE_INFINITY,
      owed: [],
      cursor: pattern.from,
      passed: new Set(),
    };
    this.#views.push(view);
    this.#settle(view);
  }

  /** The segment that one more credit would release, or undefined when nothing is owed. */
  nextToGrant(): number | undefined {
    const view = this.#views.at(-1);
    if (view === undefined || view.owed.length < this.#credit - this.#answers) return undefined;
    return this.#nextUnanswered(view);
  }

  /** Raises the credit by one; returns the segment it releases (undefined: nothing is owed, the credit stays open). */
  grant(): number | undefined {
    this.#credit += 1;
    const view = this.#views.at(-1);
    if (view === undefined) return undefined;
    const before = view.owed.length;
    this.#settle(view);
    return view.owed.length > before ? view.owed.at(-1) : undefined;
  }

  /** A SEND for `index` was sent. */
  send(index: number): void {
    const open = this.#sends.get(index);
    const view = this.#views.at(-1);
    this.#sends.set(index, { count: (open?.count ?? 0) + 1, since: open?.since ?? view?.pattern.epoch ?? 0 });
    this.#sendCount += 1;
    if (view === undefined) return;
    const at = view.owed.indexOf(index);
    if (at >= 0) view.owed.splice(at, 1);
    this.#settle(view);
  }

  /** The channel said `epoch`: every older pattern is out of force there. */
  confirm(epoch: number): void {
    while (this.#views.length > 1 && (this.#views[0]?.pattern.epoch ?? epoch) < epoch) this.#views.shift();
    if (this.#claims.size === 0) return;
    for (const [index, claimed] of this.#claims) if (claimed < this.oldestEpoch) this.#claims.delete(index);
  }

  /** DEALT came on this channel: it owes what that gives it on top, until the next epoch reaches it. */
  dealt(dealt: Pattern): void {
    this.confirm(dealt.epoch);
    const view = this.#views[0];
    if (view === undefined || view.pattern.epoch !== dealt.epoch) return;
    view.pattern = withDealt(view.pattern, dealt, this.#channel);
    view.cursor = Math.min(view.owed[0] ?? view.cursor, Math.max(view.pattern.from, dealt.from));
    view.owed = [];
    this.#settle(view);
  }

  /** DEALT came on another channel and gives `index` to this one: it may send it before its own DEALT is here. */
  claim(index: number, epoch: number): void {
    if (epoch >= this.oldestEpoch) this.#claims.set(index, epoch);
  }

  /** SEGMENT or DROPPED arrived. `sent`: the source has it in its sent set now (not for DROPPED already-sent, cancelled). */
  answer(index: number, epoch: number, by: SentBy, sent: boolean): AnswerVerdict {
    const verdict = by === 'send' ? this.#answerSend(index) : this.#answerPattern(index);
    if (verdict === 'unasked') return verdict;
    this.confirm(epoch);
    this.#claims.delete(index);
    if (sent) this.#answered.add(index);
    for (const view of this.#views) {
      // what was dropped because another channel has sent it is not owed here any more, but may be under a later pattern
      const isPassed = !sent && by === 'pattern' && view.pattern.epoch === epoch;
      if (isPassed) view.passed.add(index);
      const isOver = sent || isPassed;
      const at = isOver ? view.owed.indexOf(index) : -1;
      // nearly always the first, which goes without moving the others
      if (at === 0) view.owed.shift();
      else if (at > 0) view.owed.splice(at, 1);
      this.#settle(view);
    }
    return verdict;
  }

  /**
   * What a pattern answer of `index` under `epoch` overtook: a source answers what it owes in increasing order, so
   * whatever it owed below under the same pattern was swallowed on the way. Ask before `answer`.
   */
  overtaken(index: number, epoch: number): readonly number[] {
    const view = this.#views.find(({ pattern }) => pattern.epoch === epoch);
    const before = view?.owed.indexOf(index) ?? 0;
    return view === undefined || before <= 0 ? NOTHING : view.owed.slice(0, before);
  }

  /** True when the channel has answered `index` already: by pattern it will not send it again. */
  hasAnswered(index: number): boolean {
    return this.#answered.has(index);
  }

  /** What the channel may send, or may have sent already, unknown to the client. */
  maySend(): Set<number> {
    const all = this.mayOwe();
    for (const index of this.#sends.keys()) all.add(index);
    return all;
  }

  /** The part of maySend that answers patterns. */
  mayOwe(): Set<number> {
    const all = new Set<number>();
    for (const view of this.#views) for (const index of view.owed) all.add(index);
    for (const index of this.#claims.keys()) all.add(index);
    return all;
  }

  #answerSend(index: number): AnswerVerdict {
    const open = this.#sends.get(index);
    if (open === undefined) return 'unasked';
    if (open.count === 1) this.#sends.delete(index);
    else this.#sends.set(index, { ...open, count: open.count - 1 });
    this.#sendCount -= 1;
    return 'expected';
  }

  #answerPattern(index: number): AnswerVerdict {
    if (this.#answers >= this.#credit || !this.#views.some((view) => this.#mayAnswer(view, index))) return 'unasked';
    this.#answers += 1;
    return 'expected';
  }

  /** A segment with an open SEND is not listed as owed, but the pattern may have been quicker. */
  #mayAnswer({ owed, pattern }: View, index: number): boolean {
    return owed.includes(index) || (this.#sends.has(index) && elementAt(pattern, index) === this.#channel);
  }

  /** Brings `owed` to exactly as many segments as credit can still release under this pattern. */
  #settle(view: View): void {
    const wanted = Math.max(0, Math.min(view.creditLimit, this.#credit) - this.#answers);
    while (view.owed.length > wanted) view.cursor = view.owed.pop() ?? view.cursor;
    while (view.owed.length < wanted) {
      const next = this.#nextUnanswered(view);
      if (next === undefined) return;
      view.owed.push(next);
      view.cursor = next + 1;
    }
  }

  /** What will not be the next answer under this pattern. */
  #isPassedOver(view: View, index: number): boolean {
    const send = this.#sends.get(index);
    if (view.passed.has(index)) return true;
    return this.#answered.has(index) || (send !== undefined && view.pattern.epoch >= send.since);
  }

  #nextUnanswered(view: View): number | undefined {
    let index = nextOwed(view.pattern, this.#channel, view.cursor);
    while (index !== undefined && this.#isPassedOver(view, index)) {
      view.cursor = index + 1;
      index = nextOwed(view.pattern, this.#channel, view.cursor);
    }
    return index;
  }
}
