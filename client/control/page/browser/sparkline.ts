// A row of latest values of bounded length, and the path of an SVG that shows it. Gaps (a route without a value) stay gaps.

/** Values that a sparkline shows at most: one every half second makes a minute. */
export const SPARK_VALUES = 120;

/** How far a peak may rise above the median before it is cut. */
const MOST_PEAK = 3;

/** The latest values, oldest first; memory does not grow. */
export class LatestValues {
  readonly #values: number[] = [];

  push(value: number | undefined): void {
    this.#values.push(value ?? Number.NaN);
    if (this.#values.length > SPARK_VALUES) this.#values.shift();
  }

  get values(): readonly number[] {
    return this.#values;
  }

  /** The highest, but of a lone peak no more than MOST_PEAK times what is usual: the rest would lie flat below it. */
  get top(): number {
    const sorted = this.#values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
    return Math.min(sorted.at(-1) ?? 0, MOST_PEAK * (sorted[Math.floor(sorted.length / 2)] ?? 0));
  }
}

/**
 * The `d` of two paths in a box of `width` × `height`: the line, and the area under it. `top` is the value at the upper edge.
 * The newest value stands at the right.
 */
export function sparkPaths(
  values: readonly number[],
  width: number,
  height: number,
  top: number,
): { readonly line: string; readonly under: string } {
  const step = width / (SPARK_VALUES - 1);
  const left = width - step * (values.length - 1);
  const lines: string[][] = [];
  for (const [place, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    if (place === 0 || Number.isNaN(values[place - 1])) lines.push([]);
    const y = height - height * Math.min(1, value / Math.max(top, Number.MIN_VALUE));
    lines.at(-1)?.push(`${(left + step * place).toFixed(1)} ${y.toFixed(1)}`);
  }
  const line = lines.map((points) => `M${points.join('L')}`).join('');
  const under = lines.map(
    (points) => `M${xOf(points[0])} ${height}L${points.join('L')}L${xOf(points.at(-1))} ${height}Z`,
  );
  return { line, under: under.join('') };
}

function xOf(point = ''): string {
  return point.slice(0, point.indexOf(' '));
}
