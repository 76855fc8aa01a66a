// Proportional allocator and sub-interval smoothing: integer shares that sum exactly (largest remainder), spread evenly
// inside a cycle (never AAAABB), so that the in-order stream is not bursty.

/**
 * Splits `total` in proportion to `weights` by largest remainder: the parts sum to `total`, each is within one of its
 * exact share, and equal weights never differ by more than one. All weights 0 are taken as equal.
 */
export function allocate(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const exact = weights.map((weight) => (sum > 0 ? (total * weight) / sum : total / weights.length));
  const parts = exact.map(Math.floor);
  let left = total - parts.reduce((a, b) => a + b, 0);
  const byRemainder = exact
    .map((share, at) => ({ at, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder || (weights[b.at] ?? 0) - (weights[a.at] ?? 0) || a.at - b.at);
  for (const { at } of byRemainder) {
    if (left <= 0) break;
    parts[at] = (parts[at] ?? 0) + 1;
    left -= 1;
  }
  return parts;
}

/**
 * `counts[i]` times the element `elements[i]`, spread evenly: smooth weighted round robin (as nginx balances upstreams).
 * The gap between two equal elements differs by at most a few positions from length / count.
 */
export function interleave(elements: readonly number[], counts: readonly number[]): Uint16Array {
  const total = counts.reduce((a, b) => a + b, 0);
  const current = counts.map(() => 0);
  const spread = new Uint16Array(total);
  for (let position = 0; position < total; position += 1) {
    let best = 0;
    for (let at = 0; at < counts.length; at += 1) {
      current[at] = (current[at] ?? 0) + (counts[at] ?? 0);
      if ((current[at] ?? 0) > (current[best] ?? 0)) best = at;
    }
    current[best] = (current[best] ?? 0) - total;
    spread[position] = elements[best] ?? 0;
  }
  return spread;
}
