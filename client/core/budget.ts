// How a cost budget is spent: what the missing bytes cost at least is set aside; what is left over buys speed, and the
// cheapest routes first, for a byte moved to any of them shortens the transfer alike. Pure arithmetic.

/** Routes of one price together. */
export type PriceClass = {
  /** Currency per byte. */
  readonly price: number;
  /** Bytes per ms. */
  readonly rate: number;
};

/**
 * What each class may spend beyond the least cost, in the order of `classes` (ascending prices). `leftBytes` are missing,
 * `leastCost` is their least cost, `budget` what may be spent on them. Infinite: the class may be used as it likes.
 */
export function spendingOf(
  classes: readonly PriceClass[],
  leftBytes: number,
  leastCost: number,
  budget: number,
): number[] {
  const slack = budget - leastCost;
  const base = leftBytes > 0 ? leastCost / leftBytes : 0;
  const spending = classes.map(() => 0);
  let rate = 0;
  let costRate = 0;
  for (const [at, each] of classes.entries()) {
    const extra = Math.max(0, each.price - base);
    const before = rate > 0 ? (costRate * leftBytes) / rate : 0;
    rate += each.rate;
    costRate += each.rate * extra;
    const fits = rate === 0 || (costRate * leftBytes) / rate <= slack;
    spending[at] = fits ? Number.POSITIVE_INFINITY : Math.max(0, slack - before);
    if (!fits) break;
  }
  return spending;
}
