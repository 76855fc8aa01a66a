// Steering: the origin's own view of the routes. Channels of one transfer that end here and whose client said STEER are
// dealt each other's next segments by what each drains; DEALT tells the client, whose next epoch takes the wheel back.
// Invariant: a segment that was dealt is owed by two channels and sent once: who comes second drops it as already sent.
// Only what its owner's credit covers is dealt: that much, and no more, the client's next epoch leaves with its owner.
import type { Pattern } from '../protocol/pattern.ts';
import { elementAt, NOBODY } from '../protocol/pattern.ts';
import type { SegmentSet } from '../protocol/segment-set.ts';
import { dealByDrain, movedPart } from './steer-deal.ts';
import type { Drain, Position } from './steer-deal.ts';

/** A channel that is steered. */
export type SteeredChannel = {
  readonly number: number;
  readonly set: SegmentSet;
  /** Bytes that its connection has taken since it opened. */
  readonly drainedBytes: () => number;
  /** Bytes that wait for its connection. */
  readonly pendingBytes: () => number;
  /** Puts DEALT behind what is decided. */
  readonly announce: (dealt: Pattern) => void;
};

/** ms between two looks at what drains. */
const STEER_MS = 100;
/** ms of what all drain that is dealt ahead, */
const AHEAD_MS = 400;
/** within these numbers of segments. */
const LEAST_AHEAD = 8;
const MOST_AHEAD = 512;
/** Segments looked at to find them: what is sent already or owed by channels elsewhere lies between. */
const MOST_LOOKED = 4_096;
/** A deal that moves less than this part is not worth telling. */
const WORTH = 0.05;
/** Weight of the newest measurement of what a channel drains. */
const NEWEST_WEIGHT = 0.5;

type Member = {
  readonly channel: SteeredChannel;
  drainedBytes: number;
  /** Bytes per ms, smoothed; undefined before it drained anything. */
  rate: number | undefined;
  /** It may be dealt segments: it drained something of late, or nothing waits for it. */
  isTaker: boolean;
};

/** The steered channels of one transfer. */
export class SteerGroup {
  readonly #members = new Map<number, Member>();
  readonly #segmentBytes: number;
  /** Who sent what was dealt. */
  readonly #sentBy = new Map<number, number>();
  /** What was ever dealt to a second channel, */
  readonly #dealt = new Set<number>();
  /** and to whom in the present epoch. */
  readonly #dealtTo = new Map<number, number>();
  readonly #onDealt: (segments: number) => void;
  #pattern: Pattern | undefined;
  #low = 0;
  #lookedAt: number;

  /** `onDealt` is told how many segments each deal moved. */
  constructor(segmentBytes: number, now: number, onDealt: (segments: number) => void = () => {}) {
    this.#segmentBytes = segmentBytes;
    this.#onDealt = onDealt;
    this.#lookedAt = now;
  }

  get size(): number {
    return this.#members.size;
  }

  join(channel: SteeredChannel): void {
    const drainedBytes = channel.drainedBytes();
    this.#members.set(channel.number, { channel, drainedBytes, rate: undefined, isTaker: false });
  }

