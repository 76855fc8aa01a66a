// What channels and routes measured since the last tick: rates of channels, what a route's channels bring together, and
// with it its window and whether losses hold it back. Measures only; what follows from it is decided elsewhere.
import type { Channel } from './channel.ts';
import type { Route } from './route.ts';
import { channelsOf, routeOf } from './state.ts';
import type { TransferState } from './state.ts';

/** Closes the samples of all channels and routes; called once per tick. */
export function sample(state: TransferState, now: number): void {
  const { channels, routes } = state;
  for (const channel of channels.values()) {
    const route = routeOf(state, channel);
    channel.rate.tick(now, route.rttMs, route.window.slowStart);
  }
  for (const route of routes) {
    const own = channelsOf(state, route).filter((channel) => channel.sound);
    const flight = own.reduce((sum, channel) => sum + channel.rate.flight, 0);
    const rate = together(route, own, now);
    route.carry(rate, state.options.tickMs);
    if (own.length === 0) continue;
    const { parallelism, rttMs, broughtBytes, gaps, window } = route;
    window.tick({ flight, rate, rttMs, channels: own.length, lossLimited: parallelism.isLossLimited }, now);
    const open = own.filter((channel) => channel.state === 'open').length;
    const outBytes = own.reduce((sum, channel) => sum + channel.outBytes, 0);
    const { slowStart, queueMs } = window;
    if (!route.isHeldByCap)
      parallelism.tick({ receivedBytes: broughtBytes, rttMs, gaps, open, slowStart, outBytes, rate, queueMs }, now);
  }
}

/** Bytes per ms of a route's channels together: the sum of what each carries while busy, less what overlaps. */
function together(route: Route, channels: readonly Channel[], now: number): number {
  const { throughput, rttMs, window } = route;
  const sum = channels.reduce((total, channel) => total + channel.rate.measured, 0);
  const dueFrom = Math.min(Number.POSITIVE_INFINITY, ...channels.map((channel) => channel.dueFrom));
  if (dueFrom === Number.POSITIVE_INFINITY) throughput.becomesIdle();
  else throughput.becomesBusy(dueFrom);
  throughput.tick(now, rttMs, window.slowStart);
  route.overlap = channels.length > 1 && sum > throughput.measured ? throughput.measured / sum : 1;
  return sum * route.overlap;
}
