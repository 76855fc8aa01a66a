// How much more one channel may be asked for: the route's window shared out over its channels.
import type { Channel } from './channel.ts';
import type { Route } from './route.ts';
import { channelsOf, mayBeDealt, routeOf } from './state.ts';
import type { TransferState } from './state.ts';

/** A channel's claim to its route's window: so many times what it brings per round trip, and a segment. */
const ROOM_TO_GROW = 1.25;
/** Part of a route's window that credit which brings nothing may take. */
const MOST_UNUSED = 0.5;

/**
 * The channels of a route that patterns deal to and that may be given credit now. Credit that brings nothing counts all
 * the same: where too much of it is with channels beyond these, they come first, for a pattern lets them use it up.
 */
export function activeChannels(state: TransferState, route: Route): Channel[] {
  if (route.isSetAside) return [];
  const usable = channelsOf(state, route).filter((channel) => channel.usable);
  const { active, bytes } = route.window;
  const unusedBytes = usable.slice(active).reduce((sum, channel) => sum + channel.creditBytes - channel.outBytes, 0);
  if (unusedBytes <= MOST_UNUSED * bytes) return usable.slice(0, active);
  const isUnused = ({ ledger }: Channel): boolean => ledger.unanswered > ledger.outstanding;
  return [...usable.filter(isUnused), ...usable.filter((channel) => !isUnused(channel))].slice(0, active);
}

/** The active channels of all routes: those that patterns deal to. */
export function dealtChannels(state: TransferState): Channel[] {
  return state.routes.flatMap((route) => activeChannels(state, route));
}

/** Bytes `channel` may be asked for beyond what it was: within its share of the window and what the route has left. */
export function windowRoom(state: TransferState, channel: Channel): number {
  if (!mayBeDealt(state, channel)) return 0;
  const route = routeOf(state, channel);
  const active = activeChannels(state, route);
  const { bytes } = route.window;
  const { output, segmentBytes } = state.options;
  const waiting = output === 'any' ? waitingBefore(channel, active) : 0;
  const left = bytes - askedBytes(state, channel.route) - waiting * segmentBytes;
  // the pattern was dealt when there were more: what it gives this one comes slowly, or it would wait for another pattern
  if (!active.includes(channel)) return Math.min(left, segmentBytes - channel.creditBytes);
  if (active.length === 1) return left;
  const claim = (other: Channel): number => ROOM_TO_GROW * other.rate.flight + segmentBytes;
  const share = (bytes * claim(channel)) / active.reduce((sum, other) => sum + claim(other), 0);
  return Math.min(left, Math.max(segmentBytes, share) - channel.creditBytes);
}

/**
 * Siblings that have nothing under way and were dealt something earlier than the next of `channel`: they come first, or
 * those who always have something take whatever room there is, and what was dealt to the others waits for another pattern.
 * In order it is better asked of those who flow, and repair.ts looks after what everybody waits for.
 */
function waitingBefore({ ledger }: Channel, siblings: readonly Channel[]): number {
  const next = ledger.nextToGrant();
  if (next === undefined || ledger.unanswered === 0) return 0;
  return siblings.filter(({ ledger: other, opened }) => {
    const isWaiting = opened && other.unanswered === 0 && other.newestEpoch === ledger.newestEpoch;
    return isWaiting && (other.nextToGrant() ?? next) < next;
  }).length;
}

/** Bytes that the channels of a route may still bring. What waits for a late one keeps nothing on the path busy. */
export function askedBytes(state: TransferState, route: number): number {
  let sum = 0;
  for (const channel of state.channels.of(route)) {
    if (channel.sound && channel.state !== 'slow') sum += channel.creditBytes;
  }
  return sum;
}
