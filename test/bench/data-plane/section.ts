// The form of results: a section is a table of cases and programs, each with samples of the same metrics; programs of a
// case are compared with that section's baseline. Pure but for measuring.
import { ForeignLoad } from '../machine/foreign-load.ts';
import { descendantsOf } from '../machine/usage.ts';
import { known, median, ratio } from '../report/statistics.ts';
import { decimal, tableLines, times } from '../report/table.ts';
import { isBusy, trustedOrAll } from '../report/trust.ts';
import type { Cell, Column } from '../report/table.ts';
import { yardstickLines } from './yardstick.ts';
import type { Yardstick } from './yardstick.ts';

/** One figure of a section. */
export type Metric = {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  /** Show how many times the baseline's it is. */
  readonly compare?: boolean;
};

/** Values by metric; what could not be known is missing. */
export type Sample = Readonly<Record<string, number | undefined>>;

/** One program in one case. */
export type Row = {
  readonly case: string;
  readonly program: string;
  readonly samples: readonly Sample[];
  /** Why there are no samples. */
  readonly absent?: string;
};

/** One table. */
export type Section = {
  readonly title: string;
  /** How it was measured, what to look at: a line or two for the reader. */
  readonly reading: string;
  /** What limits the figures, as far as profiles have shown. */
  readonly limits?: string;
  /** What ought to hold: lines below the table say whether it did. */
  readonly yardsticks?: readonly Yardstick[];
  readonly metrics: readonly Metric[];
  /** The program that others are compared with. */
  readonly baseline: string | undefined;
  readonly rows: readonly Row[];
};

/** Characters of a reason that fit into a table; the JSON file has all. */
const MOST_REASON = 48;

/** Key of a sample that says how many cores others kept busy during it. */
export const FOREIGN_CORES = 'foreignCores';

/** Something that can be measured again and again. */
export type Measurable = {
  readonly case: string;
  readonly program: string;
  readonly absent?: string | undefined;
  readonly measure: () => Promise<Sample>;
};

/** Measures everything `repetitions` times, taking turns, so that a busy minute meets all alike. */
export async function takeTurns(
  measurables: readonly Measurable[],
  repetitions: number,
  progress: (line: string) => void,
): Promise<Row[]> {
  const samples = measurables.map((): Sample[] => []);
  const faults = new Map<number, string>();
  for (let turn = 0; turn < repetitions; turn += 1) {
    for (const [index, { absent, measure, case: name, program }] of measurables.entries()) {
      if (absent !== undefined) continue;
      progress(`${name}, ${program}`);
      try {
        using load = new ForeignLoad(ownProcesses);
        const sample = await measure();
        samples[index]?.push({ ...sample, [FOREIGN_CORES]: load.cores() });
      } catch (error) {
        faults.set(index, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return measurables.map(({ case: name, program, absent }, index) => {
    const reason = absent ?? (samples[index]?.length === 0 ? faults.get(index) : undefined);
    return { case: name, program, samples: samples[index] ?? [], ...(reason === undefined ? {} : { absent: reason }) };
  });
}

/** The section as lines of Markdown: medians, and ratios to the baseline of the same case. */
export function sectionLines(section: Section): string[] {
  const { metrics, baseline, rows } = section;
  const columns: Column[] = [
    { title: 'case', align: 'left' },
    { title: 'program', align: 'left' },
    ...metrics.flatMap(({ title, compare }): Column[] => [
      { title, align: 'right' },
      ...(compare === true && baseline !== undefined ? [{ title: `÷ ${baseline}`, align: 'right' as const }] : []),
    ]),
    { title: 'others', align: 'right' },
  ];
  const cells = rows.map((row): Cell[] => {
    if (row.absent !== undefined) return [row.case, `${row.program}: ${row.absent.slice(0, MOST_REASON)}`];
    const base = rows.find((other) => other.case === row.case && other.program === baseline);
    return [
      row.case,
      row.program,
      ...metrics.flatMap((metric) => metricCells(metric, row, base, baseline)),
      othersCell(row),
    ];
  });
  const limits = section.limits === undefined ? [] : [`What limits: ${section.limits}`, ''];
  const judged = judgedLines(section);
  return [`## ${section.title}`, '', section.reading, '', ...limits, ...tableLines(columns, cells), '', ...judged];
}

function judgedLines({ yardsticks = [], rows, metrics }: Section): string[] {
  const figureOf = (name: string, program: string, metric: string): number | undefined => {
    const row = rows.find((each) => each.case === name && each.program === program);
    return row === undefined ? undefined : middle(row, metric);
  };
  const titleOf = (key: string): string => metrics.find((metric) => metric.key === key)?.title ?? key;
  const lines = yardstickLines(yardsticks, [...new Set(rows.map((row) => row.case))], figureOf, titleOf);
  const measured = rows.filter((row) => row.samples.length > 0);
  const busy = measured.filter((row) => isBusy(middle(row, FOREIGN_CORES))).length;
  if (busy > 0)
    lines.push(`- Others kept the machine busy during ${busy} of ${measured.length} rows: those say little.`);
  return lines.length === 0 ? [] : [...lines, ''];
}

function metricCells(metric: Metric, row: Row, base: Row | undefined, baseline: string | undefined): Cell[] {
  const value = middle(row, metric.key);
  const cell = decimal(value, metric.digits);
  if (metric.compare !== true || baseline === undefined) return [cell];
  const against = base === undefined || base === row ? undefined : middle(base, metric.key);
  return [cell, times(ratio(value, against))];
}

/** Cores that others used, marked when no sample is trusted because of them. */
function othersCell(row: Row): Cell {
  const cores = middle(row, FOREIGN_CORES);
  return cores === undefined ? undefined : `${cores.toFixed(2)}${isBusy(cores) ? ' !' : ''}`;
}

function middle(row: Row, key: string): number | undefined {
  const samples = trustedOrAll(row.samples, (sample) => !isBusy(sample[FOREIGN_CORES]));
  return median(known(samples.map((sample) => sample[key])));
}

function ownProcesses(): number[] {
  return descendantsOf(process.pid);
}
