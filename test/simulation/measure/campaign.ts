// Many route sets drawn from seeds: plays each in every output under the same bounds, and tells medians, tails, what was
// promised, and the seeds to look at.
import { drawScenario } from '../scenario/random-scenario.ts';
import type { Draw } from '../scenario/random-scenario.ts';
import { simulate } from '../simulated.ts';
import { atLeast, atMost, figureLine, quantile } from './figure-lines.ts';
import type { FigureLine } from './figure-lines.ts';
import { idealOf } from './ideal.ts';
import type { Fault } from './invariants.ts';
import { PROMISED } from './promises.ts';
import type { Figures } from './report.ts';

const WORST_SHOWN = 10;
export type Output = 'any' | 'order';

export type CampaignOrder = { readonly outputs: readonly Output[]; readonly draw: Draw };

/** What came of one seed in one output. */
export type SeedResult = {
  readonly seed: number;
  readonly output: Output;
  /** Undefined after a hang or a thrown error. */
  readonly figures: Figures | undefined;
  readonly broken: readonly Fault[];
  /** Why it is not done. */
  readonly error: string | undefined;
};

/** Plays `seed` in every output. */
export function playSeed(seed: number, { outputs, draw }: CampaignOrder): SeedResult[] {
  const ideal = idealOf(drawScenario(draw, seed, 'any'), seed);
  return outputs.map((output) => {
    try {
      const { run, figures, faults } = simulate(drawScenario(draw, seed, output), seed, { ideal });
      const error = run.outcome.type === 'fail' ? run.outcome.message : undefined;
      return { seed, output, figures, broken: faults, error };
    } catch (error) {
      return { seed, output, figures: undefined, broken: [], error: String(error) };
    }
  });
}

/** The table of one output: figures, one per line, then what was broken. */
export function campaignLines(results: readonly SeedResult[], title: string): string[] {
  const done = results.flatMap(({ seed, figures }) => (figures?.isDone === true ? [{ seed, figures }] : []));
  const failed = results.filter(({ figures }) => figures?.isDone !== true);
  const broken = results.filter((result) => result.broken.length > 0);
  const named = (seeds: readonly number[]): string => seeds.slice(0, WORST_SHOWN).join(' ');
  const column = (of: (figures: Figures) => number): number[] => done.map(({ figures }) => of(figures));
  const worst = (of: (figures: Figures) => number, isWorseHigh = false): string => {
    const sorted = done.toSorted((a, b) => of(a.figures) - of(b.figures));
    return `seeds ${named((isWorseHigh ? sorted.toReversed() : sorted).map(({ seed }) => seed))}`;
  };
  const slower = (of: (figures: Figures) => number): number => done.filter(({ figures }) => of(figures) < 1).length;
  const waste = (figures: Figures): number => 100 * figures.waste;
  const lines: FigureLine[] = [
    { name: 'of the ideal, median', value: quantile(column(ofIdeal), 0.5), promised: atLeast(PROMISED.medianOfIdeal) },
    {
      name: 'of the ideal, 5th percentile',
      value: quantile(column(ofIdeal), 0.05),
      promised: atLeast(PROMISED.fifthPercentileOfIdeal),
    },
    { name: 'of the ideal, worst', value: quantile(column(ofIdeal), 0), where: worst(ofIdeal) },
    {
      name: 'best single (16 connections) times, worst',
      value: quantile(column(ofBest), 0),
      promised: atLeast(PROMISED.ofBestSingle),
      where: worst(ofBest),
    },
    { name: 'slower than it', value: slower(ofBest), unit: 'sets', promised: atMost(0) },
    {
      name: 'best single (1 connection) times, worst',
      value: quantile(column(ofPlainBest), 0),
      promised: atLeast(PROMISED.ofBestSingle),
      where: worst(ofPlainBest),
    },
    { name: 'slower than it', value: slower(ofPlainBest), unit: 'sets', promised: atMost(0) },
    { name: 'waste, median', value: quantile(column(waste), 0.5), unit: '%' },
    {
      name: 'waste, worst',
      value: quantile(column(waste), 1),
      unit: '%',
      promised: atMost(PROMISED.wastePercent),
      where: worst(waste, true),
    },
    {
      name: 'waste above 2 %',
      value: column(waste).filter((each) => each > PROMISED.wastePercent).length,
      unit: 'sets',
      promised: atMost(0),
    },
    { name: 'not done', value: failed.length, unit: 'sets', promised: atMost(0) },
    { name: 'an invariant is broken', value: broken.length, unit: 'sets', promised: atMost(0) },
    {
      name: 'least payload by PATTERN',
      value: quantile(
        column((figures) => 100 * figures.byPattern),
        0,
      ),
      unit: '%',
      promised: atLeast(PROMISED.byPatternPercent),
      where: worst((figures) => figures.byPattern),
    },
    {
      name: 'of greedy flows on every route, median',
      value: quantile(
        column(({ ofGreedy }) => ofGreedy),
        0.5,
      ),
    },
    {
      name: 'of greedy flows on every route, 5th percentile',
      value: quantile(
        column(({ ofGreedy }) => ofGreedy),
        0.05,
      ),
      where: worst(({ ofGreedy }) => ofGreedy),
    },
    {
      name: 'of one TCP connection per route, median',
      value: quantile(
        column(({ ofPlain }) => ofPlain),
        0.5,
      ),
    },
    {
      name: 'of bare lines (no slow start, no loss), median',
      value: quantile(
        column(({ ofFluid }) => ofFluid),
        0.5,
      ),
    },
    {
      name: 'longest pause of the in-order point, worst',
      value: quantile(
        column(({ pause }) => pause.ms),
        1,
      ),
      unit: 'ms',
      where: worst(({ pause }) => pause.ms, true),
    },
    ...(results[0]?.output === 'order' ? smoothnessLines(column, worst) : []),
  ];
  return [
    `${results.length} ${title}`,
    ...lines.map(figureLine),
    ...failed.slice(0, WORST_SHOWN).map(({ seed, error }) => `seed ${seed} is not done: ${error ?? 'failed'}`),
    ...brokenLines(broken),
    '',
  ];
}

