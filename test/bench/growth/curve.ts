// The form of a curve: what something costs at several sizes, as a table, and for every figure that ought to stay flat a
// line that says whether it does, by its slope. Pure.
import { decimal, tableLines, times } from '../report/table.ts';
import type { Column } from '../report/table.ts';

/** One figure of each point. */
export type Figure = {
  readonly title: string;
  readonly digits: number;
  /** It ought to stay flat: it is judged. */
  readonly judged?: boolean;
  /** Why it grows, where it does: said beside the judgement. */
  readonly because?: string;
};

/** What was measured at one size; a figure that is not known is missing. */
export type Point = {
  readonly at: number;
  readonly values: readonly (number | undefined)[];
  /** Why there are no values. */
  readonly fault?: string;
};

/** One table. */
export type Curve = {
  readonly title: string;
  /** What grows, and how an amount of it is said. */
  readonly by: string;
  readonly text: (at: number) => string;
  /** What was done, and what to look at. */
  readonly reading: string;
  readonly figures: readonly Figure[];
  readonly points: readonly Point[];
};

/** What came of one judged figure: `growth` is the last value over the least before it. */
export type Judgement = {
  readonly title: string;
  readonly slope: number;
  readonly growth: number;
  readonly isFlat: boolean;
};

/** The last point of a flat figure is at most this many times the least before it, … */
const FLAT_GROWTH = 1.5;
/** … or a tenfold size costs at most an eighth more on the whole: then one point was measured in a busy moment. */
const FLAT_SLOPE = 0.05;

/** The curve as lines of Markdown. */
export function curveLines(curve: Curve): string[] {
  const { title, by, text, reading, figures, points } = curve;
  const columns: Column[] = [
    { title: by, align: 'right' },
    ...figures.map((figure): Column => ({ title: figure.title, align: 'right' })),
  ];
  const rows = points.map(({ at, values }) => [
    text(at),
    ...figures.map(({ digits }, index) => decimal(values[index], digits)),
  ]);
  const faults = points.flatMap(({ at, fault }) => (fault === undefined ? [] : [`- Failed at ${text(at)}: ${fault}`]));
  return [`## ${title}`, '', reading, '', ...tableLines(columns, rows), '', ...verdicts(curve), ...faults, ''];
}

/** How each judged figure grows. */
export function judgementsOf({ figures, points }: Curve): Judgement[] {
  return figures.flatMap(({ title, judged }, index) => {
    if (judged !== true) return [];
    const known = points.flatMap(({ at, values }) => {
      const value = values[index];
      return value === undefined || !(value > 0) ? [] : [{ at, value }];
    });
    const last = known.at(-1);
    if (last === undefined || known.length < 2) return [];
    const growth = last.value / Math.min(...known.slice(0, -1).map(({ value }) => value));
    const slope = slopeOf(known);
    return [{ title, slope, growth, isFlat: growth <= FLAT_GROWTH || slope <= FLAT_SLOPE }];
  });
}

function verdicts(curve: Curve): string[] {
  const judgements = judgementsOf(curve);
  if (judgements.length === 0) return ['Nothing to compare.'];
  return judgements.map(({ title, slope, growth, isFlat }) => {
    const measure = `slope ${slope.toFixed(2)}, ${times(growth)} at the end of the least before it`;
    if (isFlat) return `- Flat: ${title} (${measure}).`;
    const because = curve.figures.find((figure) => figure.title === title)?.because;
    return `- Not flat${because === undefined ? '' : ', explained'}: ${title} (${measure}).${because === undefined ? '' : ` ${because}`}`;
  });
}

/** The exponent that fits best: 0 is flat, 1 is proportional. Least squares over the logarithms. */
function slopeOf(known: readonly { readonly at: number; readonly value: number }[]): number {
  const logs = known.map(({ at, value }) => [Math.log(at), Math.log(value)] as const);
  const mean = (which: 0 | 1): number => logs.reduce((sum, pair) => sum + pair[which], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const spread = logs.reduce((sum, pair) => sum + (pair[0] - x) ** 2, 0);
  return spread === 0 ? 0 : logs.reduce((sum, pair) => sum + (pair[0] - x) * (pair[1] - y), 0) / spread;
}
