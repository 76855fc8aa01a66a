// Repair: segments that need a SEND because no pattern will bring them. Lost or corrupt ones are asked again elsewhere;
// late ones are hedged within a budget; in the tail an idle channel takes over what is expected last.
// SEND is for exceptions: what a dead or stalled channel owed goes back to the pattern, not here.
import { LIMITS } from '../../protocol/limits.ts';
import type { Channel } from './channel.ts';
import { book, canDouble, refusalOf } from './constraints.ts';
import type { Refusal } from './constraints.ts';
import { expectedCompletion } from './dealer.ts';
import { InOrderPoint } from './in-order-point.ts';
import type { Effect } from './messages.ts';
import { firstToCome } from './on-their-way.ts';
import { blockades, standstills } from './standstill.ts';
import type { Late } from './standstill.ts';
import { channelsOf, laneOf, outstandingSegments, routeOf, segmentLength, usableChannels } from './state.ts';
import type { TransferState } from './state.ts';
import { activeChannels } from './window-room.ts';

/** A second request is worth its bytes when it comes so much earlier, ms. */
const WORTH_MS = 50;
/** A part of the budget is kept for sudden changes: what saves less than so many ms has only the rest of it. */
const MUCH_MS = 200;
const LITTLE_BUDGET = 0.7;
/** What fills the reorder window makes all others wait: it may go so far beyond the budget. */
const BLOCKADE_BUDGET = 1.4;
/** Segments that fill the window and are asked of others at one turn. */
const BLOCKADES_PER_TURN = 24;
const LATE_MS = 150;
/** Silence from which a channel is not asked for what is urgent, ms. */
const SILENT_MS = 80;
const TAKE_OVERS_PER_TURN = 8;
/** The tail has begun when no more is missing than this part of what is outstanding, and so many segments. */
const UNDER_WAY = { part: 1.1, segments: 2 };
/** A SEND that is not answered within this time, and this many times its expected completion, is asked of another. */
const LEAST_PATIENCE_MS = 1_000;
const PATIENCE_COMPLETIONS = 4;
/** A second request to one that needs so many times as long as the quickest helps nobody. */
const MUCH_SLOWER = 3;
/** Windows of a route up to which an urgent segment may be asked of it on top. */
const HEDGE_WINDOWS = 1.5;

type Lost = { readonly index: number; readonly avoid: Set<number>; holder: number | undefined; patienceUntil: number };
/** What stands against asking now, but not against asking in a moment. */
const MAY_SOON: ReadonlySet<Refusal | undefined> = new Set([undefined, 'paced']);

type SendEffect = Extract<Effect, { readonly type: 'send' }>;

/** Decides what is asked for again, and whom. */
export class Repair {
  readonly #state: TransferState;
  readonly #lost = new Map<number, Lost>();
  readonly #point: InOrderPoint;
  /** Second holders of hedged segments. */
  readonly #hedged = new Map<number, number>();

  constructor(state: TransferState) {
    this.#state = state;
    this.#point = new InOrderPoint(state);
  }

  /** True for segments that patterns must leave alone. */
  owns(index: number): boolean {
    return this.#lost.has(index);
  }

  /** The segments asked for, or to be asked for, by SEND. */
  get segments(): Iterable<number> {
    return this.#lost.keys();
  }

  /** `index` has to be asked for again, if possible not over `route`. */
  lose(index: number, route: number): void {
    const lost = this.#lost.get(index) ?? { index, avoid: new Set<number>(), holder: undefined, patienceUntil: 0 };
    lost.avoid.add(route);
    lost.holder = undefined;
    this.#lost.set(index, lost);
  }

  /** Asks `channel` for a segment that no pattern is to bring; from now on it is looked after until it is here. */
  ask(index: number, channel: Channel, now: number): void {
    const lost: Lost = { index, avoid: new Set(), holder: undefined, patienceUntil: 0 };
    this.#lost.set(index, lost);
    this.#askOf(channel, lost, now);
  }

  /** The segment is here. */
  settle(index: number): void {
    this.#lost.delete(index);
    this.#hedged.delete(index);
  }

