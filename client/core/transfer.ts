// One transfer: takes inputs, keeps the state, asks the parts (supervisor, scheduler, repair, proof plan) for decisions
// and hands them out as effects. Deterministic: same options and inputs, same effects. No clock: `now` is monotonic ms.
import type { ErrorCode } from '../../protocol/errors.ts';
import { MAX_SEGMENTS } from '../../protocol/limits.ts';
import { indexesOf } from '../../protocol/ranges.ts';
import type { Range } from '../../protocol/ranges.ts';
import { Arrivals } from './arrivals.ts';
import type { Channel } from './channel.ts';
import { ChannelTable } from './channel-table.ts';
import { ConstraintScheduler } from './constraint-scheduler.ts';
import { isDemand, obey } from './demands.ts';
import { Holdings } from './holdings.ts';
import { Measurements } from './measurements.ts';
import type { Effect, Input } from './messages.ts';
import type { CoreOptions } from './options.ts';
import { Pings } from './pings.ts';
import { endsOf, Prioritizer } from './prioritizer.ts';
import { ProofPlan } from './proof-plan.ts';
import { Repair } from './repair.ts';
import { Route } from './route.ts';
import type { RouteTerms } from './route-terms.ts';
import { Scheduler } from './scheduler.ts';
import { SegmentMap } from './segment-map.ts';
import { SegmentTable } from './segment-table.ts';
import { snapshotOf } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';
import { routeOf } from './state.ts';
import type { TransferState } from './state.ts';
import { hearDealt } from './steered.ts';
import { Supervisor } from './supervisor.ts';
import { Stalls } from './tally.ts';

/** What one transfer wants. Byte offsets are turned into segments by the caller's options. */
export type TransferOrder = {
  /** The terms of every route, in the order of the route numbers. */
  readonly routes: readonly RouteTerms[];
  readonly options: CoreOptions;
  /** First wanted byte. */
  readonly firstByte?: number;
  /** Exclusive end of the wanted bytes; the object's size when left out. */
  readonly endByte?: number | undefined;
  /** Segments that are with the sink already, from an earlier transfer. */
  readonly have?: readonly Range[];
  /** Whether it is remembered who brought each segment. */
  readonly isMapped?: boolean;
};

/** The client core. Call `handle`, then `poll` until undefined, then wait for `deadline` or the next input. */
export class Transfer {
  readonly #state: TransferState;
  readonly #supervisor: Supervisor;
  readonly #scheduler: Scheduler;
  readonly #prioritizer: Prioritizer = new Prioritizer();
  readonly #constraints: ConstraintScheduler;
  readonly #repair: Repair;
  readonly #arrivals: Arrivals;
  readonly #proofs: ProofPlan;
  readonly #endByte: number | undefined;
  readonly #pings: Pings;
  readonly #measurements: Measurements;
  #ended = false;

  constructor(order: TransferOrder, now: number) {
    const { options } = order;
    const first = Math.floor((order.firstByte ?? 0) / options.segmentBytes);
    const end = order.endByte === undefined ? undefined : Math.ceil(order.endByte / options.segmentBytes);
    const table = new SegmentTable(first, order.have, end);
    this.#state = {
      options,
      routes: order.routes.map((terms, index) => new Route(index, options, terms)),
      channels: new ChannelTable(),
      routeOfChannel: new Map(),
      table,
      counters: { receivedBytes: 0, wasteBytes: 0, hedges: 0, hedgedBytes: 0, patterns: 0, corrupt: 0 },
      stalls: new Stalls(),
      size: undefined,
      effects: [],
      map: order.isMapped === true ? new SegmentMap(first, order.routes.length) : undefined,
      isPaused: false,
      isOutOfReach: false,
      maxBytesPerSecond: undefined,
      costBudget: options.costBudget,
    };
    for (const index of this.#state.map === undefined ? [] : indexesOf(order.have ?? [])) this.#state.map?.keep(index);
    this.#endByte = order.endByte;
    this.#repair = new Repair(this.#state);
    this.#constraints = new ConstraintScheduler(this.#state);
    this.#scheduler = new Scheduler(this.#state, this.#repair, this.#prioritizer, this.#constraints);
    this.#arrivals = new Arrivals(this.#state, this.#scheduler, this.#repair, (route) => this.#blame(route));
    this.#proofs = new ProofPlan(this.#state);
    this.#pings = new Pings(this.#state);
    this.#supervisor = new Supervisor(this.#state, (channel) => this.#lost(channel), now);
    this.#measurements = new Measurements(this.#state, now);
    this.#turn(now);
  }

