// The way of one connection's control bytes from the client to the source: in order, delayed, never throttled. A message
// that the line loses is sent again after a round trip; into a black hole, at time-outs that double.
import type { Agenda } from '../agenda.ts';
import type { Random } from '../random.ts';
import type { Line } from './line.ts';

const LEAST_TIMEOUT_MS = 200;
const MOST_TIMEOUT_MS = 60_000;

type Message = { readonly sequence: number; readonly arrive: () => void };

/** One direction of one connection. */
export class Uplink {
  readonly #agenda: Agenda;
  readonly #random: Random;
  readonly #line: Line;
  readonly #early = new Map<number, Message>();
  #next = 0;
  #awaited = 0;
  #closed = false;

  constructor(agenda: Agenda, random: Random, line: Line) {
    this.#agenda = agenda;
    this.#random = random;
    this.#line = line;
  }

  /** Calls `arrive` when the message is at the source, behind all sent before. */
  send(arrive: () => void): void {
    this.#attempt({ sequence: this.#next, arrive }, LEAST_TIMEOUT_MS);
    this.#next += 1;
  }

  close(): void {
    this.#closed = true;
  }

  #attempt(message: Message, timeoutMs: number): void {
    if (this.#closed) return;
    const { delayMs, jitterMs, loss, isDown } = this.#line;
    const again = (): void => this.#attempt(message, Math.min(MOST_TIMEOUT_MS, 2 * timeoutMs));
    if (isDown) {
      this.#agenda.after(Math.max(timeoutMs, 2 * delayMs), again);
      return;
    }
    const lostMs = this.#random.chance(loss) ? Math.max(10, 2 * delayMs) : 0;
    const late = jitterMs > 0 ? this.#random.between(0, jitterMs) : 0;
    this.#agenda.after(lostMs + delayMs + late, () => {
      if (this.#line.isDown) this.#agenda.after(timeoutMs, again);
      else this.#arrived(message);
    });
  }

  #arrived(message: Message): void {
    this.#early.set(message.sequence, message);
    for (let next = this.#early.get(this.#awaited); next !== undefined; next = this.#early.get(this.#awaited)) {
      this.#early.delete(this.#awaited);
      this.#awaited += 1;
      if (!this.#closed) next.arrive();
    }
  }
}
