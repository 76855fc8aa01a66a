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
/** Several routes may have the same segments to spare, and know of each other's use only with the next review. */
const AMPLE_SEGMENTS = 32;

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

/** Whether a route has so much to spare that a second request takes nothing from what others count on as well. */
export function canDouble(state: TransferState, route: Route): boolean {
  return route.spareBytes >= AMPLE_SEGMENTS * state.options.segmentBytes;
}

/** Price of one byte over `route`. */
export function priceOf(route: Route): number {
  return (route.terms.costPerGigabyte ?? 0) / BYTES_PER_GIGABYTE;
}

/**
 * What counts of what has not come: what was asked for, or all that credit was given for. Credit that the pattern leaves
 * unused is there to be dealt segments, but more of it would be too much.
 */
type Commitment = 'asked' | 'granted';

/** Bytes that the route's quota leaves; infinite without one. */
export function quotaLeft(state: TransferState, route: Route, counted: Commitment = 'asked'): number {
  const { quotaBytes } = route.terms;
  if (quotaBytes === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(0, quotaBytes - committedBytes(state, route, counted));
}

/** Currency that the transfer's budget leaves; infinite without one. */
export function budgetLeft(state: TransferState, counted: Commitment = 'asked'): number {
  const { costBudget } = state;
  return costBudget === undefined ? Number.POSITIVE_INFINITY : costBudget - costOf(state, counted);
}

/** What the transfer costs as things stand, in the budget's currency. */
export function costOf(state: TransferState, counted: Commitment = 'asked'): number {
  let cost = 0;
  for (const route of state.routes) {
    if (priceOf(route) > 0) cost += priceOf(route) * committedBytes(state, route, counted);
  }
  return cost;
}

/** Payload that a route brought and may still bring as things stand. */
function committedBytes(state: TransferState, route: Route, counted: Commitment): number {
  return channelsOf(state, route).reduce((sum, channel) => sum + mayBring(state, channel, counted), route.broughtBytes);
}

/** Bytes that a channel may still bring: whole segments, but for the last of the object. */
function mayBring(state: TransferState, channel: Channel, counted: Commitment): number {
  const { creditBytes, ledger, outBytes, sound } = channel;
  // a stalled channel owes nothing any more, but may bring what it was asked for
  const bytes = counted === 'granted' || !sound ? creditBytes : outBytes;
  const last = state.table.to - 1;
  const isLastAsked = ledger.expected.at(-1) === last || [...ledger.openSends].includes(last);
  return isLastAsked ? bytes - state.options.segmentBytes + segmentLength(state, last) : bytes;
}

/** A quota is a limit to within one segment; a budget is never exceeded. */
function isSpent(state: TransferState, route: Route, bytes: number): boolean {
  if (quotaLeft(state, route, 'granted') <= 0) return true;
  const price = priceOf(route);
  return price > 0 && price * bytes > budgetLeft(state, 'granted');
}
