// One route as the core sees it: its window, its round trip, when it may be dialled again, what it delivered, and why it
// is out of use if it is. Its channels belong to the transfer.
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Holdings } from './holdings.ts';
import type { CoreOptions } from './options.ts';
import { LongerPath } from './longer-path.ts';
import { Pace } from './pace.ts';
import { Parallelism } from './parallelism.ts';
import { RateEstimator } from './rate-estimator.ts';
import type { RouteTerms } from './route-terms.ts';
import { RouteWindow, targetOf } from './route-window.ts';
import { RouteTally } from './tally.ts';

/** Round trips after which their minimum is believed: the first hold a handshake, or a cold process. */
const SURE_ROUND_TRIPS = 3;

/** Part of the remembered round trip that connecting must have taken for the memory to be believed. */
const AS_REMEMBERED = 0.7;

/** Time over which what a route carries is averaged, ms. */
const CARRIED_MS = 1_000;

/** A route is held by its rate cap when it carries at least this part of it. */
const HELD_BY_CAP = 0.8;

/** What a route is for now: in use, waiting to be, or on trial. Given by the source scheduler. */
export type RouteRole = 'active' | 'standby' | 'probing';
/** What the user wants of it: in use whenever it works, not in use, or as it is ranked. */
export type Preference = 'prefer' | 'normal' | 'exclude';
/** Connecting that took longer may have lost its first packet. */
const SYN_AGAIN_MS = 950;

/** A route of a transfer. */
export class Route {
  readonly index: number;
  readonly terms: RouteTerms;
  readonly window: RouteWindow;
  /** What its rate cap lets through; undefined without one. */
  pace: Pace | undefined;
  /** Payload per second it may be asked for by itself; undefined without a limit. */
  maxBytesPerSecond: number | undefined;
  role: RouteRole = 'active';
  preference: Preference = 'normal';
  /** Another route alone is faster for now than both: patterns leave this one out. */
  isSetAside = false;
  /** Routes that share a bottleneck with this one, as far as known. */
  sharesWith: readonly number[] = [];
  /** Rank given from outside, 0…1. */
  rank: number | undefined;
  /** Relays on the way, as far as known. */
  relays: number | undefined;
  readonly parallelism: Parallelism;
  readonly tally: RouteTally = new RouteTally();
  /** What all its channels together carry while any of them is busy. */
  readonly throughput: RateEstimator = new RateEstimator();
  /** What they carry together as a part of the sum of what each carries while it is busy itself, 0…1. */
  overlap = 1;
  /** Channels that share it. */
  sharing = 1;
  /** Smallest full round trip seen, ms; the connect time stands in until one was measured. */
  rttMs = 50;
  /** Newest full round trip, ms. */
  latencyMs: number | undefined;
  /** Absolute time of the next dial while the route has no channel. */
  dialAt = 0;
  failedDials = 0;
  /** For so long its first dial has not been answered, ms; 0 while any was. */
  waitedMs = 0;
  /** What is missing cannot be had without it: it is used even while it stands by. */
  isNeeded = false;
  /** Why the route is excluded for the rest of the transfer. */
  excluded: ErrorCode | undefined;
  /** Why its last channel ended. */
  lastCode: ErrorCode | undefined;
  /** What its source holds, as the newest HELLO said; undefined before the first. */
  holdings: Holdings | undefined;
  /** When it last had a channel that greeted and was usable. */
  aliveAt: number | undefined;
  /** Bytes that it may be asked for although others could bring them. */
  spareBytes: number = Number.POSITIVE_INFINITY;
  /** Its first hop is about to stop, and others carry on: no new channels. */
  isLeaving = false;
  corrupt = 0;
  /** Second requests made of it. */
  hedges = 0;
  segments = 0;
  /** Payload read, in whatever segment it came and whether it was of use. */
  broughtBytes = 0;
  /** The same, when it was sampled last. */
  sampledBytes = 0;
  /** Gaps of about a round trip in streams that flowed otherwise: what TCP's repair of a loss looks like from here. */
  gaps = 0;
  /** Payload delivered. */
  payloadBytes = 0;
  /** Bytes per ms over the last seconds in which it was asked for something. */
  carried = 0;
  /** Payload that answered PATTERN, bytes. */
  patternBytes = 0;
  readonly #longer = new LongerPath();
  #roundTrips = 0;
  #connectMs = 0;

  constructor(index: number, options: CoreOptions, terms: RouteTerms = {}) {
    this.index = index;
    this.terms = terms;
    this.rank = terms.rank;
    this.relays = terms.relays;
    this.window = new RouteWindow(options);
    this.maxBytesPerSecond = terms.maxBytesPerSecond;
    this.hold(undefined, options.segmentBytes, 0);
    this.parallelism = new Parallelism(options);
  }

  /** It carries what its rate cap lets through: the pauses between its segments say nothing of the path. */
  get isHeldByCap(): boolean {
    return this.pace !== undefined && this.carried >= HELD_BY_CAP * this.pace.rate;
  }