  /** Takes one input. Inputs for channels that are gone change nothing. */
  handle(input: Input, now: number): void {
    if (this.#ended) return;
    if (input.type === 'taken') {
      if (this.#arrivals.take(input.index)) this.#finish();
    } else if (input.type === 'verified') {
      if (this.#arrivals.judge(input.index, input.channel, input.ok, now)) this.#turn(now);
    } else if (input.type === 'ranks') {
      for (const route of this.#state.routes) route.rank = input.ranks[route.index] ?? route.rank;
    } else if (input.type === 'raise') this.#raise(input.ranges, now);
    else if (input.type === 'seek') this.#seek(input.index, now);
    else if (isDemand(input)) {
      obey(input, this.#state, this.#supervisor, now);
      this.#scheduler.invalidate();
      this.#constraints.invalidate();
      this.#turn(now);
    } else if (input.type !== 'tick') {
      const channel = this.#state.channels.get(input.channel);
      if (channel === undefined) {
        if (input.type === 'segment') this.#arrivals.stray(input.channel, input.index);
      } else this.#handleChannel(channel, input, now);
    }
    if (now >= this.#arrivals.handOut.dueAt) this.#arrivals.handOut.turn(now);
    if (now >= this.#measurements.dueAt) this.#turn(now);
  }

  /** The next effect, or undefined. */
  poll(): Effect | undefined {
    return this.#state.effects.shift();
  }

  /** When `tick` is wanted at the latest, absolute ms; infinite after the end. */
  deadline(): number {
    return this.#ended ? Number.POSITIVE_INFINITY : Math.min(this.#measurements.dueAt, this.#arrivals.handOut.dueAt);
  }

  /** A picture of the transfer for people, metrics and tests. */
  snapshot(_now: number): Snapshot {
    return snapshotOf(this.#state, this.#scheduler, this.#supervisor.scores());
  }

  /** Who brought each segment, where that is remembered. */
  get map(): SegmentMap | undefined {
    return this.#state.map;
  }

  /** The route of a channel that is or was. */
  routeOfChannel(channel: number): number | undefined {
    return this.#state.routeOfChannel.get(channel);
  }

  #handleChannel(
    channel: Channel,
    input: Exclude<Extract<Input, { readonly channel: number }>, { readonly type: 'verified' | 'renew' }>,
    now: number,
  ): void {
    const route = routeOf(this.#state, channel);
    switch (input.type) {
      case 'connected':
        if (!channel.apply('connected')) return;
        route.connected(input.connectMs);
        this.#scheduler.invalidate();
        this.#turn(now);
        return;
      case 'passed':
        route.relays = Math.max(route.relays ?? 0, input.relays);
        return;
      case 'hello':
        return this.#hello(channel, input, now);
      case 'received':
        this.#measurements.received(channel, input.bytes, now);
        if (channel.apply('bytes')) this.#scheduler.invalidate();
        this.#scheduler.grant(channel, now);
        return;
      case 'segment':
        this.#arrivals.arrive(channel, input, now);
        this.#supervisor.heard(channel, true, now);
        return;
      case 'dropped':
        if (input.reason === 'not-held') this.#constraints.invalidate();
        if (this.#arrivals.drop(channel, input, now)) this.#turn(now);
        return;
      case 'idle':
        channel.ledger.confirm(input.epoch);
        return;
      case 'dealt':
        return hearDealt(this.#state, channel, input.pattern, now);
      case 'pong':
        this.#pings.pong(channel, input.nonce, now);
        channel.ledger.confirm(input.epoch);
        return;
      case 'proof':
        if (input.ok) this.#proofs.proven(input.first, input.count);
        else {
          this.#proofs.refuted(input.first, channel.route);
          this.#blame(route);
        }
        return;
      case 'closed':
        this.#supervisor.ended(channel, input.code, now);
        this.#turn(now);
        return;
      case 'refused':
        this.#supervisor.refused(channel, input.code, now, input.retryAfterMs);
        this.#constraints.invalidate();
        this.#turn(now);
        return;
      default:
        input satisfies never;
    }
  }

  #raise(ranges: readonly Range[], now: number): void {
    const { from, to } = this.#state.table;
    this.#prioritizer.raise(ranges);
    this.#prioritizer.bound(from, to);
    this.#scheduler.invalidate();
    this.#turn(now);
  }

  #seek(index: number, now: number): void {
    const { options, table } = this.#state;
    if (options.output === 'any') return this.#raise([{ first: index, length: MAX_SEGMENTS - index }], now);
    this.#arrivals.skip(index, now);
    this.#proofs.skip(index);
    if (table.complete) return this.#finish();
    this.#prioritizer.bound(Math.min(index, table.to), table.to);
    this.#scheduler.invalidate();
    this.#turn(now);
  }

  #turn(now: number): void {
    if (this.#ended) return;
    if (now >= this.#measurements.dueAt) this.#measurements.sample(now);
    const { isPaused } = this.#state;
    const verdict = this.#supervisor.turn(now, this.#proofs) ?? (isPaused ? undefined : this.#constraints.turn(now));
    if (verdict !== undefined) return this.#fail(verdict.code, verdict.message);
    this.#scheduler.turn(now);
    this.#repair.turn(now);
    this.#pings.turn(now);
    this.#proofs.turn(this.#scheduler.reached, now, this.#repair.segments);
  }

  #hello(channel: Channel, { size, held }: Extract<Input, { readonly type: 'hello' }>, now: number): void {
    if (channel.helloSeen) return;
    const { table } = this.#state;
    const route = routeOf(this.#state, channel);
    route.roundTrip(now - (channel.openedAt ?? channel.startedAt));
    channel.heardAt = now;
    channel.helloSeen = true;
    channel.holdings = new Holdings(held);
    route.holdings = channel.holdings;
    channel.apply('hello');
    this.#supervisor.heard(channel, this.#state.size === undefined, now);
    this.#constraints.invalidate();
    if (this.#state.size === undefined) {
      this.#begin(size);
      if (table.complete) return this.#finish();
    } else if (!channel.holdings.hasAll(table.lowestMissing, table.to)) this.#scheduler.invalidate();
    this.#turn(now);
  }

  /** The size became known. */
  #begin(size: number): void {
    const { options, table } = this.#state;
    this.#state.size = size;
    const end = Math.min(this.#endByte ?? size, size);
    table.bound(Math.max(table.from, Math.ceil(end / options.segmentBytes)));
    const ends = Math.ceil(options.endsFirstBytes / options.segmentBytes);
    if (ends > 0) this.#prioritizer.raise(endsOf(table.from, table.to, ends));
    this.#prioritizer.bound(table.from, table.to);
    this.#scheduler.invalidate();
  }

  /** The route brought something wrong: counted, and banned at the limit. */
  #blame(route: Route): void {
    route.corrupt += 1;
    if (route.corrupt >= this.#state.options.corruptLimit) this.#supervisor.exclude(route, 'corrupt');
  }

  /** The channel left the patterns. One that is late or drains still answers what it was asked by SEND. */
  #lost(channel: Channel): void {
    if (!channel.sound) this.#repair.orphan(channel.number);
    this.#scheduler.invalidate();
    if (channel.state === 'closed') this.#pings.forget(channel.number);
  }

  #finish(): void {
    this.#ended = true;
    for (const channel of this.#state.channels.all) {
      this.#state.effects.push({ type: 'close', channel: channel.number, graceful: channel.ledger.outstanding === 0 });
    }
    this.#state.effects.push({ type: 'done' });
  }

  #fail(code: ErrorCode, message: string): void {
    this.#ended = true;
    for (const { number } of this.#state.channels.all) {
      this.#state.effects.push({ type: 'close', channel: number, graceful: false });
    }
    this.#state.effects.push({ type: 'fail', code, message });
  }
}
