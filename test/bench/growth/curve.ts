// The form of a curve: what something costs at several sizes, as a table, and whether the cost stays flat. Pure.
import { decimal, tableLines, times } from '../report/table.ts';
import type { Column } from '../report/table.ts';

/** One figure of each point. */
export type Figure = { readonly title: string; readonly digits: number };

/** What was measured at one size; a figure that is not known is missing. */
export type Point = { readonly at: string; readonly values: readonly (number | undefined)[] };

/** One table. The first figure is the cost that is expected to stay flat. */
export type Curve = {
  readonly title: string;
  /** What grows. */
  readonly by: string;
  /** What to look at, and why what is not flat is not. */
  readonly reading: string;
  readonly figures: readonly Figure[];
  readonly points: readonly Point[];
};

/** The last point of a flat curve costs at most this many times the cheapest before it. */
const FLAT = 1.5;

/** The curve as lines of Markdown. */
export function curveLines({ title, by, reading, figures, points }: Curve): string[] {
  const columns: Column[] = [
    { title: by, align: 'right' },
    ...figures.map((figure): Column => ({ title: figure.title, align: 'right' })),
  ];
  const rows = points.map(({ at, values }) => [
    at,
    ...figures.map(({ digits }, index) => decimal(values[index], digits)),
  ]);
  return [`## ${title}`, '', reading, '', ...tableLines(columns, rows), '', verdict(figures[0], points), ''];
}

function verdict(cost: Figure | undefined, points: readonly Point[]): string {
  const costs = points.map(({ values }) => values[0]);
  const last = costs.at(-1);
  const earlier = costs.slice(0, -1).filter((value) => value !== undefined);
  if (cost === undefined || last === undefined || earlier.length === 0) return 'Nothing to compare.';
  const growth = last / Math.min(...earlier);
  return `${growth <= FLAT ? 'Flat' : 'Not flat'}: ${cost.title} at the end is ${times(growth)} the least before it.`;
}
