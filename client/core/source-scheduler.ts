// The source scheduler: which routes are in use now, which stand by, which is probed, which is replaced. With no more
// routes than may be used all of them are; else the best-ranked, and the rest are tried now and then when it costs nothing.
// Owns the roles of the routes; dialling, draining and closing their channels is the supervisor's work.
// Invariant: as many routes are active as may be, or all that are left.
import { Interference } from './interference.ts';
import { rankRoutes } from './ranking.ts';
import type { RankingFacts, RouteScore } from './ranking.ts';
import type { Route } from './route.ts';
import { channelsOf, totalRate } from './state.ts';
import type { TransferState } from './state.ts';

/** ms between two looks at the ranking. */
const REVIEW_MS = 500;
/** A probe lasts at least this many round trips: TCP has to get up to speed, */
const PROBE_ROUND_TRIPS = 12;
/** but no longer than this, ms. */
const MOST_PROBE_MS = 6_000;
/** Nothing is probed or replaced for better once less than this many probes' time of data is left. */
const PROBES_LEFT = 3;

type Place = {
  /** When it took its present role. */
  since: number;
  probedAt: number;
  /** When it last had a channel that greeted and was not stalled. */
  workedAt: number;
  /** Bytes per second when it was last in use. */
  knownRate: number | undefined;
};

/** Gives the routes of one transfer their roles. */
export class SourceScheduler {
  readonly #state: TransferState;
  /** A route left use: its channels finish what they were asked for and go. */
  readonly #onRetired: (route: Route) => void;
  readonly #places = new Map<Route, Place>();
  readonly #interference: Interference;
  #reviewedAt: number;
  #probeEndedAt: number;

  constructor(state: TransferState, onRetired: (route: Route) => void, now: number) {
    this.#state = state;
    this.#onRetired = onRetired;
    this.#interference = new Interference(state);
    this.#reviewedAt = now;
    this.#probeEndedAt = now;
    for (const route of state.routes) this.#place(route, now);
    if (!this.#isCrowded) return;
    for (const route of state.routes) route.role = 'standby';
    this.#fill(now);
  }

  /** Another route: in use when there is room, else it waits as the others do. */
  join(route: Route, now: number): void {
    this.#place(route, now);
    if (this.#isCrowded) route.role = 'standby';
  }

  /** Changes roles where it is due. */
  turn(now: number): void {
    this.#interference.turn(now);
    if (!this.#isCrowded) return;
    for (const route of this.#state.routes) this.#look(route, now);
    this.#callPreferred(now);
    this.#replaceDown(now);
    this.#fill(now);
    if (now - this.#reviewedAt < REVIEW_MS) return;
    this.#reviewedAt = now;
    const isWorthwhile = this.#isMuchLeft();
    this.#endProbe(isWorthwhile, now);
    if (!isWorthwhile) return;
    this.#replaceWorst(now);
    this.#probe(now);
  }

  /** What the ranking goes by, for every route. */
  facts(): RankingFacts[] {
    return this.#state.routes.map((route) => {
      const { rank, terms, hops, latencyMs, rttMs } = route;
      const rate = this.#rateOf(route) ?? this.#places.get(route)?.knownRate ?? terms.rememberedBytesPerSecond;
      return {
        rank,
        bytesPerSecond: rate,
        rttMs: latencyMs === undefined ? terms.rememberedRttMs : rttMs,
        hops,
        distanceKilometres: terms.distanceKilometres,
        costPerGigabyte: terms.costPerGigabyte,
      };
    });
  }

  /** The scores of all routes, in their order. */
  scores(): RouteScore[] {
    return rankRoutes(this.facts(), this.#state.options);
  }

  /** More routes than may be used at one time. */
  get #isCrowded(): boolean {
    return this.#state.routes.length > this.#state.options.activeRoutes;
  }

  #look(route: Route, now: number): void {
    const place = this.#placeOf(route);
    if (channelsOf(this.#state, route).some(({ state, helloSeen }) => state === 'open' && helloSeen)) {
      place.workedAt = now;
    }
    place.knownRate = this.#rateOf(route) ?? place.knownRate;
    if (route.isOut && route.role !== 'standby') this.#retire(route, now);
  }

  /** What the user prefers takes the place of the worst that he does not. */
  #callPreferred(now: number): void {
    const wanted = this.#waiting(now).filter(({ preference }) => preference === 'prefer');
    for (const next of wanted) {
      const worst = this.#worst(this.#withRole('active'));
      if (worst === undefined) return;
      this.#retire(worst, now);
      this.#assign(next, 'active', now);
    }
  }

  /** The worst of the routes that may be replaced. */
  #worst(routes: readonly Route[]): Route | undefined {
    const scores = this.scores();
    const scoreOf = (route: Route): number => scores[route.index]?.score ?? 0;
    return routes.filter(({ preference }) => preference !== 'prefer').toSorted((a, b) => scoreOf(a) - scoreOf(b))[0];
  }

  /** A route without a working channel gives its place to one that stands by. */
  #replaceDown(now: number): void {
    for (const route of this.#withRole('active')) {
      const place = this.#placeOf(route);
      const patienceMs = route.failedDials > 0 ? REVIEW_MS : this.#state.options.replaceDownMs;
      if (now - Math.max(place.workedAt, place.since) < patienceMs) continue;
      const next = this.#best(this.#waiting(now));
      if (next === undefined) return;
      this.#retire(route, now);
      this.#assign(next, 'active', now);
    }
  }

