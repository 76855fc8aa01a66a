// How much more one channel may be asked for: the route's window shared out over its channels.
import type { Channel } from './channel.ts';
import type { Route } from './route.ts';
import { channelsOf, routeOf } from './state.ts';
import type { TransferState } from './state.ts';

/** A channel's claim to its route's window: so many times what it brings per round trip, and a segment. */
const ROOM_TO_GROW = 1.25;

/** The channels of a route that patterns deal to and that may be given credit now. */
export function activeChannels(state: TransferState, route: Route): Channel[] {
  if (route.isSetAside) return [];
  return channelsOf(state, route)
    .filter((channel) => channel.usable)
    .slice(0, route.window.active);
}

/** The active channels of all routes: those that patterns deal to. */
export function dealtChannels(state: TransferState): Channel[] {
  return state.routes.flatMap((route) => activeChannels(state, route));
}

/** Bytes `channel` may be asked for beyond what it was: within its share of the window and what the route has left. */
export function windowRoom(state: TransferState, channel: Channel): number {
  const route = routeOf(state, channel);
  if (!channel.usable || route.isSetAside) return 0;
  const active = activeChannels(state, route);
  const { bytes } = route.window;
  const left = bytes - askedBytes(state, channel.route);
  const { segmentBytes } = state.options;
  // the pattern was dealt when there were more: what it gives this one comes slowly, or it would wait for another pattern
  if (!active.includes(channel)) return Math.min(left, segmentBytes - channel.creditBytes);
  if (active.length === 1) return left;
  const claim = (other: Channel): number => ROOM_TO_GROW * other.rate.flight + segmentBytes;
  const share = (bytes * claim(channel)) / active.reduce((sum, other) => sum + claim(other), 0);
  return Math.min(left, Math.max(segmentBytes, share) - channel.creditBytes);
}

/** Bytes that the channels of a route may still bring. What waits for a late one keeps nothing on the path busy. */
export function askedBytes(state: TransferState, route: number): number {
  let sum = 0;
  for (const channel of state.channels.of(route)) {
    if (channel.sound && channel.state !== 'slow') sum += channel.creditBytes;
  }
  return sum;
}
