// What cannot be had, in words: the constraint that stands in the way, what it leaves, and what to change.
import type { ErrorCode } from '../../protocol/errors.ts';
import { budgetLeft } from './constraints.ts';
import type { Route } from './route.ts';
import type { TransferState } from './state.ts';
import { leastCost } from './supply.ts';
import type { Demand, Flow, Supplier } from './supply.ts';

/** The code and the words of the error that ends the transfer. */
export type Lack = { readonly code: ErrorCode; readonly message: string };

/** Runs of segments that are named of one source; more are counted. */
const MOST_NAMED = 3;
/** A cost that exceeds the budget by less than this part of itself is a rounding error. */
const COST_ERROR = 1e-9;

/** Why `flow`, the best there is, does not bring everything; undefined when it does. */
export function lackOf(
  state: TransferState,
  routes: readonly Route[],
  suppliers: readonly Supplier[],
  { regions, groups }: Demand,
  flow: Flow,
): Lack | undefined {
  const { costBudget = 0, options, size = 0 } = state;
  const nowhere = regions.find(({ group }) => groups[group]?.holders.length === 0);
  if (nowhere !== undefined) {
    const { first, end } = nowhere;
    const last = Math.min(end * options.segmentBytes, size) - 1;
    const who = state.routes.map((route) => `{route ${route.index}} ${whatItHas(route, routes)}`).join(', ');
    const message = `no source has bytes ${first * options.segmentBytes} to ${last} (segments ${runOf(first, end)}): ${who}; add a route to a source that has them`;
    return { code: 'no-source-for-range', message };
  }
  const unmet = flow.unmet.reduce((sum, bytes) => sum + bytes, 0);
  if (unmet > 0) {
    const left = routes.flatMap((route, at) => {
      const { leftBytes = 0 } = suppliers[at] ?? {};
      return route.terms.quotaBytes === undefined ? [] : [`{route ${route.index}} may bring ${leftBytes} bytes more`];
    });
    const message = `the quotas leave ${unmet} of the missing bytes to nobody: ${left.join(', ')}; raise a quota or add a route`;
    return { code: 'quota-exhausted', message };
  }
  const cost = leastCost(suppliers, flow);
  const left = budgetLeft(state);
  if (cost === 0 || cost <= left + COST_ERROR * cost) return undefined;
  const message = `what is missing costs at least ${shown(cost)}, the budget of ${shown(costBudget)} leaves ${shown(Math.max(0, left))}; raise it or add a cheaper route`;
  return { code: 'budget-exhausted', message };
}

function whatItHas(route: Route, expected: readonly Route[]): string {
  if (route.preference === 'exclude') return 'is excluded by you';
  if (!expected.includes(route)) return `is out of use (${route.excluded ?? route.lastCode ?? 'unreachable'})`;
  const ranges = route.holdings?.ranges ?? [];
  if (ranges.length === 0) return 'has nothing';
  const named = ranges.slice(0, MOST_NAMED).map(({ first, length }) => runOf(first, first + length));
  const more = ranges.length > MOST_NAMED ? ` and ${ranges.length - MOST_NAMED} runs more` : '';
  return `has ${named.join(', ')}${more}`;
}

function runOf(first: number, end: number): string {
  return end === first + 1 ? `${first}` : `${first} to ${end - 1}`;
}

function shown(cost: number): string {
  return String(Number(cost.toPrecision(4)));
}