/** In order only: to a file, segments go as they come. */
function smoothnessLines(
  column: (of: (figures: Figures) => number) => number[],
  worst: (of: (figures: Figures) => number, isWorseHigh?: boolean) => string,
): FigureLine[] {
  const measures = [
    {
      name: 'between deliveries (99 %)',
      unit: 'segm.',
      most: PROMISED.gapSegments,
      of: ({ smoothness }: Figures) => smoothness.gap,
    },
    {
      name: 'between bursts (99 %)',
      unit: 'segm.',
      most: PROMISED.gapSegments,
      of: ({ smoothness }: Figures) => smoothness.burstGap,
    },
    {
      name: 'reorder memory of the latency spread',
      unit: 'times',
      most: PROMISED.reorderOfSpread,
      of: ({ smoothness }: Figures) => smoothness.ofSpread,
    },
  ];
  return measures.flatMap(({ name, unit, most, of }) => [
    { name: `${name}, median`, value: quantile(column(of), 0.5), unit, promised: atMost(most) },
    {
      name: `${name}, 95th percentile`,
      value: quantile(column(of), 0.95),
      unit,
      promised: atMost(most),
      where: worst(of, true),
    },
    { name: `${name}: kept`, value: column(of).filter((each) => each <= most).length, unit: 'sets' },
  ]);
}

/** Per invariant: how many sets broke it, and the first of them. */
function brokenLines(broken: readonly SeedResult[]): string[] {
  const names = new Set(broken.flatMap((result) => result.broken.map(({ invariant }) => invariant)));
  return [...names].map((name) => {
    const breaking = broken.filter((result) => result.broken.some(({ invariant }) => invariant === name));
    const first = breaking[0]?.broken.find(({ invariant }) => invariant === name);
    const seeds = breaking.slice(0, WORST_SHOWN).map(({ seed }) => seed);
    return `broken: ${name}: ${breaking.length} sets, seeds ${seeds.join(' ')}; first ${first?.text ?? ''}`;
  });
}

function ofIdeal(figures: Figures): number {
  return figures.ofIdeal;
}

function ofBest(figures: Figures): number {
  return figures.ofBestSingle;
}

function ofPlainBest(figures: Figures): number {
  return figures.ofPlainSingle;
}
