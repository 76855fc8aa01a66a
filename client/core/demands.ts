// What is demanded of a running transfer: by the user a pause, preferences of routes, caps, a budget, another route; by servers that are
// about to stop, that it goes elsewhere. Puts it into the state that the deciding parts look at; raised ranges are the
// prioritizer's. What names a route that is not there changes nothing.
import type { Demand, Input } from './messages.ts';
import { shareOutCap } from './rate-caps.ts';
import type { Route } from './route.ts';
import { channelsOf } from './state.ts';
import type { TransferState } from './state.ts';
import type { Supervisor } from './supervisor.ts';

/** Everything but raised ranges. */
type StateDemand = Exclude<Demand, { readonly type: 'raise' }> | Extract<Input, { readonly type: 'leave' | 'renew' }>;

const STATE_DEMANDS: ReadonlySet<Input['type']> = new Set<StateDemand['type']>([
  'pause',
  'prefer',
  'cap',
  'budget',
  'join',
  'leave',
  'renew',
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
    case 'leave':
      return leave(state.routes[demand.route], demand.isLeaving, state, supervisor, now);
    case 'renew': {
      const channel = state.channels.get(demand.channel);
      return channel === undefined ? undefined : supervisor.succeed(channel);
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

/** Its channels finish what they were asked for and go, as long as another route carries on; what comes back is dialled. */
function leave(
  route: Route | undefined,
  isLeaving: boolean,
  state: TransferState,
  supervisor: Supervisor,
  now: number,
): void {
  if (route === undefined) return;
  const carries = (other: Route): boolean =>
    other !== route && !other.isLeaving && channelsOf(state, other).some((channel) => channel.state === 'open');
  const wasLeaving = route.isLeaving;
  route.isLeaving = isLeaving && state.routes.some(carries);
  if (route.isLeaving === wasLeaving) return;
  if (!route.isLeaving) route.dialAt = now;
  else {
    route.lastCode = 'draining';
    supervisor.retire(route);
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
