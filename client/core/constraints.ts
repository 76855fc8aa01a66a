// What a source may be asked for at this moment: only what it holds, within its route's quota and rate, within the
// transfer's cost budget. Every request passes here before it is made and is booked when it is made.
// What the limits mean for the rest of the transfer is constraint-scheduler.ts.
import type { Channel } from './channel.ts';
import type { Route } from './route.ts';
import { channelsOf, routeOf, segmentLength } from './state.ts';
import type { TransferState } from './state.ts';

/** Why a channel is not asked for a segment: for good, for the rest of the transfer, or for some ms. */
export type Refusal = 'not-held' | 'spent' | 'paced';

const BYTES_PER_GIGABYTE = 1e9;

/** Why `channel` may not be asked for `index` now; undefined when it may. */
export function refusalOf(state: TransferState, channel: Channel, index: number, now: number): Refusal | undefined {
  const route = routeOf(state, channel);
  if (!holds(route, channel, index)) return 'not-held';
  if (isSpent(state, route, segmentLength(state, index))) return 'spent';
  if (route.pace !== undefined && route.pace.room(now) < state.options.segmentBytes) return 'paced';
  return undefined;
}

/** True while nothing known says that the channel's source has not got `index`. */
export function holds(route: Route, channel: Channel, index: number): boolean {
  return (channel.holdings ?? route.holdings)?.has(index) ?? true;
}

/** A segment was asked of `channel`. */
export function book(state: TransferState, channel: Channel, now: number): void {
  const route = routeOf(state, channel);
  route.pace?.take(state.options.segmentBytes, now);
  route.spareBytes -= state.options.segmentBytes;
}

/** Price of one byte over `route`. */
export function priceOf(route: Route): number {
  return (route.terms.costPerGigabyte ?? 0) / BYTES_PER_GIGABYTE;
}

/** Payload that a route brought and may still bring as things stand; what stalled channels were asked for counts too. */
function committedBytes(state: TransferState, route: Route): number {
  return channelsOf(state, route).reduce((sum, channel) => sum + mayBring(state, channel), route.broughtBytes);
}

/** Bytes that a channel may still bring: whole segments, but for the last of the object. */
function mayBring(state: TransferState, { creditBytes, ledger }: Channel): number {
  const last = state.table.to - 1;
  const isLastAsked = ledger.expected.at(-1) === last || [...ledger.openSends].includes(last);
  return isLastAsked ? creditBytes - state.options.segmentBytes + segmentLength(state, last) : creditBytes;
}

/** Bytes that the route's quota leaves; infinite without one. */
export function quotaLeft(state: TransferState, route: Route): number {
  const { quotaBytes } = route.terms;
  return quotaBytes === undefined ? Number.POSITIVE_INFINITY : Math.max(0, quotaBytes - committedBytes(state, route));
}

/** Currency that the transfer's budget leaves; infinite without one. */
export function budgetLeft(state: TransferState): number {
  const { costBudget } = state.options;
  return costBudget === undefined ? Number.POSITIVE_INFINITY : costBudget - costOf(state);
}

/** What the transfer costs as things stand, in the budget's currency. */
export function costOf(state: TransferState): number {
  let cost = 0;
  for (const route of state.routes) if (priceOf(route) > 0) cost += priceOf(route) * committedBytes(state, route);
  return cost;
}

/** A quota is a limit to within one segment; a budget is never exceeded. */
function isSpent(state: TransferState, route: Route, bytes: number): boolean {
  if (quotaLeft(state, route) <= 0) return true;
  const price = priceOf(route);
  return price > 0 && price * bytes > budgetLeft(state);
}
