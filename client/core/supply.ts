// Whether what is missing can still be had, and at what least cost: a flow from the sources, each with what its quota
// leaves and a price, to the groups of segments that the same sources hold. Cheaper sources are used first, which makes
// the flow one of least cost. Pure; who is asked for what, and when, is decided elsewhere.
import type { Holdings } from './holdings.ts';

/** A source as the supply sees it. */
export type Supplier = {
  /** Undefined: everything. */
  readonly holds: Holdings | undefined;
  /** Bytes its quota leaves; infinite without one. */
  readonly leftBytes: number;
  /** Price of a byte, in the budget's currency. */
  readonly price: number;
};

/** Missing segments [first, end) that the same suppliers hold. */
export type Region = { readonly first: number; readonly end: number; readonly group: number };

/** All missing bytes that the same suppliers hold. */
export type Group = { readonly holders: readonly number[]; bytes: number };

/** Who can bring what of the missing segments. */
export type Demand = { readonly regions: readonly Region[]; readonly groups: readonly Group[] };

/** A flow from suppliers to groups. */
export type Flow = {
  /** Bytes that each supplier brings to each group. */
  readonly carried: readonly number[][];
  /** Bytes of each group that nobody can bring. */
  readonly unmet: number[];
};

/** Less than this is a rounding error, bytes. */
const LEAST_BYTES = 0.5;

/** Cuts [from, to) where somebody's holdings begin or end. `bytesIn`: missing bytes of a run of segments. */
export function demandOf(
  suppliers: readonly Supplier[],
  from: number,
  to: number,
  bytesIn: (first: number, end: number) => number,
): Demand {
  const cuts = new Set([from, to]);
  for (const { holds } of suppliers) {
    for (const { first, length } of holds?.ranges ?? []) for (const cut of [first, first + length]) cuts.add(cut);
  }
  const ordered = [...cuts].filter((cut) => cut >= from && cut <= to).sort((a, b) => a - b);
  const groups: Group[] = [];
  const numbers = new Map<string, number>();
  const regions: Region[] = [];
  for (const [at, first] of ordered.entries()) {
    const end = ordered[at + 1];
    if (end === undefined) break;
    const bytes = bytesIn(first, end);
    const holders = [...suppliers.keys()].filter((each) => suppliers[each]?.holds?.hasAll(first, end) ?? true);
    const name = holders.join();
    const group = numbers.get(name) ?? groups.length;
    if (group === groups.length) groups.push({ holders, bytes: 0 });
    numbers.set(name, group);
    (groups[group] as Group).bytes += bytes;
    if (bytes > 0) regions.push({ first, end, group });
  }
  return { regions, groups };
}

/** The group of a segment, or undefined when it is not missing. */
export function groupAt({ regions }: Demand, index: number): number | undefined {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((regions[middle] as Region).end <= index) low = middle + 1;
    else high = middle;
  }
  const region = regions[low];
  return region !== undefined && region.first <= index ? region.group : undefined;
}

/** The flow of least cost by the suppliers for which `takesPart` holds: as many bytes as they can bring. */
export function flowOf(
  suppliers: readonly Supplier[],
  { groups }: Demand,
  takesPart: (supplier: number) => boolean = () => true,
): Flow {
  const carried = suppliers.map(() => groups.map(() => 0));
  const unmet = groups.map(({ bytes }) => bytes);
  const byPrice = [...suppliers.keys()]
    .filter(takesPart)
    .sort((a, b) => (suppliers[a]?.price ?? 0) - (suppliers[b]?.price ?? 0) || a - b);
  for (const supplier of byPrice) {
    let left = suppliers[supplier]?.leftBytes ?? 0;
    const held = [...groups.keys()].filter((group) => groups[group]?.holders.includes(supplier));
    while (left > LEAST_BYTES) {
      const way = wayToUnmet(groups, { carried, unmet }, held);
      if (way === undefined) break;
      left -= push(supplier, left, way, carried, unmet);
    }
  }
  return { carried, unmet };
}

/** Currency that a flow costs. */
export function leastCost(suppliers: readonly Supplier[], { carried }: Flow): number {
  return carried.reduce(
    (sum, brings, at) => sum + (suppliers[at]?.price ?? 0) * brings.reduce((all, bytes) => all + bytes, 0),
    0,
  );
}

/** Whether a byte more for `group` would let one more be met somewhere, by others giving way to each other. */
export function isScarce({ groups }: Demand, flow: Flow, group: number): boolean {
  return wayToUnmet(groups, flow, [group]) !== undefined;
}

/** Groups from one that can be filled at once to one that is short; `givers[i]` changes from group i to group i + 1. */
type Way = { readonly groups: number[]; readonly givers: number[] };

/** The shortest way from one of `starts` to a group that is short. */
function wayToUnmet(groups: readonly Group[], { carried, unmet }: Flow, starts: readonly number[]): Way | undefined {
  const ways = starts.map((start): Way => ({ groups: [start], givers: [] }));
  const seen = new Set(starts);
  for (const way of ways) {
    const last = way.groups.at(-1) as number;
    if ((unmet[last] ?? 0) > LEAST_BYTES) return way;
    for (const [giver, given] of carried.entries()) {
      if ((given[last] ?? 0) <= LEAST_BYTES) continue;
      for (const [next, { holders }] of groups.entries()) {
        if (seen.has(next) || !holders.includes(giver)) continue;
        seen.add(next);
        ways.push({ groups: [...way.groups, next], givers: [...way.givers, giver] });
      }
    }
  }
  return undefined;
}

/** Brings as much as goes along `way`; the bytes. */
function push(supplier: number, left: number, { groups, givers }: Way, carried: number[][], unmet: number[]): number {
  const last = groups.at(-1) as number;
  let bytes = Math.min(left, unmet[last] ?? 0);
  for (const [at, giver] of givers.entries()) bytes = Math.min(bytes, carried[giver]?.[groups[at] as number] ?? 0);
  let bringer = supplier;
  for (const [at, group] of groups.entries()) {
    const brings = carried[bringer] as number[];
    brings[group] = (brings[group] ?? 0) + bytes;
    const giver = givers[at];
    if (giver === undefined) break;
    const gives = carried[giver] as number[];
    gives[group] = (gives[group] ?? 0) - bytes;
    bringer = giver;
  }
  unmet[last] = (unmet[last] ?? 0) - bytes;
  return bytes;
}
