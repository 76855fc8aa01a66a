// The constraint scheduler: looks from time to time whether the sources that are there, or may still come, can bring what
// is missing within quotas and budget; says at once when they cannot, and what each route has to keep for what needs it.
// Which single request is allowed is constraints.ts.
import { spendingOf } from './budget.ts';
import { budgetLeft, priceOf, quotaLeft } from './constraints.ts';
import { lackOf } from './lack.ts';
import type { Lack } from './lack.ts';
import { Purse } from './purse.ts';
import type { Budget } from './purse.ts';
import type { Route } from './route.ts';
import { channelsOf, rateOf, segmentLength, soundChannels } from './state.ts';
import type { TransferState } from './state.ts';
import { demandOf, flowOf, groupAt, isScarce, leastCost } from './supply.ts';
import type { Demand, Flow, Supplier } from './supply.ts';

/** ms between two reviews when nothing happened. */
const REVIEW_MS = 250;

/** A route and what must be kept of it. */
type Reserve = {
  readonly supplier: Supplier;
  /** Groups that need it. */
  readonly scarce: ReadonlySet<number>;
  readonly spareBytes: number;
  /** Currency it may cost beyond the cheapest source of a segment. */
  readonly extra: number;
};

const NO_DEMAND: Demand = Object.freeze({ regions: [], groups: [] });

/** Keeps one transfer within the terms of its routes. */
export class ConstraintScheduler {
  readonly #state: TransferState;
  #reviewedAt = Number.NEGATIVE_INFINITY;
  #isDue = true;
  #demand: Demand = NO_DEMAND;
  #basePrices: readonly number[] = [];
  /** Price of the cheapest route that is there or may come. */
  #leastPrice = 0;
  readonly #reserves = new Map<Route, Reserve>();
  /** What the last review found to be impossible. */
  #lack: Lack | undefined;

  constructor(state: TransferState) {
    this.#state = state;
  }

  /** A source came, went, or showed what it holds: look again at the next turn. */
  invalidate(): void {
    this.#isDue = true;
  }

