// Half-open runs of segment indexes, as SEND, CANCEL and HELLO carry them. Pure; no knowledge of channels.
import { HeddleError } from './errors.ts';
import { LIMITS, MAX_SEGMENTS } from './limits.ts';

/** `length` segments starting at `first`. */
export type Range = { readonly first: number; readonly length: number };

/** True when some range holds `index`. */
export function rangesHave(ranges: readonly Range[], index: number): boolean {
  for (const range of ranges) if (index >= range.first && index < range.first + range.length) return true;
  return false;
}

/** The same indexes in ascending, disjoint ranges: what `mergedHave` looks into. */
export function merged(ranges: readonly Range[]): Range[] {
  const all: { first: number; length: number }[] = [];
  for (const { first, length } of [...ranges].sort((a, b) => a.first - b.first)) {
    const last = all.at(-1);
    if (last === undefined || first > last.first + last.length) all.push({ first, length });
    else last.length = Math.max(last.length, first + length - last.first);
  }
  return all;
}

/** True when one of `ranges`, which are merged, holds `index`; however many they are, a few steps. */
export function mergedHave(ranges: readonly Range[], index: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle];
    if (range === undefined || index < range.first) high = middle;
    else if (index < range.first + range.length) return true;
    else low = middle + 1;
  }
  return false;
}

/** Adjacent and ascending indexes joined into ranges; the order given is kept. */
export function rangesOf(indexes: Iterable<number>): Range[] {
  const ranges: { first: number; length: number }[] = [];
  for (const index of indexes) {
    const last = ranges.at(-1);
    if (last !== undefined && last.first + last.length === index) last.length += 1;
    else ranges.push({ first: index, length: 1 });
  }
  return ranges;
}

/** Segments in all ranges together, each counted as often as it is named. */
export function countOf(ranges: readonly Range[]): number {
  let total = 0;
  for (const range of ranges) total += range.length;
  return total;
}

/** The indexes in the order of the ranges. */
export function* indexesOf(ranges: readonly Range[]): Generator<number> {
  for (const range of ranges) for (let index = range.first; index < range.first + range.length; index += 1) yield index;
}

/** Throws `bad-frame` or `frame-too-large` when a bound of the wire is broken; `side` says whose ranges they are. */
export function checkRanges(ranges: readonly Range[], side: 'local' | 'remote' = 'local'): readonly Range[] {
  if (ranges.length > LIMITS.maxRanges) {
    throw new HeddleError('frame-too-large', `more than ${LIMITS.maxRanges} ranges`, { side });
  }
  for (const { first, length } of ranges) {
    if (first >= 0 && length >= 1 && first + length <= MAX_SEGMENTS) continue;
    throw new HeddleError('bad-frame', `${length} segments from ${first} on are not a range`, { side });
  }
  return ranges;
}