  #fill(now: number): void {
    let left = this.#state.options.activeRoutes - this.#withRole('active').length;
    for (; left > 0; left -= 1) {
      const next = this.#best(this.#waiting(now)) ?? this.#best(this.#withRole('standby'));
      if (next === undefined) return;
      this.#assign(next, 'active', now);
    }
  }

  /** The worst route in use goes when one that stands by is clearly better by what is known of both. */
  #replaceWorst(now: number): void {
    const { probeMs, replaceMargin } = this.#state.options;
    const scores = this.scores();
    const scoreOf = (route: Route): number => scores[route.index]?.score ?? 0;
    const settled = this.#withRole('active').filter(
      (route) => now - this.#placeOf(route).since >= probeTime(route, probeMs),
    );
    const worst = this.#worst(settled);
    const next = this.#best(this.#waiting(now));
    if (worst === undefined || next === undefined || scoreOf(next) <= replaceMargin * scoreOf(worst)) return;
    this.#retire(worst, now);
    this.#assign(next, 'active', now);
  }

  /** Whoever was not tried for longest is, beside those in use: what it brings is not lost. */
  #probe(now: number): void {
    const { probeIntervalMs } = this.#state.options;
    if (now - this.#probeEndedAt < probeIntervalMs || this.#withRole('probing').length > 0) return;
    const free = this.#waiting(now).filter(({ terms }) => (terms.costPerGigabyte ?? 0) === 0);
    const next = free.toSorted((a, b) => this.#placeOf(a).probedAt - this.#placeOf(b).probedAt)[0];
    if (next === undefined) return;
    this.#placeOf(next).probedAt = now;
    this.#assign(next, 'probing', now);
  }

  /** Judges the probed route: it stays in the place of the worst if it is clearly better. */
  #endProbe(mayReplace: boolean, now: number): void {
    const { probeMs, replaceMargin } = this.#state.options;
    for (const route of this.#withRole('probing')) {
      if (mayReplace && now - this.#placeOf(route).since < probeTime(route, probeMs)) continue;
      this.#probeEndedAt = now;
      const scores = this.scores();
      const scoreOf = (each: Route): number => scores[each.index]?.score ?? 0;
      const worst = this.#worst(this.#withRole('active'));
      const isBetter = worst !== undefined && scoreOf(route) > replaceMargin * scoreOf(worst);
      const brought = this.#rateOf(route) !== undefined;
      if (!brought) this.#placeOf(route).knownRate = 0;
      if (mayReplace && brought && isBetter) {
        this.#retire(worst, now);
        this.#assign(route, 'active', now);
      } else this.#retire(route, now);
    }
  }

  /** Much data is left, and the output does not wait for anything: a trial costs nothing. */
  #isMuchLeft(): boolean {
    const { options, size, table } = this.#state;
    if (size === undefined) return false;
    const leftMs = (table.missingLeft * options.segmentBytes) / Math.max(1, totalRate(this.#state));
    const spread = (table.highestSeen - table.takenPoint) * options.segmentBytes;
    return leftMs > PROBES_LEFT * options.probeMs && (options.output === 'any' || spread < options.reorderBytes / 2);
  }

  /** Routes that stand by and may be dialled now. */
  #waiting(now: number): Route[] {
    return this.#withRole('standby').filter((route) => route.dialAt <= now && !this.#hasJustLeft(route, now));
  }

  #hasJustLeft(route: Route, now: number): boolean {
    const { since, workedAt } = this.#placeOf(route);
    return since > workedAt && now - since < this.#state.options.probeIntervalMs;
  }

  /** The one with the best score, of those that the user prefers if there are some. */
  #best(routes: readonly Route[]): Route | undefined {
    const scores = this.scores();
    const preferred = routes.filter(({ preference }) => preference === 'prefer');
    const among = preferred.length > 0 ? preferred : routes;
    return among.toSorted((a, b) => (scores[b.index]?.score ?? 0) - (scores[a.index]?.score ?? 0))[0];
  }

  #withRole(role: Route['role']): Route[] {
    return this.#state.routes.filter((route) => route.role === role && !route.isOut);
  }

  #rateOf(route: Route): number | undefined {
    const rate = channelsOf(this.#state, route).reduce((sum, channel) => sum + channel.rate.measured, 0);
    return rate > 0 ? 1_000 * rate : undefined;
  }

  #assign(route: Route, role: Route['role'], now: number): void {
    route.role = role;
    this.#placeOf(route).since = now;
  }

  #retire(route: Route, now: number): void {
    this.#assign(route, 'standby', now);
    this.#onRetired(route);
  }

  #place(route: Route, now: number): void {
    this.#places.set(route, { since: now, probedAt: now, workedAt: now, knownRate: undefined });
  }

  #placeOf(route: Route): Place {
    const place = this.#places.get(route);
    if (place === undefined) throw new Error(`route ${route.index} has no place`);
    return place;
  }
}

function probeTime(route: Route, probeMs: number): number {
  return Math.min(MOST_PROBE_MS, Math.max(probeMs, PROBE_ROUND_TRIPS * route.rttMs));
}