  /** Why the transfer cannot come to its end, once that is certain. */
  turn(now: number): Lack | undefined {
    if (this.#isDue || now - this.#reviewedAt >= REVIEW_MS) this.review(now);
    return this.#lack;
  }

  /** Looks at what is missing and who can bring it. */
  review(now: number): void {
    const { routes, size, table } = this.#state;
    this.#reviewedAt = now;
    this.#isDue = false;
    this.#reserves.clear();
    this.#demand = NO_DEMAND;
    this.#lack = undefined;
    for (const route of routes) {
      route.spareBytes = Number.POSITIVE_INFINITY;
      const own = channelsOf(this.#state, route);
      if (own.some((channel) => channel.usable && channel.helloSeen)) route.aliveAt = now;
    }
    const expected = routes.filter((route) => this.#mayCome(route, now));
    this.#leastPrice = Math.min(...expected.map(priceOf));
    const isLimited = expected.some((route) => this.#isLimited(route));
    const isAmple = expected.some((route) => route.isInUse && !this.#isLimited(route) && this.#isWhole(route));
    if (size === undefined || table.missingLeft === 0 || expected.length === 0 || (isAmple && !isLimited)) return;
    const suppliers = expected.map((route) => this.#supplierOf(route));
    this.#demand = this.#demandOn(suppliers);
    const flow = flowOf(suppliers, this.#demand);
    this.#lack = lackOf(this.#state, expected, suppliers, this.#demand, flow);
    if (this.#lack !== undefined) return;
    this.#callIn(expected, suppliers);
    if (isLimited) this.#reserve(expected, suppliers, flow);
  }

  /** Routes that stand by are used as well where those in use do not suffice. */
  #callIn(expected: readonly Route[], suppliers: readonly Supplier[]): void {
    for (const route of expected) {
      if (route.isInUse) continue;
      const { unmet } = flowOf(suppliers, this.#demand, (at) => expected[at]?.isInUse === true);
      const { groups } = this.#demand;
      const at = expected.indexOf(route);
      route.isNeeded = groups.some(({ holders }, group) => (unmet[group] ?? 0) > 0 && holders.includes(at));
    }
  }

  /** Whether a route has means for `index` beyond what is kept for others: asked before a SEND that could be another's. */
  canSpare(route: Route, index: number): boolean {
    if (route.spareBytes >= this.#state.options.segmentBytes) return true;
    return this.#reserves.get(route)?.scarce.has(groupAt(this.#demand, index) ?? -1) ?? true;
  }

  /** What each route may be dealt; a route without limits has no purse. */
  purses(): Map<number, Purse> {
    const budget: Budget = { left: budgetLeft(this.#state) };
    const purses = new Map<number, Purse>();
    for (const route of this.#state.routes) {
      if (this.#isLimited(route)) purses.set(route.index, this.#purseOf(route, budget));
    }
    return purses;
  }

  #purseOf(route: Route, budget: Budget): Purse {
    const { scarce, spareBytes, extra } = this.#reserves.get(route) ?? {};
    const group = (index: number): number => groupAt(this.#demand, index) ?? -1;
    // before the object's size is known nothing is spent where something cheaper may do
    const blind = this.#state.size === undefined ? 0 : Number.POSITIVE_INFINITY;
    return new Purse({
      bytesOf: (index) => segmentLength(this.#state, index),
      leftBytes: this.#wholeSegments(quotaLeft(this.#state, route)),
      spareBytes: spareBytes ?? Number.POSITIVE_INFINITY,
      isScarce: (index) => scarce?.has(group(index)) ?? false,
      budget,
      price: priceOf(route),
      extra: extra ?? blind,
      basePrice: (index) => this.#basePrices[group(index)] ?? this.#leastPrice,
    });
  }

  /** What every limited route has to keep for segments that need it. */
  #reserve(expected: readonly Route[], suppliers: readonly Supplier[], flow: Flow): void {
    const demand = this.#demand;
    const spending = this.#spending(expected, suppliers, flow);
    this.#basePrices = demand.groups.map(({ holders }) => {
      const able = holders.filter((holder) => (suppliers[holder]?.leftBytes ?? 0) > 0);
      return Math.min(...able.map((holder) => suppliers[holder]?.price ?? 0));
    });
    for (const [at, route] of expected.entries()) {
      const supplier = suppliers[at];
      if (supplier === undefined || !this.#isLimited(route)) continue;
      const others = flowOf(suppliers, demand, (other) => other !== at);
      const needed = others.unmet.reduce((sum, bytes) => sum + bytes, 0);
      const scarce = new Set([...demand.groups.keys()].filter((group) => isScarce(demand, others, group)));
      const least = (flow.carried[at] ?? []).reduce(
        (sum, bytes, group) => sum + bytes * Math.max(0, supplier.price - (this.#basePrices[group] ?? 0)),
        0,
      );
      const extra = (spending[at] ?? 0) + least;
      const spareBytes = Math.max(0, supplier.leftBytes - needed);
      const affordable = supplier.price > 0 ? extra / supplier.price : Number.POSITIVE_INFINITY;
      this.#reserves.set(route, { supplier, scarce, spareBytes, extra });
      route.spareBytes = Math.min(spareBytes, affordable);
    }
  }

  /** Currency that each route may cost beyond the least cost of what is missing. */
  #spending(expected: readonly Route[], suppliers: readonly Supplier[], flow: Flow): number[] {
    const byPrice = [...expected.keys()].sort(
      (a, b) => (suppliers[a]?.price ?? 0) - (suppliers[b]?.price ?? 0) || a - b,
    );
    const classes = byPrice.map((at) => ({ price: suppliers[at]?.price ?? 0, rate: this.#rateOf(expected[at]) }));
    const bytes = this.#demand.groups.reduce((sum, group) => sum + group.bytes, 0);
    const sorted = spendingOf(classes, bytes, leastCost(suppliers, flow), budgetLeft(this.#state));
    const spending: number[] = [];
    for (const [place, at] of byPrice.entries()) spending[at] = sorted[place] ?? 0;
    return spending;
  }

  #demandOn(suppliers: readonly Supplier[]): Demand {
    const { options, table } = this.#state;
    const asked = this.#asked();
    const last = table.to - 1;
    const shortBy = table.isMissing(last) ? options.segmentBytes - segmentLength(this.#state, last) : 0;
    return demandOf(suppliers, table.lowestMissing, table.to, (first, end) => {
      const count = table.missingIn(first, end) - (countBelow(asked, end) - countBelow(asked, first));
      const isAskedLast = asked.at(-1) === last;
      return Math.max(0, count * options.segmentBytes - (end > last && !isAskedLast ? shortBy : 0));
    });
  }

  /** Missing segments that somebody sound was asked for, ascending. */
  #asked(): number[] {
    const asked = new Set<number>();
    for (const { ledger } of soundChannels(this.#state)) {
      for (const index of ledger.openSends) asked.add(index);
      for (const index of ledger.expected) asked.add(index);
    }
    return [...asked].filter((index) => this.#state.table.isMissing(index)).sort((a, b) => a - b);
  }

  #supplierOf(route: Route): Supplier {
    const leftBytes = this.#wholeSegments(quotaLeft(this.#state, route));
    const isWhole = this.#isWhole(route);
    return { holds: isWhole ? undefined : route.holdings, leftBytes, price: priceOf(route) };
  }

  #wholeSegments(bytes: number): number {
    const { segmentBytes } = this.#state.options;
    return Math.ceil(bytes / segmentBytes) * segmentBytes;
  }

  #isLimited({ terms }: Route): boolean {
    if (terms.quotaBytes !== undefined) return true;
    return (terms.costPerGigabyte ?? 0) > 0 && this.#state.costBudget !== undefined;
  }

  /** It holds all that is missing, or nothing is known yet. */
  #isWhole({ holdings }: Route): boolean {
    const { table } = this.#state;
    return holdings?.hasAll(table.lowestMissing, table.to) ?? true;
  }

  #rateOf(route: Route | undefined): number {
    if (route === undefined) return 0;
    const usable = channelsOf(this.#state, route).filter((channel) => channel.usable);
    return usable.reduce((sum, channel) => sum + rateOf(this.#state, channel), 0);
  }

  /** It works, is being tried, stands by, or worked a short while ago; or its server said when to come back. */
  #mayCome(route: Route, now: number): boolean {
    const { options } = this.#state;
    if (route.isOut) return false;
    if (route.aliveAt === undefined) return route.failedDials < options.firstDials;
    return now - route.aliveAt < options.giveUpMs || route.dialAt - now > options.redialMs;
  }
}

/** How many of the ascending `numbers` are below `end`. */
function countBelow(numbers: readonly number[], end: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < end) low = middle + 1;
    else high = middle;
  }
  return low;
}
