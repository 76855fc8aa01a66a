// The bulk and prioritization schedulers at work: decides when a modified pattern is due, has it dealt, sends it to every
// channel, and raises each channel's credit while its route's window and the reorder window have room.
// Invariant: what a healthy channel may have sent stays with it; no credit beyond window + one segment.
import { LIMITS } from '../../protocol/limits.ts';
import { EMPTY_PATTERN } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Channel } from './channel.ts';
import type { ConstraintScheduler } from './constraint-scheduler.ts';
import { book, holds, refusalOf } from './constraints.ts';
import { deal, expectedCompletion } from './dealer.ts';
import type { Lane } from './dealer.ts';
import { Expediter } from './expediter.ts';
import { MemoryRoom } from './memory-room.ts';
import { PatternBudget } from './pattern-budget.ts';
import { factsOf, NO_PATTERN } from './pattern-facts.ts';
import type { PatternFacts } from './pattern-facts.ts';
import type { Prioritizer } from './prioritizer.ts';
import type { Repair } from './repair.ts';
import { laneOf, outstandingSegments, rateOf, routeOf, soundChannels, totalRate, usableChannels } from './state.ts';
import type { TransferState } from './state.ts';
import { dealtChannels, windowRoom } from './window-room.ts';

/** Segments beyond the in-order point that may be asked for by pattern: each is a byte in every pattern to every channel. */
const MOST_REACH = 4_096;

/** Nothing is on its way though much is missing: ms after which a modified pattern is due however many there were. */
const IDLE_MS = 500;

/** Deals patterns and grants credit for one transfer. */
export class Scheduler {
  readonly #state: TransferState;
  readonly #repair: Repair;
  readonly #prioritizer: Prioritizer;
  readonly #constraints: ConstraintScheduler;
  readonly #expediter: Expediter;
  readonly #budget: PatternBudget;
  readonly #memory: MemoryRoom;
  #pattern: Pattern = EMPTY_PATTERN;
  #facts: PatternFacts = NO_PATTERN;
  #dealtAt = Number.NEGATIVE_INFINITY;
  #dirty = false;
  /** The pattern names somebody for a segment that he may not be asked for any more. */
  #isStale = false;
  /** Highest segment that was ever asked for by pattern. */
  #reached = -1;
  /** Shares by which the newest pattern was dealt, per channel. */
  #shares = new Map<number, number>();

  constructor(state: TransferState, repair: Repair, prioritizer: Prioritizer, constraints: ConstraintScheduler) {
    this.#state = state;
    this.#repair = repair;
    this.#prioritizer = prioritizer;
    this.#constraints = constraints;
    this.#budget = new PatternBudget(state.options);
    this.#memory = new MemoryRoom(state);
    this.#expediter = new Expediter(state, repair, prioritizer, constraints, (index) => this.#memory.fits(index));
  }

  /** The newest pattern. */
  get pattern(): Pattern {
    return this.#pattern;
  }

  /** Something changed that the present pattern does not know: deal again at the next turn. */
  invalidate(): void {
    this.#dirty = true;
  }

  /** The present pattern is wrong about a segment: deal again soon. */
  outdate(): void {
    this.#isStale = true;
  }

  /** Highest segment that was ever asked for by pattern. */
  get reached(): number {
    return this.#reached;
  }

  /** A segment came in answer to a pattern. */
  reach(index: number): void {
    this.#reached = Math.max(this.#reached, index);
  }

  /** Segments that arrived and that the sink has not taken. */
  get inMemory(): number {
    return this.#memory.held;
  }

  /** The same, changed by `by`. */
  countInMemory(by: number): void {
    this.#memory.count(by);
  }

