// What ought to hold in a section, as lines that say whether it did, from the figures of the run. Pure.
import { times } from '../report/table.ts';

/** One thing that ought to hold in every case where both figures are known. */
export type Yardstick = {
  readonly program: string;
  /** Key of the metric. */
  readonly metric: string;
  /** The program whose figure it is compared with; without one `most` or `least` are amounts. */
  readonly to?: string;
  /** Bounds, of which one is given. */
  readonly most?: number;
  readonly least?: number;
  /** The cases that it is about: all whose names it fits. Default: all. */
  readonly cases?: RegExp;
};

/** A figure of one program in one case; undefined where it is not known. */
export type FigureOf = (name: string, program: string, metric: string) => number | undefined;

/** One line per yardstick; `titleOf` names a metric as the table does. */
export function yardstickLines(
  yardsticks: readonly Yardstick[],
  cases: readonly string[],
  figureOf: FigureOf,
  titleOf: (metric: string) => string,
): string[] {
  return yardsticks.map(({ program, metric, to, most, least, cases: about }) => {
    const bound = most ?? least ?? 0;
    const side = most === undefined ? 'at least' : 'at most';
    const than = to === undefined ? `${bound}` : `${bound} × ${to}`;
    const promise = `${program}: ${titleOf(metric)} ${side} ${than}`;
    const found = cases.flatMap((name) => {
      if (about !== undefined && !about.test(name)) return [];
      const own = figureOf(name, program, metric);
      const other = to === undefined ? 1 : figureOf(name, to, metric);
      return own === undefined || other === undefined || other === 0 ? [] : [{ name, value: own / other }];
    });
    const worst = found.toSorted((a, b) => (most === undefined ? a.value - b.value : b.value - a.value))[0];
    if (worst === undefined) return `- Not measured: ${promise}.`;
    const misses = found.filter(({ value }) => (most === undefined ? value < bound : value > bound)).length;
    const verdict = misses === 0 ? 'Holds' : `Missed in ${misses} of ${found.length}`;
    const amount = worst.value < 1_000 ? worst.value.toPrecision(3) : worst.value.toFixed(0);
    const said = to === undefined ? amount : (times(worst.value) ?? '');
    return `- ${verdict}: ${promise} (worst ${said}, ${worst.name}).`;
  });
}
