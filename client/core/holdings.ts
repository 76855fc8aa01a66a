// What one source holds: the ranges that its HELLO named, less what it refused since. Sorted and disjoint, so that every
// question is a binary search. Knows nothing of what is wanted.
import type { Range } from '../../protocol/ranges.ts';

/** The segments that a source can send. */
export class Holdings {
  /** Firsts and exclusive ends of the runs, ascending, no two of them touching. */
  readonly #firsts: number[] = [];
  readonly #ends: number[] = [];

  constructor(ranges: readonly Range[]) {
    for (const { first, length } of ranges.toSorted((a, b) => a.first - b.first)) {
      const last = this.#ends.length - 1;
      if (length <= 0) continue;
      if (first > (this.#ends[last] ?? -1)) {
        this.#firsts.push(first);
        this.#ends.push(first + length);
      } else this.#ends[last] = Math.max(this.#ends[last] ?? 0, first + length);
    }
  }

  get ranges(): Range[] {
    return this.#firsts.map((first, at) => ({ first, length: (this.#ends[at] ?? first) - first }));
  }

  has(index: number): boolean {
    return index < (this.#ends[this.#runAt(index)] ?? 0);
  }

  /** True when all of [first, end) is held. */
  hasAll(first: number, end: number): boolean {
    return first >= end || end <= (this.#ends[this.#runAt(first)] ?? 0);
  }

  /** The first held segment at or above `index`. */
  next(index: number): number | undefined {
    return this.has(index) ? index : this.#firsts[this.#runAt(index) + 1];
  }

  /** The source refused `index`: it does not hold it after all. */
  miss(index: number): void {
    const at = this.#runAt(index);
    const first = this.#firsts[at] ?? 0;
    const end = this.#ends[at] ?? 0;
    if (index >= end) return;
    const left = index > first ? [[first, index] as const] : [];
    const right = index + 1 < end ? [[index + 1, end] as const] : [];
    const parts = [...left, ...right];
    this.#firsts.splice(at, 1, ...parts.map(([begin]) => begin));
    this.#ends.splice(at, 1, ...parts.map(([, stop]) => stop));
  }

  /** The last run that begins at or below `index`; −1 when there is none. */
  #runAt(index: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#firsts[middle] ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
