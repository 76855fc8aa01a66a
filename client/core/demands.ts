// What the user demands of a running transfer: pause, preferences of routes, caps, budget, another route. Puts it into the state that
// the deciding parts look at; raised ranges are the prioritizer's. What names a route that is not there changes nothing.
import type { Demand, Input } from './messages.ts';
import { shareOutCap } from './rate-caps.ts';
import type { Route } from './route.ts';
import type { TransferState } from './state.ts';
import type { Supervisor } from './supervisor.ts';

/** Everything but raised ranges. */
type StateDemand = Exclude<Demand, { readonly type: 'raise' }>;

const STATE_DEMANDS: ReadonlySet<Input['type']> = new Set<StateDemand['type']>([
  'pause',
  'prefer',
  'cap',
  'budget',
  'join',
]);

/** True for what `obey` takes. */
export function isDemand(input: Input): input is StateDemand {
  return STATE_DEMANDS.has(input.type);
}

/** Takes a demand into the state. The caller has everything dealt anew afterwards. */
export function obey(demand: StateDemand, state: TransferState, supervisor: Supervisor, now: number): void {
  switch (demand.type) {
    case 'pause':
      state.isPaused = demand.isPaused;
      if (demand.isPaused) supervisor.hold();
      else supervisor.goOn(now);
      return;
    case 'prefer': {
      const route = state.routes[demand.route];
      if (route === undefined || route.preference === demand.preference) return;
      route.preference = demand.preference;
      if (demand.preference === 'exclude') supervisor.retire(route);
      return supervisor.goOn(now);
    }
    case 'cap':
      return cap(demand.route === 'all' ? state : state.routes[demand.route], demand.bytesPerSecond, state, now);
    case 'budget':
      state.costBudget = demand.cost;
      return;
    case 'join':
      supervisor.join(demand.terms, now);
      return shareOutCap(state, now);
    default:
      demand satisfies never;
  }
}

function cap(
  what: TransferState | Route | undefined,
  bytesPerSecond: number | undefined,
  state: TransferState,
  now: number,
): void {
  if (what === undefined) return;
  what.maxBytesPerSecond = bytesPerSecond;
  shareOutCap(state, now);
}
