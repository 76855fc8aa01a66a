// The channels of one transfer that have not ended, by number and by route. Lists are made anew when a channel comes or
// goes, which is seldom, and only read in between: a list in hand never changes.
import type { Channel } from './channel.ts';

const NONE: readonly Channel[] = [];

/** Channels in the order in which they came. */
export class ChannelTable {
  readonly #byNumber = new Map<number, Channel>();
  readonly #byRoute = new Map<number, readonly Channel[]>();
  #all: readonly Channel[] = NONE;

  get size(): number {
    return this.#all.length;
  }

  get all(): readonly Channel[] {
    return this.#all;
  }

  get(number: number): Channel | undefined {
    return this.#byNumber.get(number);
  }

  /** Those of one route, whatever their state. */
  of(route: number): readonly Channel[] {
    return this.#byRoute.get(route) ?? NONE;
  }

  add(channel: Channel): void {
    this.#byNumber.set(channel.number, channel);
    this.#all = [...this.#all, channel];
    this.#byRoute.set(channel.route, [...this.of(channel.route), channel]);
  }

  remove(channel: Channel): void {
    this.#byNumber.delete(channel.number);
    this.#all = this.#all.filter((other) => other !== channel);
    this.#byRoute.set(
      channel.route,
      this.of(channel.route).filter((other) => other !== channel),
    );
  }
}
