// The supervisor of channels: when a route in use is dialled (again), when a channel counts as stalled and is replaced,
// and when the transfer has to give up. Which routes are in use is the source scheduler's decision.
import type { ErrorCode } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { Channel } from './channel.ts';
import { Encodings } from './encodings.ts';
import { backlogMsOf, lapses } from './liveness.ts';
import type { Lapse, PathOfChannel } from './liveness.ts';
import type { RouteScore } from './ranking.ts';
import { Route } from './route.ts';
import { canProve } from './route-terms.ts';
import type { RouteTerms } from './route-terms.ts';
import { SourceScheduler } from './source-scheduler.ts';
import { channelsOf, routeOf } from './state.ts';
import type { TransferState } from './state.ts';

/** Refusals in the order in which they tell most about why nothing works. */
const TELLING: readonly ErrorCode[] = [
  'corrupt',
  'key-mismatch',
  'root-mismatch',
  'bad-manifest',
  'object-changed',
  'object-not-found',
  'range-not-satisfiable',
  'not-indexed',
  'refused',
];

/** A server that says so works and wants to be asked again: no failed dial. */
const PATIENCE: readonly ErrorCode[] = ['not-indexed', 'overloaded', 'draining'];

/** Refusals that say "not now", even where they do not say until when. */
const PAUSING: readonly ErrorCode[] = ['overloaded', 'draining'];

/** Turns that one late turn counts for. */
const LATE_TURNS = 2;

/** What the supervisor found at a turn. */
export type Verdict = { readonly code: ErrorCode; readonly message: string } | undefined;

/** Proofs that the transfer needs: whether any are missing, and for how long one was asked for in vain. */
export type AwaitedProofs = { readonly areMissing: boolean; waitMs(now: number): number };

const NO_PROOFS: AwaitedProofs = { areMissing: false, waitMs: () => 0 };

/** Opens, replaces and gives up channels. */
export class Supervisor {
  readonly #state: TransferState;
  /** Called when a channel stopped being usable: its segments are open again. */
  readonly #onLost: (channel: Channel) => void;
  readonly #sources: SourceScheduler;
  readonly #encodings: Encodings;
  #nextChannel = 1;
  #heardAt: number;
  #turnedAt: number;

  constructor(state: TransferState, onLost: (channel: Channel) => void, now: number) {
    this.#state = state;
    this.#onLost = onLost;
    this.#heardAt = now;
    this.#turnedAt = now;
    this.#encodings = new Encodings(state);
    this.#sources = new SourceScheduler(state, (route) => this.retire(route), now);
  }

  /** The ranking of the routes and its reasons, in their order. */
  scores(): RouteScore[] {
    return this.#sources.scores();
  }

  /** There is another route. */
  join(terms: RouteTerms, now: number): void {
    const { routes, options, map } = this.#state;
    const route = new Route(routes.length, options, terms);
    routes.push(route);
    map?.join();
    this.#sources.join(route, now);
  }

