// The floor guard: no set of routes may be slower than the best of them alone. Every two seconds it compares what came
// with what the best route brings whenever it is asked; if the sum is less, that route is tried alone, and kept alone as
// long as that is shown to be better. Pure; who is set aside and how is interference.ts.
// Invariant: alone is only a route of the newest sample, and only while what it brings alone is more than all brought.

/** What was seen since the transfer began, or now. */
export type FloorSample = {
  /** Bytes that came and were of use, all told. */
  readonly usefulBytes: number;
  /** Routes that could carry everything alone: bytes per ms while busy, and whether they are still getting up to speed. */
  readonly routes: readonly { readonly route: number; readonly rate: number; readonly isGrowing: boolean }[];
  /** Something other than the routes sets the pace (a slow reader, hardly anything left): nothing follows from the sum. */
  readonly isHeldUp: boolean;
};

/** ms between two comparisons. */
const PERIOD_MS = 2_000;
/** The sum must stay below this part of the best route, twice in a row, or it is only a moment of bad luck. */
const BELOW = 0.9;
/** The best route's rate must have stayed within this part of itself since the period before. */
const STEADY = 0.15;
/** A period in which something else held the routes up for this part of it tells nothing. */
const HELD_UP_PART = 0.25;
/** One route alone has to bring this many times what all brought. */
const BETTER = 1.05;
/** ms for which a route that is better alone stays so before all are tried again: doubled each time, up to a limit. */
const FIRST_ALONE_MS = 10_000;
/** ms for which nothing is tried after a trial that did not help: doubled as well. */
const FIRST_REST_MS = 20_000;
const MOST_MS = 160_000;

type Trial = { readonly route: number; readonly rateBefore: number; readonly until: number };

/** Guards one transfer. */
export class FloorGuard {
  #comparedAt: number | undefined;
  #bytesThen = 0;
  /** Rate of the best route at the last comparison. */
  #bestThen = 0;
  #timesBelow = 0;
  #ticks = 0;
  #ticksHeldUp = 0;
  #trial: Trial | undefined;
  #aloneMs = FIRST_ALONE_MS;
  #restMs = FIRST_REST_MS;
  #restUntil = Number.NEGATIVE_INFINITY;

  /** The route that is used alone, if one is. */
  get alone(): number | undefined {
    return this.#trial?.route;
  }

  /** Call it often; it compares when a period is over. */
  tick({ usefulBytes, routes, isHeldUp }: FloorSample, now: number): void {
    if (this.#trial !== undefined && !routes.some(({ route }) => route === this.#trial?.route)) this.#end();
    this.#ticks += 1;
    if (isHeldUp) this.#ticksHeldUp += 1;
    if (this.#comparedAt === undefined) return this.#begin(usefulBytes, now);
    const elapsed = now - this.#comparedAt;
    if (elapsed < PERIOD_MS) return;
    const rate = (usefulBytes - this.#bytesThen) / elapsed;
    const tellsSomething = this.#ticksHeldUp < HELD_UP_PART * this.#ticks;
    this.#begin(usefulBytes, now);
    if (this.#trial !== undefined) this.#judge(this.#trial, rate, tellsSomething, now);
    else if (tellsSomething && routes.length > 1) this.#compare(rate, routes, now);
    else this.#timesBelow = 0;
  }

  #begin(usefulBytes: number, now: number): void {
    this.#comparedAt = now;
    this.#bytesThen = usefulBytes;
    this.#ticks = 0;
    this.#ticksHeldUp = 0;
  }

  #compare(rate: number, routes: FloorSample['routes'], now: number): void {
    const best = routes.reduce((a, b) => (b.rate > a.rate ? b : a));
    // what grows by itself would look like help
    const isSteady = !best.isGrowing && Math.abs(best.rate - this.#bestThen) <= STEADY * best.rate;
    this.#bestThen = best.rate;
    this.#timesBelow = isSteady && rate < BELOW * best.rate ? this.#timesBelow + 1 : 0;
    if (this.#timesBelow < 2 || now < this.#restUntil) return;
    this.#timesBelow = 0;
    this.#trial = { route: best.route, rateBefore: rate, until: now + this.#aloneMs };
  }

  #judge({ rateBefore, until }: Trial, rate: number, tellsSomething: boolean, now: number): void {
    const helps = tellsSomething && rate >= BETTER * rateBefore;
    if (helps && now < until) return;
    if (helps) this.#aloneMs = Math.min(MOST_MS, 2 * this.#aloneMs);
    else {
      this.#restUntil = now + this.#restMs;
      this.#restMs = Math.min(MOST_MS, 2 * this.#restMs);
    }
    this.#end();
  }

  /** All are used again: the next period begins with the next sample. */
  #end(): void {
    this.#trial = undefined;
    this.#timesBelow = 0;
    this.#comparedAt = undefined;
  }
}
