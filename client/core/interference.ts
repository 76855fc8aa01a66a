// What routes do to each other: feeds the floor guard and the watch for shared bottlenecks from the transfer's state, and
// sets routes aside when one alone is faster. A route set aside keeps its channels and answers what it was asked for.
// Invariant: while a route is used alone it can carry everything; when it cannot any more, all are back at once.
import { FloorGuard } from './floor-guard.ts';
import type { FloorSample } from './floor-guard.ts';
import { SharedBottleneck } from './shared-bottleneck.ts';
import { channelsOf, totalRate } from './state.ts';
import type { TransferState } from './state.ts';

/** ms of data left below which nothing follows from what comes any more. */
const LEAST_LEFT_MS = 4_000;
/** The reader sets the pace when so much of the reorder window waits for it. */
const WAITING_PART = 0.25;

/** The routes of one transfer. */
export class Interference {
  readonly #state: TransferState;
  readonly #floor = new FloorGuard();
  readonly #bottleneck = new SharedBottleneck();

  constructor(state: TransferState) {
    this.#state = state;
  }

  turn(now: number): void {
    const { counters, routes } = this.#state;
    if (routes.length < 2) return;
    const brought = routes.map(({ broughtBytes }) => broughtBytes);
    if (this.#bottleneck.tick(brought, now)) {
      for (const route of routes) route.sharesWith = this.#bottleneck.sharedWith(route.index);
    }
    const usefulBytes = counters.receivedBytes - counters.wasteBytes;
    this.#floor.tick({ usefulBytes, routes: this.#candidates(), isHeldUp: this.#isHeldUp() }, now);
    const { alone } = this.#floor;
    for (const route of routes) {
      route.isSetAside = alone !== undefined && route.index !== alone && route.preference !== 'prefer';
    }
  }

  /** Routes that could bring all that is left. */
  #candidates(): FloorSample['routes'] {
    const { routes, table } = this.#state;
    return routes.flatMap((route) => {
      const open = channelsOf(this.#state, route).filter((channel) => channel.state === 'open' && channel.helloSeen);
      const isLimited = route.terms.quotaBytes !== undefined || route.pace !== undefined;
      const hasAll = route.holdings?.hasAll(table.lowestMissing, table.to) === true;
      if (open.length === 0 || isLimited || !hasAll || route.isOut) return [];
      const rate = open.reduce((sum, channel) => sum + channel.rate.measured, 0);
      return [{ route: route.index, rate, isGrowing: route.window.slowStart }];
    });
  }

  #isHeldUp(): boolean {
    const { counters, options, size, table } = this.#state;
    if (size === undefined) return true;
    const leftBytes = table.missingLeft * options.segmentBytes;
    const heldBytes = Math.max(0, table.lowestMissing - table.takenPoint) * options.segmentBytes;
    const untakenBytes = table.untaken * options.segmentBytes;
    const isReaderSlow =
      heldBytes > WAITING_PART * options.reorderBytes ||
      (options.output === 'any' && untakenBytes > WAITING_PART * options.reorderBytes);
    return counters.receivedBytes === 0 || isReaderSlow || leftBytes < LEAST_LEFT_MS * totalRate(this.#state);
  }
}
