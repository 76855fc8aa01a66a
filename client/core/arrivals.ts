// Reassembly and integrity: books every segment that comes, has it proven, hands it out (in order, or as it is proven),
// and says which route brought something wrong. Owns the way of a segment through the table's states.
import type { Channel } from './channel.ts';
import { HandOut } from './hand-out.ts';
import type { Input } from './messages.ts';
import type { Repair } from './repair.ts';
import type { Route } from './route.ts';
import type { Scheduler } from './scheduler.ts';
import { routeOf, segmentLength } from './state.ts';
import type { TransferState } from './state.ts';
import { comesElsewhere } from './steered.ts';

/** Segments of one transfer from arrival to the sink. */
export class Arrivals {
  readonly #state: TransferState;
  readonly #scheduler: Scheduler;
  readonly #repair: Repair;
  readonly #onBlame: (route: Route) => void;
  readonly handOut: HandOut;

  /** `onBlame`: a route brought something that no honest one brings. */
  constructor(state: TransferState, scheduler: Scheduler, repair: Repair, onBlame: (route: Route) => void) {
    this.#state = state;
    this.#scheduler = scheduler;
    this.#repair = repair;
    this.#onBlame = onBlame;
    this.handOut = new HandOut(state);
  }

  /** A whole segment came over a channel in use: has it verified if it is wanted, else thrown away. */
  arrive(channel: Channel, input: Extract<Input, { type: 'segment' }>, now: number): void {
    const { counters, effects, table } = this.#state;
    const { index, epoch, by } = input;
    const route = routeOf(this.#state, channel);
    if (by === 'pattern') this.#missSwallowed(channel, index, epoch);
    const verdict = channel.ledger.answer(index, epoch, by, true);
    channel.answered();
    channel.settle(route.rttMs, now);
    channel.promises.delete(index);
    channel.segments += 1;
    const ms = channel.timer.came(index, now);
    if (ms !== undefined) route.tally.time(ms);
    if (verdict === 'unasked' || !table.isMissing(index)) {
      this.stray(channel.number, index);
      if (verdict === 'unasked') this.#onBlame(route);
      return;
    }
    const bytes = segmentLength(this.#state, index);
    counters.receivedBytes += bytes;
    route.segments += 1;
    route.tally[by] += 1;
    route.payloadBytes += bytes;
    if (by === 'pattern') {
      route.patternBytes += bytes;
      this.#scheduler.reach(index);
    }
    this.#state.map?.bring(index, route.index);
    table.arrive(index);
    this.#scheduler.countInMemory(1);
    this.#repair.settle(index);
    effects.push({ type: 'verify', channel: channel.number, index });
    this.#scheduler.grant(channel, now);
  }

  /** A source will not send a segment; true when something has to be done about it. */
  drop(channel: Channel, input: Extract<Input, { type: 'dropped' }>, now: number): boolean {
    const { index, epoch, by, reason } = input;
    const sent = reason === 'not-held' || reason === 'read-failed';
    if (channel.ledger.answer(index, epoch, by, sent) === 'unasked') return false;
    channel.timer.forget(index);
    channel.promises.delete(index);
    routeOf(this.#state, channel).tally.dropped += 1;
    channel.settle(routeOf(this.#state, channel).rttMs, now);
    if (reason === 'already-sent' && by === 'pattern' && comesElsewhere(this.#state, channel, index)) return false;
    if (reason === 'not-held') channel.holdings?.miss(index);
    if (!this.#state.table.isMissing(index)) return false;
    // a pattern that asked for what is not held is dealt anew; everything else is asked for elsewhere
    if (reason === 'not-held' && by === 'pattern' && !this.#repair.owns(index)) this.#scheduler.outdate();
    else this.#repair.lose(index, channel.route);
    return true;
  }

  /** A segment nobody needs. */
  stray(channel: number, index: number): void {
    const { counters, effects } = this.#state;
    const bytes = segmentLength(this.#state, index);
    counters.receivedBytes += bytes;
    counters.wasteBytes += bytes;
    const tally = this.#routeOfNumber(channel)?.tally;
    if (tally !== undefined) {
      tally.waste += 1;
      tally.wasteBytes += bytes;
    }
    effects.push({ type: 'discard', channel, index });
  }

  /** The verifier's verdict. A bad segment is missing again and is asked for elsewhere; true when it was bad. */
  judge(index: number, channel: number, ok: boolean, now: number): boolean {
    const { counters, effects, options, table } = this.#state;
    if (!table.isUnproven(index)) return false;
    if (!ok) {
      counters.corrupt += 1;
      this.#scheduler.countInMemory(-1);
      table.lose(index);
      this.#state.map?.spoil(index);
      const route = this.#routeOfNumber(channel);
      if (route !== undefined) route.tally.corrupt += 1;
      this.#repair.lose(index, route?.index ?? -1);
      if (route !== undefined) this.#onBlame(route);
      return true;
    }
    table.prove(index);
    if (options.output === 'any') effects.push({ type: 'deliver', index });
    else this.handOut.turn(now);
    return false;
  }

  /** The output in order goes on at `index`: what is here of what lies before it is thrown away. */
  skip(index: number, now: number): void {
    const { effects, table } = this.#state;
    for (const here of table.skip(index)) {
      this.#scheduler.countInMemory(-1);
      effects.push({ type: 'release', index: here });
    }
    for (const lost of [...this.#repair.segments]) if (lost < index) this.#repair.settle(lost);
    this.handOut.turn(now);
  }

  /** The sink is done with a segment; true when that was the last. */
  take(index: number): boolean {
    const { table } = this.#state;
    if (!table.isProven(index)) return false;
    table.take(index);
    this.#scheduler.countInMemory(-1);
    return table.complete;
  }

  /** The route of a channel that is or was. */
  #routeOfNumber(channel: number): Route | undefined {
    return this.#state.routes[this.#state.routeOfChannel.get(channel) ?? -1];
  }

  /** What an answer overtook was swallowed on the way: it is asked for elsewhere, and the route is blamed once. */
  #missSwallowed(channel: Channel, index: number, epoch: number): void {
    const swallowed = channel.ledger.overtaken(index, epoch);
    if (swallowed.length === 0) return;
    for (const lost of swallowed) {
      channel.ledger.answer(lost, epoch, 'pattern', true);
      channel.timer.forget(lost);
      if (this.#state.table.isMissing(lost)) this.#repair.lose(lost, channel.route);
    }
    this.#onBlame(routeOf(this.#state, channel));
  }
}