  /** The channel ended or its client steers itself again: what it sent may have been lost with it. */
  leave(number: number): void {
    this.#members.delete(number);
    for (const [index, sender] of this.#sentBy) if (sender === number) this.#sentBy.delete(index);
  }

  /** True when a channel other than `number` has sent segment `index`, which was dealt. */
  isElsewhere(index: number, number: number): boolean {
    const sender = this.#sentBy.get(index);
    return sender !== undefined && sender !== number;
  }

  /** Channel `number` answers its pattern with segment `index`. */
  sent(index: number, number: number): void {
    if (this.#dealt.has(index)) this.#sentBy.set(index, number);
  }

  /** Deals when it is due and worth it; ask before every round of decisions. */
  turn(now: number): void {
    const elapsed = now - this.#lookedAt;
    if (elapsed < STEER_MS) return;
    this.#lookedAt = now;
    const members = this.#membersOfNewest();
    for (const member of members) measure(member, elapsed);
    const [first] = members;
    if (members.length < 2 || first === undefined) return;
    this.#follow(first.channel.set.pattern);
    const takers = members.filter(({ isTaker }) => isTaker);
    const drains = takers.map(({ channel, rate }): Drain => ({ channel: channel.number, rate: rate ?? 0 }));
    const total = drains.reduce((sum, { rate }) => sum + rate, 0);
    if (total > 0) this.#deal(members, drains, total);
  }

  #deal(members: readonly Member[], drains: readonly Drain[], totalRate: number): void {
    const pattern = this.#pattern;
    if (pattern === undefined) return;
    const ahead = Math.ceil((totalRate * AHEAD_MS) / this.#segmentBytes);
    const positions = this.#nextPositions(pattern, Math.min(MOST_AHEAD, Math.max(LEAST_AHEAD, ahead)));
    const elements = dealByDrain(positions, drains);
    if (movedPart(positions, elements) < WORTH) return;
    const from = this.#low;
    let moved = 0;
    for (const [at, { owner, isOpen }] of positions.entries()) {
      const to = elements[at] ?? NOBODY;
      if (!isOpen || to === owner) elements[at] = NOBODY;
      else {
        moved += 1;
        this.#dealt.add(from + at);
        this.#dealtTo.set(from + at, to);
      }
    }
    const lead = elements.subarray(0, 1 + elements.findLastIndex((element) => element !== NOBODY));
    const dealt: Pattern = { epoch: pattern.epoch, from, to: from + lead.length, lead, cycle: new Uint16Array(0) };
    this.#onDealt(moved);
    for (const { channel } of members) {
      channel.set.steer(dealt);
      channel.announce(dealt);
    }
  }

  /** The segments from the lowest on that somebody still has to answer, so far that `wanted` open ones are among them. */
  #nextPositions(pattern: Pattern, wanted: number): Position[] {
    const positions: Position[] = [];
    const ahead = new Map<number, number>();
    const end = Math.min(pattern.to, this.#low + MOST_LOOKED);
    let open = 0;
    for (let index = this.#low; index < end && open < wanted; index += 1) {
      const owner = elementAt(pattern, index);
      const second = this.#dealtTo.get(index);
      const isOwed = this.#owes(owner, index);
      const isOwedTwice = second !== undefined && this.#owes(second, index);
      if (!isOwed && !isOwedTwice) {
        if (positions.length === 0) this.#low = index + 1;
        else positions.push({ owner: NOBODY, isOpen: false });
        continue;
      }
      // what somebody else has sent uses the owner's credit as well: it has to drop it
      const isCovered = isOwed && this.#isCovered(owner, ahead);
      if (isOwedTwice) this.#isCovered(second, ahead);
      const isOpen = isCovered && second === undefined && !this.#sentBy.has(index);
      if (isOpen) open += 1;
      positions.push({ owner: second ?? owner, isOpen });
    }
    return positions;
  }

  /** Whether the credit of `owner` reaches to one more segment than those `ahead` of it, which it then is. */
  #isCovered(owner: number, ahead: Map<number, number>): boolean {
    const { epoch, room } = this.#members.get(owner)?.channel.set ?? { epoch: 0, room: 0 };
    const before = ahead.get(owner) ?? 0;
    ahead.set(owner, before + 1);
    return before < room && epoch === this.#pattern?.epoch;
  }

  /** True while channel `number` has neither sent nor dropped segment `index`. */
  #owes(number: number, index: number): boolean {
    const set = this.#members.get(number)?.channel.set;
    return set !== undefined && !set.hasAnswered(index);
  }

  /** The members that have the newest epoch: only they see the same pattern. */
  #membersOfNewest(): Member[] {
    const all = [...this.#members.values()];
    const newest = Math.max(0, ...all.map(({ channel }) => channel.set.epoch));
    return all.filter(({ channel }) => channel.set.epoch === newest && newest > 0);
  }

  /** The wheel is the client's again with every epoch. */
  #follow(pattern: Pattern): void {
    if (this.#pattern?.epoch === pattern.epoch) return;
    this.#pattern = pattern;
    this.#low = pattern.from;
    this.#dealtTo.clear();
    const oldest = Math.min(...[...this.#members.values()].map(({ channel }) => channel.set.pattern.from));
    for (const index of this.#dealt) if (index < oldest) this.#dealt.delete(index);
    for (const index of this.#sentBy.keys()) if (index < oldest) this.#sentBy.delete(index);
  }
}

function measure(member: Member, elapsed: number): void {
  const { channel, rate: before } = member;
  const drainedBytes = channel.drainedBytes();
  const rate = (drainedBytes - member.drainedBytes) / elapsed;
  member.drainedBytes = drainedBytes;
  const isIdle = rate === 0 && channel.pendingBytes() === 0;
  member.isTaker = rate > 0 || (isIdle && (before !== undefined || channel.set.room > 0));
  // who has nothing to do is not slow
  if (!isIdle && (rate > 0 || before !== undefined))
    member.rate = (before ?? rate) + NEWEST_WEIGHT * (rate - (before ?? rate));
}

/** What a steered channel has of its group. */
export type Membership = {
  isElsewhere(index: number): boolean;
  sent(index: number): void;
  turn(now: number): void;
  leave(): void;
};

/** The groups of one origin. */
export class Steering {
  readonly #groups = new Map<string, SteerGroup>();
  #deals = 0;
  #movedSegments = 0;

  /** Transfers steered now. */
  get transfers(): number {
    return this.#groups.size;
  }

  /** Deals announced since the start. */
  get deals(): number {
    return this.#deals;
  }

  /** Segments that they moved to another channel. */
  get movedSegments(): number {
    return this.#movedSegments;
  }

  /** `key` names the transfer and the object: who shares it is steered together. */
  join(key: string, segmentBytes: number, channel: SteeredChannel, now: number): Membership {
    const group = this.#groups.get(key) ?? new SteerGroup(segmentBytes, now, (segments) => this.#count(segments));
    this.#groups.set(key, group);
    group.join(channel);
    return {
      isElsewhere: (index) => group.isElsewhere(index, channel.number),
      sent: (index) => group.sent(index, channel.number),
      turn: (time) => group.turn(time),
      leave: () => {
        group.leave(channel.number);
        if (group.size === 0) this.#groups.delete(key);
      },
    };
  }

  #count(segments: number): void {
    this.#deals += 1;
    this.#movedSegments += segments;
  }
}
