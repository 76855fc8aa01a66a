// An account of a run kept from what passes between core and world, independent of the core's own state: who was asked
// for what, what came, what is proven, what the sink has. The invariants judge by it.
import type { Effect, Input } from '../../../client/core/messages.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import { ChannelLedger } from '../../../protocol/channel-ledger.ts';
import type { Pattern } from '../../../protocol/pattern.ts';
import type { Range } from '../../../protocol/ranges.ts';
import { indexesOf } from '../../../protocol/ranges.ts';

/** One channel in the account. */
export type ChannelAccount = {
  readonly number: number;
  readonly route: number;
  readonly ledger: ChannelLedger;
  stage: 'dialled' | 'connected' | 'opened' | 'greeted' | 'closed';
  held: readonly Range[] | undefined;
  epoch: number;
  from: number;
  /** Payload of the segment that is coming in. */
  partialBytes: number;
  heardAt: number;
  /** Longest time without a byte, ms. */
  longestGapMs: number;
};

/** The account of one run. */
export class Account {
  readonly options: CoreOptions;
  readonly segments: number;
  readonly channels: Map<number, ChannelAccount> = new Map();
  /** Who brought each segment that is here (or was taken). */
  readonly arrivedBy: Map<number, number> = new Map();
  readonly proven: Set<number> = new Set();
  readonly delivered: Set<number> = new Set();
  readonly sent: Set<number> = new Set();
  /** First segment that is not here. */
  point = 0;
  pointAt = 0;
  /** Since when nobody is asked for it. */
  unaskedSince: number | undefined;
  /** Since when each route with a greeted channel is asked for nothing. */
  readonly idleSince: Map<number, number> = new Map();
  taken = 0;
  nextInOrder = 0;
  newArrivalAt = 0;
  /** Of the highest epoch that any channel got. */
  newestPattern: Pattern | undefined;
  /** Most channels that were open at one time. */
  mostChannels = 0;

  constructor(options: CoreOptions, bytes: number) {
    this.options = options;
    this.segments = Math.ceil(bytes / options.segmentBytes);
  }

  /** Bytes asked for on the channels `among` and not yet here. */
  outstandingBytes(among: readonly number[]): number {
    let sum = 0;
    for (const number of among) {
      const channel = this.channels.get(number);
      if (channel === undefined || channel.stage === 'closed') continue;
      sum += Math.max(0, channel.ledger.unanswered * this.options.segmentBytes - channel.partialBytes);
    }
    return sum;
  }

  get openChannels(): number {
    let count = 0;
    for (const { stage } of this.channels.values()) if (stage !== 'closed') count += 1;
    return count;
  }

  /** Segments that are not here and that nobody is asked for. */
  get unasked(): number {
    let asked = 0;
    for (const { stage, ledger } of this.channels.values()) if (stage !== 'closed') asked += ledger.outstanding;
    return this.segments - this.arrivedBy.size - asked;
  }

  isAsked(index: number): boolean {
    for (const { stage, ledger } of this.channels.values()) {
      if (stage === 'closed') continue;
      if (ledger.expected.includes(index)) return true;
      for (const open of ledger.openSends) if (open === index) return true;
    }
    return false;
  }

  /** Some channel could be asked. */
  get isAnyGreeted(): boolean {
    for (const { stage } of this.channels.values()) if (stage === 'greeted') return true;
    return false;
  }

