// Asks by SEND for what no pattern brings in time, within each route's window: what was raised, wherever it lies; what a
// source holds beyond the reach of the present pattern while that has nothing for it; the last that the reorder window has
// room for, of routes that quicker ones leave nothing. Which segments are raised is the prioritizer's; once asked, a
// segment is the repair's until it is here.
import { LIMITS } from '../../protocol/limits.ts';
import type { Channel } from './channel.ts';
import type { ConstraintScheduler } from './constraint-scheduler.ts';
import { holds, refusalOf } from './constraints.ts';
import { expectedCompletion } from './dealer.ts';
import type { PatternFacts } from './pattern-facts.ts';
import type { Prioritizer } from './prioritizer.ts';
import type { Repair } from './repair.ts';
import { laneOf, routeOf, soundChannels, totalRate, usableChannels } from './state.ts';
import type { TransferState } from './state.ts';
import { activeChannels, askedBytes, windowRoom } from './window-room.ts';

/** ms after which a route that was asked for nothing gets the last of what may be asked for. */
const IDLE_MS = 200;

/** Sends for what cannot wait for a pattern. */
export class Expediter {
  readonly #state: TransferState;
  readonly #repair: Repair;
  readonly #prioritizer: Prioritizer;
  readonly #constraints: ConstraintScheduler;
  /** Whether memory allows asking for a segment. */
  readonly #mayHold: (index: number) => boolean;
  /** Where each channel beyond the pattern looks on. */
  readonly #lookedAt = new Map<number, number>();
  /** Since when each route has been asked for nothing. */
  readonly #idleSince = new Map<number, number>();

  constructor(
    state: TransferState,
    repair: Repair,
    prioritizer: Prioritizer,
    constraints: ConstraintScheduler,
    mayHold: (index: number) => boolean,
  ) {
    this.#state = state;
    this.#repair = repair;
    this.#prioritizer = prioritizer;
    this.#constraints = constraints;
    this.#mayHold = mayHold;
  }

  /** Fills the channel's room with what is raised, later segments for slower channels. */
  askRaised(channel: Channel, { kept }: PatternFacts, now: number): void {
    if (this.#prioritizer.isPlain || !channel.helloSeen) return;
    const isOpen = (index: number): boolean => !kept.has(index) && this.#isOpenFor(channel, index);
    // credit from before the object's size was known may bring nothing, and must not keep out what is raised
    const unused = channel.outBytes === 0 ? Math.min(channel.creditBytes, this.#state.options.segmentBytes) : 0;
    this.#fill(channel, now, unused, () => this.#prioritizer.next(this.#lag(channel), isOpen));
  }

  /** Fills the room of a channel that the pattern has nothing for with what its source holds behind the lead. */
  askBeyond(channel: Channel, { kept, leadEnd, without }: PatternFacts, now: number): void {
    const { to } = this.#state.table;
    const isPartial = channel.holdings?.hasAll(leadEnd, to) === false;
    if (leadEnd >= to || !isPartial || !without.has(channel.number)) return;
    let index = Math.max(leadEnd, this.#lookedAt.get(channel.number) ?? 0);
    // credit that the pattern leaves unused takes no room: nothing comes of it as long as that is so
    const unused = channel.creditBytes - channel.outBytes;
    this.#fill(channel, now, unused, () => {
      const { holdings } = channel;
      for (let next = holdings?.next(index); next !== undefined && next < to; next = holdings?.next(index)) {
        index = next + 1;
        if (!kept.has(next) && this.#isOpenFor(channel, next)) return next;
      }
      // what is lost behind it is found when it begins again
      index = leadEnd;
      return undefined;
    });
    this.#lookedAt.set(channel.number, index);
  }

  /**
   * In order: while the reorder window is full, quicker routes are asked for whatever it gets room for, and what patterns
   * plan for a slow one lies behind it whenever they are dealt. Such a route gets the last segment before `end`; how many
   * wait for one.
   */
  askLast(end: number, now: number): number {
    let waiting = 0;
    for (const route of this.#state.routes) {
      const active = activeChannels(this.#state, route).filter(({ helloSeen }) => helloSeen);
      if (active.length === 0 || askedBytes(this.#state, route.index) > 0) {
        this.#idleSince.delete(route.index);
        continue;
      }
      const since = this.#idleSince.get(route.index) ?? now;
      this.#idleSince.set(route.index, since);
      if (now - since < IDLE_MS) continue;
      // one that was slow before it had nothing stays so in its measurement: a fresh one may be quicker
      const { rttMs } = route;
      const channel = active.reduce((best, each) => (each.rate.rateOr(rttMs) > best.rate.rateOr(rttMs) ? each : best));
      const least = this.#leastInTime(channel);
      const index = this.#lastOpenFor(channel, end);
      if (index === undefined || index < least) waiting += least < end ? 1 : 0;
      else if (refusalOf(this.#state, channel, index, now) === undefined) this.#repair.ask(index, channel, now);
    }
    return waiting;
  }

  /** What the channel brings before it is needed begins here. Nothing is under way on its path: it need not share that. */
  #leastInTime({ rate, route, segmentBytes }: Channel): number {
    const { rttMs = 0 } = this.#state.routes[route] ?? {};
    const finishMs = rttMs + segmentBytes / rate.rateOr(rttMs);
    return this.#state.table.lowestMissing + (finishMs * totalRate(this.#state)) / segmentBytes;
  }

  /** The last segment before `end` that nobody was asked for. */
  #lastOpenFor(channel: Channel, end: number): number | undefined {
    const { table } = this.#state;
    const asked = new Set<number>();
    for (const { ledger } of soundChannels(this.#state)) for (const index of ledger.maySend()) asked.add(index);
    for (let index = Math.min(end, table.to) - 1; index > table.lowestMissing; index -= 1) {
      if (!asked.has(index) && this.#isOpenFor(channel, index)) return index;
    }
    return undefined;
  }

  #fill(channel: Channel, now: number, moreRoom: number, nextSegment: () => number | undefined): void {
    const { segmentBytes } = this.#state.options;
    for (let room = windowRoom(this.#state, channel) + moreRoom; room >= segmentBytes / 2; room -= segmentBytes) {
      if (channel.ledger.unanswered >= LIMITS.maxQueuedSends / 2) return;
      const index = nextSegment();
      if (index === undefined || !this.#mayHold(index)) return;
      if (refusalOf(this.#state, channel, index, now) !== undefined) return;
      this.#repair.ask(index, channel, now);
    }
  }

  /** Missing, asked of nobody by SEND, and the channel's to bring. */
  #isOpenFor(channel: Channel, index: number): boolean {
    if (!this.#state.table.isMissing(index) || this.#repair.owns(index)) return false;
    const route = routeOf(this.#state, channel);
    return holds(route, channel, index) && this.#constraints.canSpare(route, index);
  }

  /** Segments that quicker channels bring before this one has brought its next. */
  #lag(channel: Channel): number {
    const { segmentBytes } = this.#state.options;
    let least = Number.POSITIVE_INFINITY;
    for (const other of usableChannels(this.#state)) {
      if (other.helloSeen) least = Math.min(least, expectedCompletion(laneOf(this.#state, other), segmentBytes));
    }
    const lagMs = expectedCompletion(laneOf(this.#state, channel), segmentBytes) - least;
    return Math.floor((Math.max(0, lagMs) * totalRate(this.#state)) / segmentBytes);
  }
}
