// The virtual clock: actions ordered by time, then by the order in which they were planned. Nothing else in a simulation
// knows time. A run that needs more steps or more virtual time than allowed is a hang and ends with a message.

/** A planned action; `cancel` forgets it. */
export class Entry {
  readonly at: number;
  readonly sequence: number;
  action: (() => void) | undefined;

  constructor(at: number, sequence: number, action: () => void) {
    this.at = at;
    this.sequence = sequence;
    this.action = action;
  }

  cancel(): void {
    this.action = undefined;
  }
}

export type AgendaLimits = {
  readonly steps: number;
  readonly ms: number;
};

/** Thrown when a run does not come to its end. */
export class HangError extends Error {
  override readonly name = 'HangError';
}

/** What is to happen, in order. Times in ms. */
export class Agenda {
  readonly #limits: AgendaLimits;
  readonly #heap: Entry[] = [];
  #now = 0;
  #sequence = 0;
  #steps = 0;

  constructor(limits: AgendaLimits) {
    this.#limits = limits;
  }

  get now(): number {
    return this.#now;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Plans `action` for `at` (at once when that is past). */
  at(at: number, action: () => void): Entry {
    const entry = new Entry(Math.max(at, this.#now), this.#sequence, action);
    this.#sequence += 1;
    this.#push(entry);
    return entry;
  }

  after(ms: number, action: () => void): Entry {
    return this.at(this.#now + ms, action);
  }

  /** Acts until `isDone`. `describe` tells the state of things in the message of a hang. */
  run(isDone: () => boolean, describe: () => string): void {
    while (!isDone()) {
      const entry = this.#pop();
      if (entry === undefined) throw new HangError(`nothing is left to happen at ${this.#said()}: ${describe()}`);
      if (entry.action === undefined) continue;
      if (entry.at > this.#limits.ms) {
        throw new HangError(`not done after ${this.#limits.ms / 1_000} virtual s: ${describe()}`);
      }
      this.#steps += 1;
      if (this.#steps > this.#limits.steps) {
        throw new HangError(`not done after ${this.#limits.steps} steps, at ${this.#said()}: ${describe()}`);
      }
      this.#now = entry.at;
      entry.action();
    }
  }

  #said(): string {
    return `${(this.#now / 1_000).toFixed(3)} s`;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!isBefore(entry, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      const right = heap[below + 1];
      const isRight = right !== undefined && isBefore(right, heap[below] as Entry);
      const child = heap[isRight ? below + 1 : below] as Entry;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = isRight ? below + 1 : below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