  /** Nothing is to be had of it, for a reason or because the user says so. */
  get isOut(): boolean {
    return this.excluded !== undefined || this.preference === 'exclude';
  }

  /** Channels are dialled on it. */
  get isInUse(): boolean {
    return !this.isOut && !this.isLeaving && (this.role !== 'standby' || this.isNeeded);
  }

  /** It may be asked for what its own limit allows, and for no more than `share` (bytes per second) of what all may. */
  hold(share: number | undefined, segmentBytes: number, now: number): void {
    const rate = Math.min(share ?? Number.POSITIVE_INFINITY, this.maxBytesPerSecond ?? Number.POSITIVE_INFINITY);
    if (rate === Number.POSITIVE_INFINITY) this.pace = undefined;
    else if (this.pace === undefined) this.pace = new Pace(rate, segmentBytes, now);
    else this.pace.change(rate, now);
  }

  /** Relays and other network hops on the way; undefined when nothing is known. */
  get hops(): number | undefined {
    if (this.relays === undefined && this.terms.hops === undefined) return undefined;
    return (this.relays ?? 0) + (this.terms.hops ?? 0);
  }

  /** Its channels together brought `rate` bytes per ms lately; another `elapsedMs` have passed. */
  carry(rate: number, elapsedMs: number): void {
    if (rate <= 0) return;
    if (this.window.slowStart) this.carried = Math.max(this.carried, rate);
    else this.carried += (rate - this.carried) * (1 - Math.exp(-elapsedMs / CARRIED_MS));
  }

  /** Channels this route should have now: as many as it pays to have, and no more than its terms allow. */
  connections(options: CoreOptions): number {
    return Math.min(this.#usefulConnections(options), this.terms.maxConnections ?? Number.POSITIVE_INFINITY);
  }

  #usefulConnections(options: CoreOptions): number {
    const { rttPerConnectionMs, longConnections } = options;
    const long = Math.min(longConnections, Math.ceil(this.leastRttMs / rttPerConnectionMs));
    return Math.max(this.parallelism.connections, this.#isLong(options) ? long : 1, this.#usual(options));
  }

  /** The path is as long as that at least: as was measured, or as nobody has answered. */
  get leastRttMs(): number {
    return Math.max(this.waitedMs, this.rttMs);
  }

  #isLong({ output, longAnyRttMs, longOrderRttMs }: CoreOptions): boolean {
    const longRttMs = output === 'any' ? longAnyRttMs : longOrderRttMs;
    if (this.#roundTrips === 0 && this.failedDials === 0 && this.waitedMs >= longRttMs) return true;
    const isConnectLong = this.#connectMs >= longRttMs && this.#connectMs < SYN_AGAIN_MS;
    const isSure = this.#roundTrips >= SURE_ROUND_TRIPS || isConnectLong || this.#isAsRemembered;
    return isSure && this.rttMs >= longRttMs;
  }

  #usual({ firstConnections, steadyConnections }: CoreOptions): number {
    return this.window.slowStart ? firstConnections : steadyConnections;
  }

  /** Bytes per ms that one of its channels may be expected to carry: nothing once this transfer knows better. */
  rememberedRate(options: CoreOptions): number | undefined {
    const { rememberedBytesPerSecond } = this.terms;
    if (rememberedBytesPerSecond === undefined || this.payloadBytes > 0) return undefined;
    return rememberedBytesPerSecond / 1_000 / this.connections(options);
  }

  /** Connecting took about as long as the round trip that is remembered: no need to measure more before believing it. */
  get #isAsRemembered(): boolean {
    const { rememberedRttMs } = this.terms;
    return rememberedRttMs !== undefined && this.#connectMs >= AS_REMEMBERED * rememberedRttMs;
  }

  /** TCP's round trip to the first hop: a first guess. */
  connected(connectMs: number): void {
    this.#connectMs = connectMs;
    if (this.#roundTrips === 0) this.rttMs = Math.max(1, connectMs);
  }

  /** A full round trip to the source: PING to PONG, or upgrade to HELLO. */
  roundTrip(ms: number): void {
    this.latencyMs = ms;
    this.rttMs = this.#roundTrips > 0 ? Math.min(this.rttMs, Math.max(0.1, ms)) : Math.max(0.1, ms);
    this.#roundTrips += 1;
  }

  /** A PONG and what was outstanding at its PING: shows whether the path has become longer, which the minimum would hide. */
  pong(pong: Parameters<LongerPath['late']>[0]): void {
    if (this.window.slowStart || pong.delayMs <= this.rttMs + targetOf(this.rttMs)) return this.#longer.reset();
    const rttMs = this.#longer.late(pong);
    if (rttMs === undefined) return;
    this.rttMs = rttMs;
    this.window.regrow();
  }

  /** ms after which a TCP connection that does not come about is given up. */
  connectTimeoutMs(options: CoreOptions): number {
    if (this.#roundTrips === 0) return options.dialTimeoutMs;
    return Math.min(options.dialTimeoutMs, Math.max(options.leastConnectTimeoutMs, 4 * this.rttMs));
  }
}