  /** A channel ended or stalled: what was asked of it by SEND is open again. */
  orphan(channel: number): void {
    for (const lost of this.#lost.values()) if (lost.holder === channel) lost.holder = undefined;
    for (const [index, holder] of this.#hedged) if (holder === channel) this.#hedged.delete(index);
  }

  turn(now: number): void {
    const usable = usableChannels(this.#state).filter((channel) => channel.helloSeen);
    if (usable.length === 0 || this.#state.isPaused) return;
    const neglected = this.#state.options.output === 'order' ? this.#point.neglected(now) : undefined;
    if (neglected !== undefined) this.lose(neglected, -1);
    for (const lost of this.#lost.values()) {
      if (lost.holder === undefined || now > lost.patienceUntil) this.#ask(lost, usable, now);
    }
    if (usable.length < 2) return;
    const isInOrder = this.#state.options.output === 'order';
    if (isInOrder) this.#hedge(usable, now);
    if (isInOrder || this.#state.isOutOfReach) this.#unblock(usable, now);
    this.#takeOver(usable, now);
  }

  #ask(lost: Lost, usable: readonly Channel[], now: number): void {
    const silent = this.#state.routeOfChannel.get(lost.holder ?? 0);
    if (silent !== undefined) lost.avoid.add(silent);
    const able = usable.filter((channel) => MAY_SOON.has(refusalOf(this.#state, channel, lost.index, now)));
    const elsewhere = able.filter((channel) => !lost.avoid.has(channel.route));
    const ready = (elsewhere.length > 0 ? elsewhere : able).filter((channel) => this.#mayAsk(channel, lost.index, now));
    const target = this.#quickest(ready);
    if (target !== undefined) this.#askOf(target, lost, now);
  }

  #askOf(target: Channel, lost: Lost, now: number): void {
    lost.holder = target.number;
    lost.patienceUntil = now + Math.max(LEAST_PATIENCE_MS, PATIENCE_COMPLETIONS * this.#completion(target));
    this.#send(target, lost.index, now);
  }

  #mayAsk(channel: Channel, index: number, now: number): boolean {
    return refusalOf(this.#state, channel, index, now) === undefined;
  }

  /** A second request only where nothing is kept for segments that need this route. */
  #mayDouble(channel: Channel, index: number, now: number): boolean {
    return canDouble(this.#state, routeOf(this.#state, channel)) && this.#mayAsk(channel, index, now);
  }

  #send(channel: Channel, index: number, now: number): void {
    const again = channel.ledger.hasAnswered(index);
    const { rttMs } = routeOf(this.#state, channel);
    channel.promises.set(index, now + this.#completion(channel));
    channel.timer.asked(index, now);
    channel.ledger.send(index);
    channel.settle(rttMs, now);
    book(this.#state, channel, now);
    this.#state.effects.push(
      this.#joined({ type: 'send', channel: channel.number, ranges: [{ first: index, length: 1 }], again }),
    );
  }

  /** One frame with what was asked of the same channel just before. */
  #joined(effect: SendEffect): SendEffect {
    const { effects } = this.#state;
    const before = effects.at(-1);
    if (before?.type !== 'send' || before.channel !== effect.channel || before.again !== effect.again) return effect;
    if (before.ranges.length >= LIMITS.maxRanges) return effect;
    effects.pop();
    return { ...before, ranges: [...before.ranges, ...effect.ranges] };
  }

  /** Whether the budget, or `part` of it, allows a second request. */
  #spend(index: number, part: number): boolean {
    const { counters, options, table } = this.#state;
    const wanted = (table.to - table.from) * options.segmentBytes;
    const first = Math.max(2 * options.segmentBytes, Math.min(options.hedgeBytes, options.hedgeFirstFraction * wanted));
    const budget = first + options.hedgeFraction * counters.receivedBytes;
    const bytes = segmentLength(this.#state, index);
    if (counters.hedgedBytes + bytes > part * budget) return false;
    counters.hedgedBytes += bytes;
    return true;
  }

  #double(target: Channel, index: number, part: number, now: number): void {
    if (this.#spend(index, part)) this.#free(target, index, now);
  }

  /** A second request that costs no budget, because its channel has nothing better to do. */
  #free(target: Channel, index: number, now: number): void {
    this.#state.counters.hedges += 1;
    routeOf(this.#state, target).hedges += 1;
    this.#state.map?.hedge(index);
    this.#hedged.set(index, target.number);
    this.#send(target, index, now);
  }

  /** The stream would stand still: what is late goes to another that brings it sooner, as late as that is in time. */
  #hedge(usable: readonly Channel[], now: number): void {
    const somebodyReceives = usable.some((channel) => now - channel.heardAt < 30);
    if (!somebodyReceives) return;
    for (const late of standstills(this.#state, now)) {
      const target = this.#mayHedge(late.index, now) ? this.#secondFor(late, usable, now) : undefined;
      if (target === undefined || this.#completion(target) < late.neededMs) continue;
      const savedMs = late.finishMs - this.#completion(target);
      if (savedMs >= WORTH_MS) this.#double(target, late.index, savedMs < MUCH_MS ? LITTLE_BUDGET : 1, now);
    }
  }

  /** The reorder window would be full, and whoever is quicker idle: what holds it up is asked of another as well. */
  #unblock(usable: readonly Channel[], now: number): void {
    if (this.#state.table.missingLeft <= usable.length) return;
    const blocking = blockades(this.#state, now).filter(({ index }) => this.#mayHedge(index, now));
    for (const late of blocking.slice(0, BLOCKADES_PER_TURN)) {
      const target = this.#secondFor(late, usable, now);
      if (target === undefined) continue;
      const savedMs = late.finishMs - Math.max(late.neededMs, this.#completion(target));
      if (savedMs < WORTH_MS) continue;
      if (target.ledger.unanswered === 0) this.#free(target, late.index, now);
      else this.#double(target, late.index, BLOCKADE_BUDGET, now);
    }
  }

  /** It has no second holder, or one that is late by its own promise. */
  #mayHedge(index: number, now: number): boolean {
    const second = this.#state.channels.get(this.#hedged.get(index) ?? 0);
    const promise = second?.promises.get(index);
    return promise === undefined ? !this.#hedged.has(index) : now > promise + LATE_MS;
  }

  /**
   * The quickest with room; for what holds up everything the quickest of all; nobody when only much slower ones have room.
   * Nobody for whom something earlier is planned: that would wait.
   */
  #secondFor({ index, holder }: Late, usable: readonly Channel[], now: number): Channel | undefined {
    const able = usable.filter((channel) => {
      const { ledger, route } = channel;
      if (route === holder.route || channel.silence(now) >= SILENT_MS || ledger.isAsked(index)) return false;
      return (ledger.nextToGrant() ?? index) >= index && this.#mayDouble(channel, index, now);
    });
    const best = this.#quickest(able);
    if (best === undefined || index === this.#state.table.lowestMissing) return best;
    const roomy = this.#quickest(able.filter((channel) => this.#hasRoom(channel, HEDGE_WINDOWS)));
    const isClose = roomy !== undefined && this.#completion(roomy) < MUCH_SLOWER * this.#completion(best);
    return isClose ? roomy : undefined;
  }

  /**
   * Next to nothing is left to grant: a channel with room repeats what is expected last, whoever else was asked for it,
   * if it would be much earlier. Free as well.
   */
  #takeOver(usable: readonly Channel[], now: number): void {
    const { table } = this.#state;
    if (table.missingLeft === 0 || table.missingLeft > this.#mostInTail()) return;
    const late = firstToCome(this.#state, table.to, now).sort((a, b) => b.finishMs - a.finishMs);
    for (const { index, holder, finishMs } of late.slice(0, TAKE_OVERS_PER_TURN)) {
      const others = usable.filter((channel) => channel.route !== holder.route && this.#hasRoom(channel, 1));
      const free = others.filter((channel) => !channel.ledger.isAsked(index) && this.#mayDouble(channel, index, now));
      const target = this.#quickest(free);
      if (target === undefined) continue;
      if (this.#completion(target) > finishMs - Math.max(20, 0.25 * finishMs)) continue;
      this.#free(target, index, now);
    }
  }

  /** Missing segments up to which all that counts is under way: some answers were lost, a few wait for their credit. */
  #mostInTail(): number {
    return UNDER_WAY.part * outstandingSegments(this.#state) + UNDER_WAY.segments;
  }

  /** True while the channel is in use and its route has room below `windows` windows. Credit that brings nothing is room. */
  #hasRoom(channel: Channel, windows: number): boolean {
    const route = routeOf(this.#state, channel);
    let comingBytes = 0;
    for (const other of channelsOf(this.#state, route)) if (other.sound) comingBytes += other.outBytes;
    if (comingBytes + this.#state.options.segmentBytes / 2 > windows * route.window.bytes) return false;
    return channel.opened && activeChannels(this.#state, route).includes(channel);
  }

  #quickest(channels: readonly Channel[]): Channel | undefined {
    let best: Channel | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const channel of channels) {
      const completion = this.#completion(channel);
      if (best !== undefined && !(completion < least)) continue;
      best = channel;
      least = completion;
    }
    return best;
  }

  #completion(channel: Channel): number {
    return expectedCompletion(laneOf(this.#state, channel), this.#state.options.segmentBytes);
  }
}
