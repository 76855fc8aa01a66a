// When sources are asked to encode what they send: on routes so slow that the time saved on the way is more than encoding
// and decoding take, and while all routes together do not bring more than can be decoded. Whether an object is worth it
// its source sees; here only the routes are judged. Sizes and rates are those of the object, encoded or not.
import { acceptedOf } from '../../protocol/frames.ts';
import type { Channel } from './channel.ts';
import type { Route } from './route.ts';
import { canProve } from './route-terms.ts';
import { channelsOf, totalRate } from './state.ts';
import type { TransferState } from './state.ts';

const GZIP = acceptedOf(['gzip']);

/** While so much of what can be decoded is used, more routes may be asked for encoded segments. */
const ROOM = 0.5;

/** Which channels of one transfer are asked to encode. */
export class Encodings {
  readonly #state: TransferState;
  /** The channels that were asked. */
  readonly #asked = new WeakSet<Channel>();
  readonly #routes = new Set<Route>();
  /** More came than can be decoded: plain segments from then on. */
  #isTooMuch = false;

  constructor(state: TransferState) {
    this.#state = state;
  }

  /** Tells every channel what has changed for its route. */
  turn(): void {
    const { options, routes } = this.#state;
    if (!options.encode || this.#isTooMuch) return;
    // the rates inside the core are per ms
    const total = totalRate(this.#state) * 1_000;
    if (this.#routes.size > 0 && total > options.decodeMostBytesPerSecond) return this.#stop();
    const hasRoom = total <= ROOM * options.decodeMostBytesPerSecond;
    for (const route of routes) {
      if (!this.#routes.has(route) && hasRoom && this.#pays(route)) this.#routes.add(route);
      if (this.#routes.has(route)) this.#ask(route, true);
    }
  }

  /** What a route carries is known once its window no longer grows, or from before. Pauses of a cap say nothing. */
  #pays(route: Route): boolean {
    if (!canProve(route) || route.isHeldByCap) return false;
    const known = route.window.slowStart ? route.terms.rememberedBytesPerSecond : route.carried * 1_000;
    return known !== undefined && known > 0 && known < this.#state.options.encodeBelowBytesPerSecond;
  }

  #stop(): void {
    this.#isTooMuch = true;
    for (const route of this.#routes) this.#ask(route, false);
    this.#routes.clear();
  }

  #ask(route: Route, on: boolean): void {
    for (const channel of channelsOf(this.#state, route)) {
      if (!channel.helloSeen || !channel.writable || this.#asked.has(channel) === on) continue;
      if (on) this.#asked.add(channel);
      else this.#asked.delete(channel);
      this.#state.effects.push({ type: 'encode', channel: channel.number, accepted: on ? GZIP : 0 });
    }
  }
}
