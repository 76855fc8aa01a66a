// The data prioritizer: the order in which segments are wanted. What was raised comes first, the newest raise before older
// ones, each range from its first segment to its last; then everything else from first to last. Shares, patterns and who
// brings what change all the time; this order only when somebody raises something.
import type { Range } from '../../protocol/ranges.ts';
import { Holdings } from './holdings.ts';

/** Ranges raised at one time; the oldest are forgotten beyond that. */
const MOST_RAISED_RANGES = 256;

/** What is wanted before all else. */
export class Prioritizer {
  #raised: { first: number; readonly end: number }[] = [];
  /** The same as a set, to look segments up in. */
  #all: Holdings = new Holdings([]);

  /** True while nothing is raised: the order is first to last. */
  get isPlain(): boolean {
    return this.#raised.length === 0;
  }

  /** `ranges` are wanted before everything else, in their order. */
  raise(ranges: readonly Range[]): void {
    if (ranges.length === 0) return;
    const newer = ranges
      .filter(({ length }) => length > 0)
      .map(({ first, length }) => ({ first, end: first + length }));
    this.#raised = [...newer, ...this.#raised].slice(0, MOST_RAISED_RANGES);
    this.#renew();
  }

  /** Nothing outside [from, to) is wanted. */
  bound(from: number, to: number): void {
    this.#raised = this.#raised.map(({ first, end }) => ({ first: Math.max(first, from), end: Math.min(end, to) }));
    this.#raised = this.#raised.filter(({ first, end }) => first < end);
    this.#renew();
  }

  isRaised(index: number): boolean {
    return this.#raised.length > 0 && this.#all.has(index);
  }

  /** The raised segment for which `isOpen` holds, behind `skipped` others that are open as well. */
  next(skipped: number, isOpen: (index: number) => boolean): number | undefined {
    let left = skipped;
    for (const { first, end } of this.#raised) {
      for (let index = first; index < end; index += 1) {
        if (!isOpen(index)) continue;
        if (left === 0) return index;
        left -= 1;
      }
    }
    return undefined;
  }

  /** Forgets what is not missing any more at the beginning of each range. */
  prune(isMissing: (index: number) => boolean): void {
    if (this.#raised.length === 0) return;
    for (const range of this.#raised) while (range.first < range.end && !isMissing(range.first)) range.first += 1;
    if (this.#raised.every(({ first, end }) => first < end)) return;
    this.#raised = this.#raised.filter(({ first, end }) => first < end);
    this.#renew();
  }

  #renew(): void {
    this.#all = new Holdings(this.#raised.map(({ first, end }) => ({ first, length: end - first })));
  }
}

/** The ranges that hold the first and the last `count` of the segments [from, to). */
export function endsOf(from: number, to: number, count: number): Range[] {
  if (2 * count >= to - from) return [{ first: from, length: to - from }];
  return [
    { first: from, length: count },
    { first: to - count, length: count },
  ];
}
