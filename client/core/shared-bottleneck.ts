// Which routes share a bottleneck: learnt from what happens anyway. A route that joins or leaves while the others go on
// steadily should change the sum by what it carries; if it carries much and the sum stays as it was, it took it from, or
// left it to, others behind the same narrow line. Pure; nothing is tried for the sake of finding out.
// Invariant: sharing is mutual; one observation is an accident, and one to the contrary ends it.

/** Bytes that a route brought, all told. */
export type Brought = readonly number[];

/** ms of one slot. */
const SLOT_MS = 250;
/** Slots that are compared on either side of a change, and those between, in which routes find their pace. */
const STEADY_SLOTS = 4;
const TURNING_SLOTS = 3;
const SLOTS = 2 * STEADY_SLOTS + TURNING_SLOTS;
/** A sum counts as steady when its slots differ by no more than this from their mean. */
const STEADY = 0.15;
/** Part of the sum that a route must carry for its coming or going to tell anything. */
const LEAST_PART = 0.15;
/** The sum gained less than this: nothing was added to it. */
const LEAST_GAIN = 0.05;
/** The sum changed by more than this part of what the route carries: it has a line of its own. */
const OWN_PART = 0.5;
/** Others share with it that gave or got at least this part of what it carries. */
const TAKEN_PART = 0.25;
/** Observations after which it is believed. */
const BELIEVED = 2;

/** Watches one transfer. */
export class SharedBottleneck {
  readonly #slots: number[][] = [];
  #last: Brought | undefined;
  #slotAt: number | undefined;
  /** Slots until the same change is not seen a second time. */
  #deaf = 0;
  /** Observations by pair, `lower,higher`. */
  readonly #seen = new Map<string, number>();

  /** The routes that share a bottleneck with `route`, as far as known. */
  sharedWith(route: number): number[] {
    const pairs = [...this.#seen].filter(([, times]) => times >= BELIEVED).map(([pair]) => pair.split(',').map(Number));
    return pairs.filter((pair) => pair.includes(route)).map(([a = 0, b = 0]) => (a === route ? b : a));
  }

  /** Call it often; `brought` by route number. True when something may have been learnt. */
  tick(brought: Brought, now: number): boolean {
    this.#slotAt ??= now;
    this.#last ??= [...brought];
    const elapsed = now - this.#slotAt;
    if (elapsed < SLOT_MS) return false;
    const before = this.#last;
    this.#slots.push(brought.map((bytes, route) => (bytes - (before[route] ?? 0)) / elapsed));
    if (this.#slots.length > SLOTS) this.#slots.shift();
    this.#last = [...brought];
    this.#slotAt = now;
    this.#deaf = Math.max(0, this.#deaf - 1);
    const isDue = this.#slots.length === SLOTS && this.#deaf === 0;
    if (isDue) this.#compare();
    return isDue;
  }

  #compare(): void {
    const before = this.#slots.slice(0, STEADY_SLOTS);
    const after = this.#slots.slice(-STEADY_SLOTS);
    const changed = this.#changed(before, after);
    if (changed === undefined || !isSteady(before) || !isSteady(after)) return;
    const [then, now] = [meanOf(before), meanOf(after)];
    const carried = Math.max(then[changed] ?? 0, now[changed] ?? 0);
    const [sumThen, sumNow] = [sumOf(then), sumOf(now)];
    if (carried < LEAST_PART * Math.max(sumThen, sumNow)) return;
    this.#deaf = SLOTS;
    // what the sum has with the route beyond what it has without
    const gain = (now[changed] ?? 0) > 0 ? sumNow - sumThen : sumThen - sumNow;
    const without = Math.min(sumThen, sumNow);
    for (const other of then.keys()) {
      if (other === changed) continue;
      const moved = Math.abs((now[other] ?? 0) - (then[other] ?? 0));
      if (gain < LEAST_GAIN * without && moved > TAKEN_PART * carried) this.#count(changed, other);
      else if (gain > OWN_PART * carried) this.#seen.delete(pairOf(changed, other));
    }
  }

  /** The one route that brought something only before or only after; undefined when there is none, or more than one. */
  #changed(before: readonly number[][], after: readonly number[][]): number | undefined {
    let found: number | undefined;
    for (let route = 0; route < (before[0]?.length ?? 0); route += 1) {
      const [then, now] = [before, after].map((slots) => slots.filter((slot) => (slot[route] ?? 0) > 0).length);
      if (then === now && (then === 0 || then === STEADY_SLOTS)) continue;
      const isClear = (then === 0 && now === STEADY_SLOTS) || (then === STEADY_SLOTS && now === 0);
      if (!isClear || found !== undefined) return undefined;
      found = route;
    }
    return found;
  }

  #count(a: number, b: number): void {
    this.#seen.set(pairOf(a, b), (this.#seen.get(pairOf(a, b)) ?? 0) + 1);
  }
}

function pairOf(a: number, b: number): string {
  return `${Math.min(a, b)},${Math.max(a, b)}`;
}

function meanOf(slots: readonly (readonly number[])[]): number[] {
  return (slots[0] ?? []).map((_, route) => sumOf(slots.map((slot) => slot[route] ?? 0)) / slots.length);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

function isSteady(slots: readonly (readonly number[])[]): boolean {
  const sums = slots.map(sumOf);
  const mean = sumOf(sums) / sums.length;
  return mean > 0 && sums.every((sum) => Math.abs(sum - mean) <= STEADY * mean);
}
