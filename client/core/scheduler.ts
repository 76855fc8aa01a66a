// The bulk and prioritization schedulers at work: decides when a modified pattern is due, has it dealt, sends it to every
// channel, and raises each channel's credit while its route's window and the reorder window have room.
// Invariant: what a healthy channel may have sent stays with it; no credit beyond window + one segment.
import { LIMITS } from '../../protocol/limits.ts';
import { EMPTY_PATTERN } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Channel } from './channel.ts';
import { deal, expectedCompletion } from './dealer.ts';
import type { Repair } from './repair.ts';
import { laneOf, routeOf, soundChannels, totalRate, usableChannels } from './state.ts';
import type { TransferState } from './state.ts';
import { dealtChannels, windowRoom } from './window-room.ts';

/** Deals patterns and grants credit for one transfer. */
export class Scheduler {
  readonly #state: TransferState;
  readonly #repair: Repair;
  #pattern: Pattern = EMPTY_PATTERN;
  #dealtAt = Number.NEGATIVE_INFINITY;
  #dirty = false;
  /** Shares by which the newest pattern was dealt, per channel. */
  #shares = new Map<number, number>();
  #inMemory = 0;

  constructor(state: TransferState, repair: Repair) {
    this.#state = state;
    this.#repair = repair;
  }

  /** The newest pattern. */
  get pattern(): Pattern {
    return this.#pattern;
  }

  /** Something changed that the present pattern does not know: deal again at the next turn. */
  invalidate(): void {
    this.#dirty = true;
  }

  /** Segments that arrived and that the sink has not taken, changed by `by`. */
  countInMemory(by: number): void {
    this.#inMemory += by;
  }

  /** Deals a modified pattern when one is due, then grants what the windows allow. */
  turn(now: number): void {
    if (this.#isPatternDue(now)) this.#deal(now);
    for (const channel of usableChannels(this.#state)) this.grant(channel, now);
  }

  /** Raises the credit of one channel; called at every read as well, so that the pipe never runs dry. */
  grant(channel: Channel, now: number): void {
    if (!channel.opened) return;
    const before = channel.ledger.credit;
    this.#raise(channel, now);
    if (channel.ledger.credit > before) {
      this.#state.effects.push({ type: 'credit', channel: channel.number, total: channel.ledger.credit });
    }
  }

  #isPatternDue(now: number): boolean {
    const { options, table } = this.#state;
    const usable = dealtChannels(this.#state);
    if (this.#dirty) return true;
    if (usable.length === 0 || table.missingLeft === 0) return false;
    const since = now - this.#dealtAt;
    if (since < options.urgentPatternMs) return false;
    const undealt =
      table.missingLeft > soundChannels(this.#state).reduce((sum, channel) => sum + channel.ledger.outstanding, 0);
    if (!undealt) return false;
    const leadEnd = this.#pattern.from + this.#pattern.lead.length;
    const outOfLead = usable.some((channel) => (channel.ledger.nextToGrant() ?? leadEnd) >= leadEnd);
    if (leadEnd < table.to && outOfLead) return true;
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
    return usable.some((channel) => {
      const share = shares.get(channel.number) ?? 0;
      const before = this.#shares.get(channel.number) ?? 0;
      return Math.abs(share - before) > this.#state.options.shareChange * Math.max(share, before);
    });
  }

  #sharesOf(usable: readonly Channel[]): Map<number, number> {
    const rates = usable.map((channel) => channel.rate.rateOr(routeOf(this.#state, channel).rttMs));
    const sum = rates.reduce((a, b) => a + b, 0);
    return new Map(usable.map((channel, at) => [channel.number, (rates[at] ?? 0) / sum]));
  }

  #deal(now: number): void {
    const state = this.#state;
    const { options, table } = state;
    const usable = dealtChannels(state);
    const reserved = this.#reserved();
    const rate = totalRate(state);
    const ahead = Math.ceil((rate * options.leadMs) / options.segmentBytes);
    this.#pattern = deal({
      epoch: this.#pattern.epoch + 1,
      from: Math.max(this.#pattern.from, Math.min(table.lowestMissing, table.to)),
      to: table.to,
      segmentBytes: options.segmentBytes,
      lanes: usable.map((channel) => laneOf(state, channel)),
      isWanted: (index) => table.isMissing(index) && !this.#repair.owns(index),
      reserved,
      reach: Math.max(table.highestSeen, this.#repair.highest, ...reserved.keys()),
      horizon: this.#inTail() ? LIMITS.maxLeadElements : Math.max(4 * usable.length, Math.min(ahead, 4_096)),
      cycleElements: options.cycleElements,
    });
    this.#dealtAt = now;
    this.#dirty = false;
    this.#shares = this.#sharesOf(usable);
    state.counters.patterns += 1;
    for (const channel of state.channels.values()) if (channel.writable) this.#announce(channel, now);
  }

  /** What healthy channels may have sent. What they owe by pattern goes before what was asked by SEND. */
  #reserved(): Map<number, number> {
    const reserved = new Map<number, number>();
    const sound = soundChannels(this.#state);
    for (const channel of sound) for (const index of channel.ledger.openSends) reserved.set(index, channel.number);
    for (const channel of sound) for (const index of channel.ledger.mayOwe()) reserved.set(index, channel.number);
    return reserved;
  }

  #announce(channel: Channel, now: number): void {
    const { effects } = this.#state;
    const { rttMs } = routeOf(this.#state, channel);
    channel.ledger.pattern(this.#pattern);
    if (channel.opened) {
      effects.push({ type: 'pattern', channel: channel.number, pattern: this.#pattern });
    } else {
      channel.openedAt = now;
      this.#raise(channel, now);
      const { credit } = channel.ledger;
      effects.push({ type: 'open', channel: channel.number, pattern: this.#pattern, credit });
    }
    channel.settle(rttMs, now);
  }

  #raise(channel: Channel, now: number): void {
    const { segmentBytes } = this.#state.options;
    const route = routeOf(this.#state, channel);
    let room = windowRoom(this.#state, channel);
    for (; room >= segmentBytes / 2; room -= segmentBytes) {
      const next = channel.ledger.nextToGrant();
      if (next === undefined || !this.#mayHold(next)) break;
      const finish = expectedCompletion(laneOf(this.#state, channel), segmentBytes);
      channel.ledger.grant();
      channel.promises.set(next, now + finish);
      channel.settle(route.rttMs, now);
    }
  }

  /**
   * Whether memory and the lead's reach allow asking for `index`. The in-order point always passes: the reorder window
   * begins at it. What is whole up to here but not taken yet does not, or a sink that stands still would fill the memory.
   */
  #mayHold(index: number): boolean {
    const { options, table } = this.#state;
    const isFar = index - this.#pattern.from >= LIMITS.maxLeadElements / 2;
    if (isFar && index !== table.lowestMissing) return false;
    const most = Math.floor(options.reorderBytes / options.segmentBytes);
    if (options.output === 'order') return index < table.takenPoint + most;
    return this.#inMemory < most;
  }
}
