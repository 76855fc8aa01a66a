// Patterns as rows of beads: who sends which position of the cycle, newest first, a bounded number of them. Also who owes a
// segment by the newest one. Values only.
import type { PatternPicture, PatternRun } from '../../messages.ts';

/** A bead that nobody has yet. */
export const NOBODY = -1;
/** Beads of a row, and rows that are kept. */
const MOST_BEADS = 128;
const MOST_ROWS = 36;

/** One pattern: `beads` hold the places of routes, or NOBODY. */
export type PatternRow = {
  readonly epoch: number;
  /** Where there is no cycle (the end is dealt segment by segment) the lead is shown. */
  readonly part: 'cycle' | 'lead';
  readonly beads: readonly number[];
};

/** The row of one pattern; `places` are those of the routes' names. */
export function patternRow(pattern: PatternPicture, places: ReadonlyMap<string, number>): PatternRow {
  const part = pattern.cycle.length > 0 ? 'cycle' : 'lead';
  return { epoch: pattern.epoch, part, beads: beadsOf(pattern[part], places, MOST_BEADS) };
}

/** `row` before the others; of the same epoch only the newest stays. */
export function withRow(rows: readonly PatternRow[], row: PatternRow): PatternRow[] {
  return [row, ...rows.filter(({ epoch }) => epoch < row.epoch)].slice(0, MOST_ROWS);
}

/** How many beads each route has, in the order of the places. */
export function beadCounts({ beads }: PatternRow): { readonly route: number; readonly count: number }[] {
  const counts = new Map<number, number>();
  for (const bead of beads) counts.set(bead, (counts.get(bead) ?? 0) + 1);
  return [...counts].map(([route, count]) => ({ route, count })).sort((a, b) => a.route - b.route);
}

/** Who owes each of `count` segments from `first` on by this pattern: places of routes, or NOBODY. */
export function owners(
  pattern: PatternPicture | null,
  places: ReadonlyMap<string, number>,
  first: number,
  count: number,
): Int16Array {
  const owed = new Int16Array(count).fill(NOBODY);
  if (pattern === null) return owed;
  const lead = beadsOf(pattern.lead, places, pattern.leadLength);
  const cycle = beadsOf(pattern.cycle, places, Number.POSITIVE_INFINITY);
  const { from, to, leadLength } = pattern;
  for (let at = 0; at < count; at += 1) {
    const position = first + at - from;
    if (position < 0 || (to !== null && first + at >= to)) continue;
    if (position < leadLength) owed[at] = lead[position] ?? NOBODY;
    else if (cycle.length > 0) owed[at] = cycle[(position - leadLength) % cycle.length] ?? NOBODY;
  }
  return owed;
}

/** The longest cycle or lead that is unrolled, whatever is told. */
const MOST_UNROLLED = 65_536;

function beadsOf(runs: readonly PatternRun[], places: ReadonlyMap<string, number>, most: number): number[] {
  const beads: number[] = [];
  const limit = Math.min(most, MOST_UNROLLED);
  for (const [route, length] of runs) {
    const place = route === null ? NOBODY : (places.get(route) ?? NOBODY);
    for (let at = 0; at < length && beads.length < limit; at += 1) beads.push(place);
  }
  return beads;
}
