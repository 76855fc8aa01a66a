// Figures as lines of text: one number per line, what was promised beside it, and whether it is kept.

/** What a figure has to be. */
export type Promised = { readonly side: 'at least' | 'at most'; readonly value: number };

/** One figure. Fractions are shown as they are, everything else with its unit. */
export type FigureLine = {
  readonly name: string;
  readonly value: number;
  readonly unit?: string;
  readonly promised?: Promised;
  /** What to look at: seeds, the name of a story. */
  readonly where?: string;
};

const NAME_WIDTH = 46;

export function atLeast(value: number): Promised {
  return { side: 'at least', value };
}

export function atMost(value: number): Promised {
  return { side: 'at most', value };
}

/** Undefined where nothing was promised. */
export function isKept({ value, promised }: FigureLine): boolean | undefined {
  if (promised === undefined) return undefined;
  return promised.side === 'at least' ? value >= promised.value : value <= promised.value;
}

/** `name  value unit  promise  kept|MISSED  where` */
export function figureLine(line: FigureLine): string {
  const { name, value, unit = '', promised, where = '' } = line;
  const shown = Number.isInteger(value) ? value.toString() : value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 3);
  const promise = promised === undefined ? '' : `${promised.side} ${promised.value}`;
  const kept = isKept(line);
  const verdict = kept === undefined ? '' : kept ? 'kept' : 'MISSED';
  const columns = [
    name.padEnd(NAME_WIDTH),
    shown.padStart(8),
    unit.padEnd(5),
    promise.padEnd(15),
    verdict.padEnd(7),
    where,
  ];
  return columns.join(' ').trimEnd();
}

/** The value below which `fraction` of the sorted `values` lie. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? 0;
}
