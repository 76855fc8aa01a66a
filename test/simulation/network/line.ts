// What a connection needs to know of the way between source and client: a route's own link and, behind it, the bottlenecks
// that it shares with other routes or clients. Bottlenecks have a rate and a queue, but neither delay nor loss.
import type { Fate, Link } from './link.ts';

/** The way of one route. Times in ms. */
export class Line {
  readonly own: Link;
  readonly #shared: readonly Link[];

  constructor(own: Link, shared: readonly Link[]) {
    this.own = own;
    this.#shared = shared;
  }

  /** One way, without queues. */
  get delayMs(): number {
    return this.own.conditions.delayMs;
  }

  get jitterMs(): number {
    return this.own.conditions.jitterMs;
  }

  /** Probability per packet. */
  get loss(): number {
    return this.own.conditions.loss;
  }

  /** A black hole at present. */
  get isDown(): boolean {
    return this.own.conditions.down;
  }

  /** What a packet sent now waits in queues. */
  get queueMs(): number {
    let sum = this.own.queueMs;
    for (const link of this.#shared) sum += link.queueMs;
    return sum;
  }

  /** How long `bytes` of payload keep the slowest part busy. */
  serializeMs(bytes: number): number {
    let most = this.own.serializeMs(bytes);
    for (const link of this.#shared) most = Math.max(most, link.serializeMs(bytes));
    return most;
  }

  /** Sends `bytes` of payload; `fate` is called when the last of them arrives, or would have. */
  send(bytes: number, fate: (fate: Fate) => void): void {
    if (this.#shared.length === 0) this.own.send(bytes, fate);
    else this.own.send(bytes, (first) => this.#forward(bytes, first, 0, fate));
  }

  /** What is left of the train goes on; the first hole of any part is the hole of the whole. */
  #forward(bytes: number, before: Fate, at: number, fate: (fate: Fate) => void): void {
    const next = this.#shared[at];
    const left = bytes - before.lostBytes;
    if (next === undefined || left === 0) return fate(before);
    next.send(left, ({ intactBytes, lostBytes }) => {
      const intact = before.lostBytes === 0 ? intactBytes : Math.min(before.intactBytes, intactBytes);
      this.#forward(bytes, { intactBytes: intact, lostBytes: before.lostBytes + lostBytes }, at + 1, fate);
    });
  }
}
