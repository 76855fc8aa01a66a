// Bytes over time, as the network and the application see them: what every route brought in steps of 10 ms, when each
// segment was delivered, and how much waited for something before it. Observes only; the figures are made of it.
import type { Effect, Input } from '../../../client/core/messages.ts';
import type { Observer } from '../world/shell.ts';

export const BIN_MS = 10;

/** How much waited, from `atMs` on. */
export type Waiting = { readonly atMs: number; readonly segments: number };

/** Records one run. */
export class Deliveries implements Observer {
  /** Payload bytes read per route and bin. */
  readonly received: number[][];
  /** When each segment was delivered, in the order of delivery. */
  readonly deliveredAt: number[] = [];
  /** Segments that had come and could not be delivered, whenever that number rose. */
  readonly waiting: Waiting[] = [];
  readonly #routeOf = new Map<number, number>();
  readonly #here = new Set<number>();

  constructor(routes: number) {
    this.received = Array.from({ length: routes }, () => []);
  }

  input(input: Input, now: number): void {
    if (input.type === 'segment') this.#here.add(input.index);
    if (input.type === 'verified' && !input.ok) this.#here.delete(input.index);
    if (input.type !== 'received') return;
    const bins = this.received[this.#routeOf.get(input.channel) ?? 0];
    const bin = Math.floor(now / BIN_MS);
    if (bins === undefined) return;
    while (bins.length < bin) bins.push(0);
    bins[bin] = (bins[bin] ?? 0) + input.bytes;
  }

  effect(effect: Effect, now: number): void {
    if (effect.type === 'dial') this.#routeOf.set(effect.channel, effect.route);
    if (effect.type === 'deliver') this.deliveredAt.push(now);
    // Verdicts follow the segment at once or within 0.1 ms: what is to be delivered has been when the next segment comes.
    if (effect.type === 'verify')
      this.waiting.push({ atMs: now, segments: this.#here.size - this.deliveredAt.length - 1 });
  }

  /** Bytes that `route` brought from `fromMs` to `toMs`. */
  broughtBy(route: number, fromMs: number, toMs: number): number {
    const bins = this.received[route] ?? [];
    let sum = 0;
    for (let bin = Math.floor(fromMs / BIN_MS); bin < Math.floor(toMs / BIN_MS); bin += 1) sum += bins[bin] ?? 0;
    return sum;
  }

  /** Segments delivered from `fromMs` to `toMs`. */
  deliveredBetween(fromMs: number, toMs: number): number {
    return this.deliveredAt.filter((at) => at >= fromMs && at < toMs).length;
  }
}
