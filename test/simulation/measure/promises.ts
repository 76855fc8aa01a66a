// What issue and design promise of every single run over steady routes, as figures.
import type { Scenario } from '../scenario/scenario.ts';
import { coreOf } from '../world/run.ts';
import { atLeast, atMost } from './figure-lines.ts';
import type { FigureLine } from './figure-lines.ts';
import type { Fault } from './invariants.ts';
import type { Figures } from './report.ts';

type PromisedMeasure =
  | 'medianOfIdeal'
  | 'fifthPercentileOfIdeal'
  | 'ofBestSingle'
  | 'wastePercent'
  | 'byPatternPercent'
  | 'gapSegments'
  | 'reorderOfSpread';

/** Of a thousand route sets: half reach the median, all but one in twenty the 5th percentile. */
export const PROMISED: Readonly<Record<PromisedMeasure, number>> = Object.freeze({
  medianOfIdeal: 0.97,
  fifthPercentileOfIdeal: 0.93,
  ofBestSingle: 1,
  wastePercent: 2,
  byPatternPercent: 95,
  gapSegments: 3,
  reorderOfSpread: 2,
});

export function steadyLines(scenario: Scenario, figures: Figures, faults: readonly Fault[]): FigureLine[] {
  const { smoothness, waste, byPattern } = figures;
  const inOrder: FigureLine[] = [
    { name: 'between deliveries', value: smoothness.gap, unit: 'segm.', promised: atMost(PROMISED.gapSegments) },
    { name: 'reorder memory', value: smoothness.ofSpread, unit: 'times', promised: atMost(PROMISED.reorderOfSpread) },
  ];
  return [
    { name: 'of the ideal', value: figures.ofIdeal, promised: atLeast(PROMISED.fifthPercentileOfIdeal) },
    { name: 'best single', value: figures.ofBestSingle, promised: atLeast(PROMISED.ofBestSingle) },
    { name: 'best plain single', value: figures.ofPlainSingle, promised: atLeast(PROMISED.ofBestSingle) },
    { name: 'waste', value: 100 * waste, unit: '%', promised: atMost(PROMISED.wastePercent) },
    { name: 'by PATTERN', value: 100 * byPattern, unit: '%', promised: atLeast(PROMISED.byPatternPercent) },
    { name: 'broken invariants', value: faults.length, promised: atMost(0), where: faults[0]?.text ?? '' },
    ...(coreOf(scenario).output === 'order' ? inOrder : []),
  ];
}