  /** Dials, marks stalls, replaces; returns why the transfer has to fail, if it has to. */
  turn(now: number, proofs: AwaitedProofs = NO_PROOFS): Verdict {
    const { channels, options, routes } = this.#state;
    for (const lapse of lapses(channels.all, (channel) => this.#pathOf(channel), options, now)) this.#lapse(lapse, now);
    for (const channel of channels.all) this.#expire(channel, now);
    for (const channel of channels.all) {
      const isDone = channel.state === 'draining' && channel.ledger.maySend().size === 0;
      const isGivenUp = channel.state === 'stalled' && !routeOf(this.#state, channel).isInUse;
      if (isDone || isGivenUp) this.close(channel);
    }
    if (this.#state.isPaused) return undefined;
    this.#sources.turn(now);
    this.#wait(now);
    for (const route of routes) this.#dialIfDue(route, now);
    this.#encodings.turn();
    return this.#hopeless(now, proofs);
  }

  /** HELLO or payload came. `isProgress`: what shows that the transfer moves; a HELLO alone, again and again, does not. */
  heard(channel: Channel, isProgress: boolean, now: number): void {
    if (isProgress) this.#heardAt = now;
    const route = routeOf(this.#state, channel);
    route.failedDials = 0;
    for (const sibling of channelsOf(this.#state, route)) {
      if (sibling !== channel && sibling.state === 'stalled' && channel.segments > 0) this.close(sibling);
    }
  }

  /** The channel ended by itself, or its server asked for a pause. */
  ended(channel: Channel, code: ErrorCode, now: number, pauseMs?: number): void {
    const route = routeOf(this.#state, channel);
    route.lastCode = code;
    route.dialAt = Math.max(route.dialAt, now + (pauseMs ?? this.#state.options.redialMs));
    const isUnanswered = channel.state === 'dialing';
    this.#forget(channel);
    // whoever does not answer one dial does not answer those beside it
    if (isUnanswered) for (const each of channelsOf(this.#state, route)) if (each.state === 'dialing') this.close(each);
    const last = channelsOf(this.#state, route).length === 0;
    if (last && !channel.helloSeen && !PATIENCE.includes(code)) route.failedDials += 1;
  }

  /** The server refused: one that drains or is full is asked again later, any other refusal is for good. */
  refused(channel: Channel, code: ErrorCode, now: number, retryAfterMs?: number): void {
    const route = routeOf(this.#state, channel);
    route.lastCode = code;
    if (retryAfterMs === undefined && !PAUSING.includes(code)) return this.exclude(route, code);
    // who greeted says so in an ERROR frame: his connection is still there
    if (channel.helloSeen) this.#state.effects.push({ type: 'close', channel: channel.number, graceful: false });
    this.ended(channel, code, now, retryAfterMs ?? this.#state.options.pauseMs);
  }

  /** Closes a channel that is not wanted any more. */
  close(channel: Channel): void {
    this.#state.effects.push({ type: 'close', channel: channel.number, graceful: channel.ledger.outstanding === 0 });
    this.#forget(channel);
  }

  /** Takes a route out of use for the rest of the transfer. */
  exclude(route: Route, code: ErrorCode): void {
    route.excluded = code;
    for (const channel of channelsOf(this.#state, route)) this.close(channel);
  }

  /** The user wants a pause: what is not open yet is given up; what is stays. */
  hold(): void {
    for (const channel of this.#state.channels.all) if (!channel.opened) this.close(channel);
  }

  /** What stood still because the user said so is not to blame for it. */
  goOn(now: number): void {
    this.#heardAt = now;
    for (const route of this.#state.routes) route.aliveAt = route.aliveAt === undefined ? undefined : now;
  }

  /** The route is not in use from now on: its channels finish what they were asked for. */
  retire(route: Route): void {
    for (const channel of channelsOf(this.#state, route)) {
      if (channel.apply('surplus')) this.#onLost(channel);
      else if (channel.state !== 'draining') this.close(channel);
    }
  }

  /** It finishes what it was asked for; as one that its route needs it is dialled anew. */
  succeed(channel: Channel): void {
    if (channel.apply('surplus')) this.#onLost(channel);
  }

  #pathOf(channel: Channel): PathOfChannel {
    const route = routeOf(this.#state, channel);
    const outBytes = (): number => channelsOf(this.#state, route).reduce((sum, each) => sum + each.outBytes, 0);
    return { rttMs: route.rttMs, backlogMs: () => backlogMsOf(outBytes(), route.carried) };
  }

  #lapse({ channel, event }: Lapse, now: number): void {
    if (!channel.apply(event)) return;
    channel.stalledAt = now;
    this.#onLost(channel);
  }

  /** A dial or an upgrade that was never answered. */
  #expire(channel: Channel, now: number): void {
    if (channel.helloSeen) return;
    const { options } = this.#state;
    const connecting = channel.state === 'dialing';
    const patience = connecting ? routeOf(this.#state, channel).connectTimeoutMs(options) : options.dialTimeoutMs;
    if (now - channel.startedAt < patience) return;
    this.#state.effects.push({ type: 'close', channel: channel.number, graceful: false });
    this.ended(channel, 'timeout', now);
  }

  #forget(channel: Channel): void {
    channel.apply('ended');
    this.#state.channels.remove(channel);
    this.#onLost(channel);
  }

  /** A machine that was busy itself has not waited: of a late turn only as much counts as a turn takes. */
  #wait(now: number): void {
    const waitedMs = Math.min(now - this.#turnedAt, LATE_TURNS * this.#state.options.tickMs);
    this.#turnedAt = now;
    for (const route of this.#state.routes) {
      const own = channelsOf(this.#state, route);
      const isUnanswered = own.length > 0 && own.every(({ state }) => state === 'dialing');
      route.waitedMs = isUnanswered ? route.waitedMs + waitedMs : 0;
    }
  }

  #dialIfDue(route: Route, now: number): void {
    if (!route.isInUse || now < route.dialAt) return;
    const own = channelsOf(this.#state, route);
    const sound = own.filter((channel) => channel.state !== 'stalled' && channel.state !== 'draining');
    const wanted = route.connections(this.#state.options);
    if (wanted < sound.length) this.#shed(sound);
    if (wanted <= sound.length) return;
    const last = sound.at(-1);
    if (last !== undefined && now - last.startedAt < this.#spacingMs(route.leastRttMs, wanted)) return;
    const stalled = own.filter((channel) => channel.state === 'stalled');
    const replaceable = stalled.every((channel) => now - channel.stalledAt > this.#state.options.replaceStalledMs);
    if (!replaceable) return;
    if (own.length === 0) route.window.restart();
    const { maxConnections = Number.POSITIVE_INFINITY } = route.terms;
    if (own.length >= maxConnections && stalled[0] !== undefined) this.close(stalled[0]);
    const room = Math.min(
      LIMITS.maxPatternChannels - this.#state.channels.size,
      maxConnections - channelsOf(this.#state, route).length,
    );
    if (room > 0) this.#dial(route, now);
  }

  /**
   * Between two dials of a route, so that its connections begin all over a round trip. Those that begin together send
   * together, once in every round trip: who stands behind in that queue takes the path for full (HyStart) and ends his
   * slow start far too early.
   */
  #spacingMs(rttMs: number, connections: number): number {
    return Math.max(this.#state.options.tickMs, rttMs / connections);
  }

  /** One channel more than the route needs: the slowest finishes what it was asked for and goes. */
  #shed(sound: readonly Channel[]): void {
    const open = sound.filter((channel) => channel.state === 'open');
    const slowest = open.toSorted((a, b) => a.rate.measured - b.rate.measured)[0];
    if (slowest !== undefined && open.length > 1 && slowest.apply('surplus')) this.#onLost(slowest);
  }

  #dial(route: Route, now: number): void {
    const number = this.#nextChannel;
    this.#nextChannel += 1;
    const { segmentBytes } = this.#state.options;
    const channel = new Channel(number, route.index, segmentBytes, now, route.rememberedRate(this.#state.options));
    this.#state.channels.add(channel);
    this.#state.routeOfChannel.set(number, route.index);
    this.#state.effects.push({ type: 'dial', channel: number, route: route.index });
  }

  #hopeless(now: number, proofs: AwaitedProofs): Verdict {
    const { options, routes, size } = this.#state;
    // the user excluded them all, and may take that back
    if (routes.every((route) => route.excluded === undefined && route.isOut)) return undefined;
    const useful = routes.filter((route) => !proofs.areMissing || canProve(route));
    const open = useful.filter((route) => !route.isOut);
    if (open.length === 0) {
      const code = TELLING.find((telling) => routes.some((route) => route.excluded === telling));
      return { code: code ?? 'no-route', message: this.#reasons() };
    }
    const neverHeard = size === undefined && open.every((route) => route.failedDials >= options.firstDials);
    const standsStill = now - this.#heardAt > options.giveUpMs;
    if (neverHeard || (standsStill && !this.#anyAlive(now, useful))) {
      return { code: 'no-route', message: this.#reasons() };
    }
    // everybody may be there and answer, but not with what proves the bytes
    if (!standsStill || proofs.waitMs(now) <= options.giveUpMs) return undefined;
    return { code: 'no-route', message: this.#reasons('keeps the proofs back') };
  }

  /** An open channel that was asked for nothing may be silent as long as it likes; one that was asked may not. */
  #anyAlive(now: number, among: readonly Route[]): boolean {
    const { options } = this.#state;
    const own = among.flatMap((route) => channelsOf(this.#state, route));
    return own.some((each) => each.state === 'open' && each.silence(now) <= options.giveUpMs);
  }

  /** One clause per route: which, and why it does not work. The shell puts the names in. */
  #reasons(otherwise: string = 'unreachable'): string {
    return this.#state.routes
      .map((route) => {
        const reason = route.excluded ?? (route.isOut ? 'excluded by you' : route.lastCode);
        return `{route ${route.index}}: ${reason ?? (canProve(route) ? otherwise : 'cannot prove the object')}`;
      })
      .join(', ');
  }
}