  input(input: Input, now: number): void {
    if (input.type === 'taken') {
      this.taken += 1;
      return;
    }
    if (input.type === 'verified') return this.#verified(input.index, input.ok, now);
    if (input.type === 'tick') return this.#tick(now);
    if (!('channel' in input)) return;
    const channel = this.channels.get(input.channel);
    if (channel === undefined || channel.stage === 'closed') return;
    switch (input.type) {
      case 'connected':
        channel.stage = 'connected';
        return;
      case 'hello':
        channel.stage = 'greeted';
        channel.held = input.held;
        channel.heardAt = now;
        return;
      case 'received':
        this.#hear(channel, now);
        channel.partialBytes += input.bytes;
        return;
      case 'segment':
        channel.partialBytes = Math.max(0, channel.partialBytes - this.options.segmentBytes);
        channel.ledger.answer(input.index, input.epoch, input.by, true);
        return this.#arrived(channel, input.index, now);
      case 'dropped':
        channel.ledger.answer(input.index, input.epoch, input.by, input.reason === 'not-held');
        return;
      case 'idle':
      case 'pong':
        return channel.ledger.confirm(input.epoch);
      case 'closed':
      case 'refused':
        channel.stage = 'closed';
        return;
      default:
    }
  }

  effect(effect: Effect, now: number): void {
    if (effect.type === 'dial') return this.#dial(effect.channel, effect.route, now);
    if (effect.type === 'deliver') {
      this.delivered.add(effect.index);
      this.nextInOrder += 1;
      return;
    }
    if (!('channel' in effect)) return;
    const channel = this.channels.get(effect.channel);
    if (channel === undefined) return;
    if (effect.type === 'open' || effect.type === 'pattern') {
      if (effect.type === 'open') channel.stage = 'opened';
      channel.epoch = effect.pattern.epoch;
      channel.from = effect.pattern.from;
      channel.ledger.pattern(effect.pattern);
      if (effect.pattern.epoch > (this.newestPattern?.epoch ?? 0)) this.newestPattern = effect.pattern;
    }
    if (effect.type === 'open') while (channel.ledger.credit < effect.credit) channel.ledger.grant();
    if (effect.type === 'credit') while (channel.ledger.credit < effect.total) channel.ledger.grant();
    if (effect.type === 'send') this.#send(channel, effect.ranges);
    if (effect.type === 'close') channel.stage = 'closed';
  }

  #dial(number: number, route: number, now: number): void {
    this.channels.set(number, {
      number,
      route,
      ledger: new ChannelLedger(number),
      stage: 'dialled',
      held: undefined,
      epoch: 0,
      from: 0,
      partialBytes: 0,
      heardAt: now,
      longestGapMs: 0,
    });
    this.mostChannels = Math.max(this.mostChannels, this.openChannels);
  }

  #send(channel: ChannelAccount, ranges: readonly Range[]): void {
    for (const index of indexesOf(ranges)) {
      channel.ledger.send(index);
      this.sent.add(index);
    }
  }

  #hear(channel: ChannelAccount, now: number): void {
    channel.longestGapMs = Math.max(channel.longestGapMs, now - channel.heardAt);
    channel.heardAt = now;
  }

  #arrived(channel: ChannelAccount, index: number, now: number): void {
    if (this.arrivedBy.has(index)) return;
    this.arrivedBy.set(index, channel.number);
    this.newArrivalAt = now;
    this.#advance(now);
  }

  #advance(now: number): void {
    const before = this.point;
    while (this.arrivedBy.has(this.point)) this.point += 1;
    if (this.point === before) return;
    this.pointAt = now;
    this.unaskedSince = undefined;
  }

  #verified(index: number, ok: boolean, now: number): void {
    if (ok) {
      this.proven.add(index);
      return;
    }
    this.arrivedBy.delete(index);
    if (index >= this.point) return;
    this.point = index;
    this.pointAt = now;
    this.unaskedSince = undefined;
  }

  #tick(now: number): void {
    const isUnasked = this.point < this.segments && this.isAnyGreeted && !this.isAsked(this.point);
    this.unaskedSince = isUnasked ? (this.unaskedSince ?? now) : undefined;
    const idle = new Map<number, boolean>();
    for (const { stage, route, ledger } of this.channels.values()) {
      if (stage === 'greeted') idle.set(route, (idle.get(route) ?? true) && ledger.outstanding === 0);
    }
    for (const [route, isIdle] of idle) {
      if (!isIdle) this.idleSince.delete(route);
      else if (!this.idleSince.has(route)) this.idleSince.set(route, now);
    }
  }
}
