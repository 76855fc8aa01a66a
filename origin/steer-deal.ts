// How a steering origin deals: the next open segments, in their order, go to whichever channel will have drained what it
// was dealt first. Pure; which segments are open and what channels drain is steer.ts's knowledge.
import { NOBODY } from '../protocol/pattern.ts';

/** A channel that takes part. */
export type Drain = {
  readonly channel: number;
  /** Bytes per ms that its connection takes. */
  readonly rate: number;
};

/** What is known of a segment: open for dealing, or fixed with the element it has. */
export type Position = { readonly owner: number; readonly isOpen: boolean };

/** Every channel is dealt at least one segment in so many: one that is dealt nothing could never show that it drains. */
const LEAST_SHARE = 1 / 16;

/** The elements for `positions`, in their order. */
export function dealByDrain(positions: readonly Position[], drains: readonly Drain[]): Uint16Array {
  const total = drains.reduce((sum, { rate }) => sum + rate, 0);
  const least = Math.max(Number.MIN_VALUE, (total > 0 ? total : 1) * LEAST_SHARE);
  const takers = drains.map(({ channel, rate }) => ({ channel, cost: 1 / Math.max(rate, least), dueAt: 0 }));
  for (const taker of takers) taker.dueAt = taker.cost;
  return Uint16Array.from(positions, ({ owner, isOpen }) => {
    if (!isOpen) return owner;
    let first = takers[0];
    for (const taker of takers) if (first !== undefined && taker.dueAt < first.dueAt) first = taker;
    if (first === undefined) return NOBODY;
    first.dueAt += first.cost;
    return first.channel;
  });
}

/** Part of the open positions that `elements` gives to another channel than `positions` do, counted by channel. */
export function movedPart(positions: readonly Position[], elements: Uint16Array): number {
  const counts = new Map<number, number>();
  let open = 0;
  for (const [at, { owner, isOpen }] of positions.entries()) {
    if (!isOpen) continue;
    open += 1;
    const to = elements[at] ?? NOBODY;
    counts.set(owner, (counts.get(owner) ?? 0) - 1);
    counts.set(to, (counts.get(to) ?? 0) + 1);
  }
  let moved = 0;
  for (const count of counts.values()) moved += Math.abs(count) / 2;
  return open === 0 ? 0 : moved / open;
}
