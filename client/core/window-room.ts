// How much more one channel may be asked for: the route's window shared out over its channels.
import type { Channel } from './channel.ts';
import { routeOf, soundChannels, usableChannels } from './state.ts';
import type { TransferState } from './state.ts';

/** Part of a route's window that its active channels share alike; the rest goes by what each delivers. */
const EQUAL_PART = 0.4;

/** The channels of a route that may be given credit now. */
export function activeChannels(state: TransferState, channel: Channel): Channel[] {
  const { window } = routeOf(state, channel);
  const own = soundChannels(state).filter((other) => other.route === channel.route);
  return own.filter((other) => other.usable && other.opened).slice(0, window.active);
}

/** The channels that patterns deal to: those that may be given credit, now or as soon as they are opened. */
export function dealtChannels(state: TransferState): Channel[] {
  return usableChannels(state).filter((channel) => !channel.opened || activeChannels(state, channel).includes(channel));
}

/** Bytes `channel` may be asked for beyond what it was: within its share of the window and what the route has left. */
export function windowRoom(state: TransferState, channel: Channel): number {
  const active = activeChannels(state, channel);
  if (!active.includes(channel)) return 0;
  const { bytes } = routeOf(state, channel).window;
  const left = bytes - askedBytes(state, channel.route);
  if (active.length === 1) return left;
  const flights = active.reduce((sum, other) => sum + other.rate.flight, 0);
  const fraction = flights > 0 ? channel.rate.flight / flights : 1 / active.length;
  const share = bytes * (EQUAL_PART / active.length + (1 - EQUAL_PART) * fraction);
  return Math.min(left, Math.max(state.options.segmentBytes, share) - channel.creditBytes);
}

/** Bytes that all sound channels of a route may still bring. */
export function askedBytes(state: TransferState, route: number): number {
  let sum = 0;
  for (const channel of soundChannels(state)) if (channel.route === route) sum += channel.creditBytes;
  return sum;
}