  /** Deals a modified pattern when one is due, then grants what the windows allow. */
  turn(now: number): void {
    if (this.#state.isPaused) return;
    this.#prioritizer.prune((index) => this.#state.table.isMissing(index));
    if (this.#isPatternDue(now)) this.#deal(now);
    this.#state.isOutOfReach = false;
    this.#memory.keep(this.#memory.isFull ? this.#expediter.askLast(this.#memory.end, now) : 0);
    for (const channel of usableChannels(this.#state)) {
      this.grant(channel, now, true);
      if (channel.opened) this.#expediter.askBeyond(channel, this.#facts, now);
    }
  }

  /** Raises the credit of one channel; called at every read as well (not `isTurn`), so that the pipe never runs dry. */
  grant(channel: Channel, now: number, isTurn = false): void {
    if (!channel.opened || this.#state.isPaused || !(isTurn || channel.isWorthCredit)) return;
    this.#expediter.askRaised(channel, this.#facts, now);
    const before = channel.ledger.credit;
    this.#raise(channel, now);
    if (channel.ledger.credit > before) {
      this.#state.effects.push({ type: 'credit', channel: channel.number, total: channel.ledger.credit });
    }
    channel.raised();
  }

  #isPatternDue(now: number): boolean {
    const { options, table } = this.#state;
    const usable = dealtChannels(this.#state);
    if (this.#dirty) return true;
    if (usable.length === 0 || table.missingLeft === 0) return false;
    const since = now - this.#dealtAt;
    if (since < options.urgentPatternMs) return false;
    if (this.#isStale) return true;
    const outstanding = outstandingSegments(this.#state);
    if (table.missingLeft <= outstanding) return false;
    if (outstanding === 0 && since >= IDLE_MS && this.#memory.fits(table.lowestMissing)) return true;
    const { leadEnd, without } = this.#facts;
    const isIdle = ({ ledger, opened }: Channel): boolean => opened && ledger.unanswered === 0;
    const outOfLead = usable.some(
      ({ ledger, number }) => !without.has(number) && (ledger.nextToGrant() ?? leadEnd) >= leadEnd,
    );
    if (leadEnd < table.to && outOfLead) return true;
    // what is not asked for yet would otherwise wait for the channel that has it, while the rest have nothing to do
    if (this.#inTail() && since >= options.patternIntervalMs && usable.some(isIdle)) return true;
    if (!this.#budget.allowsMore(this.#state.counters.receivedBytes)) return false;
    if (this.#inTail() && since >= 2 * options.urgentPatternMs) return true;
    return since >= options.patternIntervalMs && this.#sharesMoved(usable);
  }

  #inTail(): boolean {
    const { options, table } = this.#state;
    const left = table.missingLeft * options.segmentBytes;
    return left < Math.max(options.tailBytes, totalRate(this.#state) * options.tailMs);
  }

  #sharesMoved(usable: readonly Channel[]): boolean {
    const shares = this.#sharesOf(usable);
    if (shares.size !== this.#shares.size) return true;
    return usable.some((channel) => {
      const share = shares.get(channel.number) ?? 0;
      const before = this.#shares.get(channel.number) ?? 0;
      return Math.abs(share - before) > this.#state.options.shareChange * Math.max(share, before);
    });
  }

  #sharesOf(usable: readonly Channel[]): Map<number, number> {
    const rates = usable.map((channel) => rateOf(this.#state, channel));
    const sum = rates.reduce((a, b) => a + b, 0);
    return new Map(usable.map((channel, at) => [channel.number, (rates[at] ?? 0) / sum]));
  }

  #deal(now: number): void {
    const state = this.#state;
    const { options, table } = state;
    const usable = dealtChannels(state);
    this.#constraints.review(now);
    const kept = this.#kept();
    const lanes = this.#lanes(usable);
    const rate = totalRate(state);
    const ahead = Math.ceil((rate * options.leadMs) / options.segmentBytes);
    this.#pattern = deal({
      epoch: this.#pattern.epoch + 1,
      from: Math.max(this.#pattern.from, Math.min(table.lowestMissing, table.to)),
      to: table.to,
      segmentBytes: options.segmentBytes,
      lanes,
      isWanted: (index) => this.#isForPatterns(index, kept),
      reserved: kept,
      reach: this.#reached,
      horizon: this.#inTail() ? LIMITS.maxLeadElements : Math.max(4 * usable.length, Math.min(ahead, 4_096)),
      cycleElements: options.cycleElements,
    });
    this.#dealtAt = now;
    this.#dirty = false;
    this.#isStale = false;
    this.#shares = this.#sharesOf(usable);
    this.#facts = factsOf(this.#pattern, lanes, kept);
    state.counters.patterns += 1;
    for (const channel of state.channels.all) if (this.#hasToKnow(channel)) this.#announce(channel, now);
  }

  #lanes(usable: readonly Channel[]): Lane[] {
    const purses = this.#constraints.purses();
    return usable.map((channel) => {
      const holdings = channel.holdings ?? routeOf(this.#state, channel).holdings;
      const isWhole = holdings?.hasAll(this.#pattern.from, this.#state.table.to) ?? true;
      const lane = laneOf(this.#state, channel);
      const purse = purses.get(channel.route);
      return isWhole && purse === undefined ? lane : { ...lane, holds: isWhole ? undefined : holdings, purse };
    });
  }

  /**
   * Missing, and neither asked for by SEND nor to be: raised segments do not wait for their turn in a pattern, unless one
   * of the `kept` that come anyway.
   */
  #isForPatterns(index: number, kept?: ReadonlyMap<number, number>): boolean {
    if (!this.#state.table.isMissing(index) || this.#repair.owns(index)) return false;
    return !this.#prioritizer.isRaised(index) || kept?.has(index) === true;
  }

  /**
   * What healthy channels may have sent stays with them, unless they turn out not to have it. What they owe by pattern
   * goes before what was asked by SEND.
   */
  #kept(): Map<number, number> {
    const kept = new Map<number, number>();
    const sound = soundChannels(this.#state);
    for (const channel of sound) for (const index of channel.ledger.openSends) kept.set(index, channel.number);
    for (const channel of sound) {
      const route = routeOf(this.#state, channel);
      for (const index of channel.ledger.mayOwe()) {
        this.reach(index);
        if (holds(route, channel, index)) kept.set(index, channel.number);
      }
    }
    return kept;
  }

  /** A channel that was asked for nothing, and is not to be, goes on with the pattern it has: it has no credit for it. */
  #hasToKnow({ writable, opened, ledger, number }: Channel): boolean {
    const isAsked = ledger.unanswered > 0 || this.#facts.named.has(number);
    return writable && (isAsked || !opened || this.#state.options.steer);
  }

  #announce(channel: Channel, now: number): void {
    const { effects } = this.#state;
    const { rttMs } = routeOf(this.#state, channel);
    this.#budget.spend(this.#pattern, this.#shares.size);
    channel.ledger.pattern(this.#pattern);
    if (channel.opened) {
      effects.push({ type: 'pattern', channel: channel.number, pattern: this.#pattern });
    } else {
      channel.openedAt = now;
      this.#raise(channel, now);
      effects.push({ type: 'open', channel: channel.number, pattern: this.#pattern, credit: channel.ledger.credit });
    }
    channel.promise(expectedCompletion(laneOf(this.#state, channel), this.#state.options.segmentBytes), now);
    channel.settle(rttMs, now);
  }

  #raise(channel: Channel, now: number): void {
    const { segmentBytes } = this.#state.options;
    const { rttMs } = routeOf(this.#state, channel);
    if (channel.ledger.newestEpoch !== this.#pattern.epoch) return;
    let room = windowRoom(this.#state, channel);
    for (; room >= segmentBytes / 2; room -= segmentBytes) {
      const next = channel.ledger.nextToGrant();
      if (next === undefined || !this.#mayHold(next)) break;
      if (!this.#mayGrant(channel, next, now)) break;
      const finish = expectedCompletion(laneOf(this.#state, channel), segmentBytes);
      channel.ledger.grant();
      book(this.#state, channel, now);
      this.reach(next);
      channel.promises.set(next, now + finish);
      channel.timer.asked(next, now);
      channel.settle(rttMs, now);
    }
  }

  /** Whether the pattern is still right in giving `index` to the channel; if it is not for good, it is dealt again soon. */
  #mayGrant(channel: Channel, index: number, now: number): boolean {
    const refusal = refusalOf(this.#state, channel, index, now);
    if (refusal === 'paced') return false;
    const isRight =
      refusal === undefined && (this.#state.table.to === Number.POSITIVE_INFINITY || this.#isForPatterns(index));
    if (!isRight) this.#isStale = true;
    return isRight;
  }

  /**
   * Whether memory and the lead's reach allow asking for `index`. The in-order point always passes: the reorder window
   * begins at it. What is whole up to here but not taken yet does not, or a sink that stands still would fill the memory.
   */
  #mayHold(index: number): boolean {
    const { lowestMissing } = this.#state.table;
    // the next pattern begins at the in-order point, and its lead has to hold everything up to here
    const isBeyond = index - Math.max(this.#pattern.from, lowestMissing) >= MOST_REACH && index !== lowestMissing;
    if (isBeyond) this.#state.isOutOfReach = true;
    return !isBeyond && this.#memory.fits(index);
  }
}
