// Sudden changes of routes that were steady before, played as a story: the figures and what is promised of them.
import { changesOf, longestStandstill } from './change-figures.ts';
import { atLeast, atMost } from './figure-lines.ts';
import type { FigureLine } from './figure-lines.ts';
import { formulaIdeal } from './ideal.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { simulate } from '../simulated.ts';

const MOST_SETTLING_MS = 2_000;
const LEAST_GOODPUT = 0.93;
const MOST_WASTE_PERCENT = 2;

/** Plays a story; throws when it does not end well. */
export function changeLines(scenario: Scenario, output: 'any' | 'order', seed: number): FigureLine[] {
  const played = { ...scenario, core: { ...scenario.core, output } };
  const { run, figures, deliveries, faults } = simulate(played, seed, { ideal: formulaIdeal(played) });
  if (run.outcome.type === 'fail') throw new Error(`${scenario.name}: ${run.outcome.code} ${run.outcome.message}`);
  const perChange = changesOf(played, deliveries, run.ms).flatMap(({ atMs, settledMs, goodput }): FigureLine[] => {
    const when = `${atMs / 1_000} s`;
    const around: FigureLine = { name: `goodput around ${when}`, value: goodput, promised: atLeast(LEAST_GOODPUT) };
    if (settledMs === undefined) return [around];
    const name = `shares settled after ${when}`;
    return [{ name, value: Math.round(settledMs), unit: 'ms', promised: atMost(MOST_SETTLING_MS) }, around];
  });
  const { fromMs, ms, allowedMs } = longestStandstill(played, deliveries);
  const standstill: FigureLine = {
    name: 'longest standstill',
    value: Math.round(ms),
    unit: 'ms',
    promised: atMost(allowedMs),
    where: `at ${(fromMs / 1_000).toFixed(3)} s`,
  };
  return [
    ...perChange,
    ...(output === 'order' ? [standstill] : []),
    { name: 'waste', value: 100 * figures.waste, unit: '%', promised: atMost(MOST_WASTE_PERCENT) },
    { name: 'broken invariants', value: faults.length, promised: atMost(0), where: faults[0]?.text ?? '' },
    { name: 'of the ideal', value: figures.ofIdeal },
  ];
}
