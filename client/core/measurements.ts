// What is measured of channels and routes as bytes come in, sampled once per tick: throughput of each and of a route's
// channels together, the route's window, and the gaps that losses leave. Decides nothing by itself.
import type { Channel } from './channel.ts';
import { shareOutCap } from './rate-caps.ts';
import type { Route } from './route.ts';
import { channelsOf, routeOf } from './state.ts';
import type { TransferState } from './state.ts';
import { activeChannels } from './window-room.ts';

/** Ticks that may pass between two samples before this process itself is taken for the one that stood still. */
const STANDSTILL_TICKS = 3;

/** The measurements of one transfer. */
export class Measurements {
  readonly #state: TransferState;
  #sampledAt: number;

  constructor(state: TransferState, now: number) {
    this.#state = state;
    this.#sampledAt = now - state.options.tickMs;
  }

  /** When the next sample is due. */
  get dueAt(): number {
    return this.#sampledAt + this.#state.options.tickMs;
  }

  /** Bytes were read. */
  received(channel: Channel, bytes: number, now: number): void {
    const route = routeOf(this.#state, channel);
    route.broughtBytes += bytes;
    route.throughput.add(bytes, now);
    const gapMs = channel.hear(bytes, route.rttMs, now);
    if (gapMs > 0 && this.#isOfItsPath(route, gapMs, now)) route.gaps += 1;
  }

  sample(now: number): void {
    const { channels, options, routes, stalls, table } = this.#state;
    this.#sampledAt = now;
    if (options.output === 'order') stalls.tick(table, this.#state.isPaused, now);
    for (const channel of channels.all) {
      const route = routeOf(this.#state, channel);
      channel.rate.tick(now, route.rttMs, route.window.slowStart);
    }
    if (this.#state.maxBytesPerSecond !== undefined) shareOutCap(this.#state, now);
    for (const route of routes) {
      this.#sampleRoute(
        route,
        channelsOf(this.#state, route).filter((channel) => channel.sound),
        now,
      );
    }
  }

  #sampleRoute(route: Route, own: readonly Channel[], now: number): void {
    const rate = together(route, own, activeChannels(this.#state, route), now);
    route.carry(rate, this.#state.options.tickMs);
    if (own.length === 0) return;
    const { parallelism, rttMs, broughtBytes, gaps, window } = route;
    const flight = own.reduce((sum, channel) => sum + channel.rate.flight, 0);
    const bytes = broughtBytes - route.sampledBytes;
    route.sampledBytes = broughtBytes;
    window.tick({ bytes, flight, rate, rttMs, channels: own.length, lossLimited: parallelism.isLossLimited }, now);
    if (route.isHeldByCap) return;
    const open = own.filter((channel) => channel.state === 'open').length;
    const outBytes = own.reduce((sum, channel) => sum + channel.outBytes, 0);
    const { slowStart, queueMs } = window;
    parallelism.tick({ receivedBytes: broughtBytes, rttMs, gaps, open, slowStart, outBytes, rate, queueMs }, now);
  }

  /** Not when this process stood still, nor when every route was silent: the last mile is nobody's loss. */
  #isOfItsPath(route: Route, gapMs: number, now: number): boolean {
    if (now - this.#sampledAt > STANDSTILL_TICKS * this.#state.options.tickMs) return false;
    let isAlone = true;
    for (const other of this.#state.channels.all) {
      if (!other.sound || other.route === route.index || other.receivedBytes === 0) continue;
      if (now - other.heardAt < gapMs) return true;
      isAlone = false;
    }
    return isAlone;
  }
}

/**
 * Bytes per ms of a route's channels together: the sum of what each carries while busy, less what overlaps. Only the
 * `active` ones are dealt anything, and those carry it all: what the others once carried is no part of their sum.
 */
function together(route: Route, channels: readonly Channel[], active: readonly Channel[], now: number): number {
  const { throughput, rttMs, window } = route;
  const dueFrom = Math.min(Number.POSITIVE_INFINITY, ...channels.map((channel) => channel.dueFrom));
  if (dueFrom === Number.POSITIVE_INFINITY) throughput.becomesIdle();
  else throughput.becomesBusy(dueFrom);
  throughput.tick(now, rttMs, window.slowStart);
  const { measured } = throughput;
  const shared = sumOfRates(active);
  route.overlap = active.length > 1 && shared > measured ? measured / shared : 1;
  route.sharing = Math.max(1, channels.length);
  const sum = sumOfRates(channels);
  return channels.length > 1 ? Math.min(sum, measured) : sum;
}

/** What the channels carry while each is busy, bytes per ms. */
function sumOfRates(channels: readonly Channel[]): number {
  return channels.reduce((sum, channel) => sum + channel.rate.measured, 0);
}
