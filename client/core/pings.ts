// PING and PONG: the full round trip of every channel, measured on the channel itself. Often while a route's window
// grows, seldom afterwards.
import type { Channel } from './channel.ts';
import { laneOf, routeOf } from './state.ts';
import type { TransferState } from './state.ts';
import { askedBytes } from './window-room.ts';

const LEAST_INTERVAL_MS = 30;
const MOST_INTERVAL_MS = 100;
/** PINGs whose PONG may still come; one that is older than so many others never will. */
const MOST_OPEN = 4_096;
/** During a pause nothing is measured; a source only has to hear that somebody is there. */
const PAUSED_INTERVAL_MS = 5_000;

/** `outBytes`: what its route was asked for. */
type Sent = { readonly channel: number; readonly at: number; readonly backlogMs: number; readonly outBytes: number };

/** The PINGs of one transfer. */
export class Pings {
  readonly #state: TransferState;
  readonly #open = new Map<number, Sent>();
  readonly #pingedAt = new Map<number, number>();
  #nonce = 0;

  constructor(state: TransferState) {
    this.#state = state;
  }

  /** Pings every channel whose turn it is. */
  turn(now: number): void {
    for (const channel of this.#state.channels.all) {
      if (channel.helloSeen && channel.writable && now >= this.#dueAt(channel)) this.#ping(channel, now);
    }
  }

  /** A PONG came: tells the route. Unknown nonces change nothing. */
  pong(channel: Channel, nonce: number, now: number): void {
    const ping = this.#open.get(nonce);
    if (ping === undefined || ping.channel !== channel.number) return;
    this.#open.delete(nonce);
    channel.pongAt = now;
    const route = routeOf(this.#state, channel);
    const delayMs = now - ping.at;
    route.roundTrip(delayMs);
    route.window.pong(delayMs, ping.backlogMs, now);
    route.pong({ at: now, delayMs, outBytes: ping.outBytes });
  }

  /** The channel is gone; its PINGs will not be answered. */
  forget(channel: number): void {
    this.#pingedAt.delete(channel);
    for (const [nonce, ping] of this.#open) if (ping.channel === channel) this.#open.delete(nonce);
  }

  #dueAt(channel: Channel): number {
    const { window, rttMs } = routeOf(this.#state, channel);
    const usual = Math.max(LEAST_INTERVAL_MS, Math.min(MOST_INTERVAL_MS, rttMs / 3));
    const interval = window.slowStart ? LEAST_INTERVAL_MS : usual;
    return (
      (this.#pingedAt.get(channel.number) ?? Number.NEGATIVE_INFINITY) +
      (this.#state.isPaused ? PAUSED_INTERVAL_MS : interval)
    );
  }

  #ping(channel: Channel, now: number): void {
    this.#pingedAt.set(channel.number, now);
    this.#nonce = (this.#nonce + 1) >>> 0;
    const lane = laneOf(this.#state, channel);
    const { flight = lane.rate * lane.rttMs } = lane;
    const backlogMs = lane.rttMs * (1 + Math.max(0, Math.log2(lane.outBytes / (2 * flight))));
    const outBytes = askedBytes(this.#state, channel.route);
    this.#open.set(this.#nonce, { channel: channel.number, at: now, backlogMs, outBytes });
    if (this.#open.size > MOST_OPEN) this.#open.delete(this.#open.keys().next().value ?? 0);
    this.#state.effects.push({ type: 'ping', channel: channel.number, nonce: this.#nonce });
  }
}
