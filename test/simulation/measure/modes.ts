// Patterns against explicit lists: the same run once as it is by default, once with every segment asked for by SEND.
// (Before the first HELLO only a pattern can ask: the first flight is the same.)
import type { Scenario } from '../scenario/scenario.ts';
import { simulate } from '../simulated.ts';
import { atLeast, atMost } from './figure-lines.ts';
import type { FigureLine } from './figure-lines.ts';
import { formulaIdeal } from './ideal.ts';
import type { Figures } from './report.ts';

/** How far patterns may be behind. */
const MOST_BEHIND = 0.01;

export function modeLines(scenario: Scenario, output: 'any' | 'order', seed: number): FigureLine[] {
  const play = (requests: 'pattern' | 'send'): { figures: Figures; overdrawn: number } => {
    const played: Scenario = { ...scenario, requests, core: { ...scenario.core, output } };
    const { figures, faults } = simulate(played, seed, { ideal: formulaIdeal(played) });
    const overdrawn = faults.filter(({ invariant }) => invariant === 'credit stays within the window').length;
    return { figures, overdrawn };
  };
  const [pattern, send] = [play('pattern'), play('send')];
  return [
    { name: 'of the fluid ideal by PATTERN', value: pattern.figures.ofFluid },
    { name: 'of the fluid ideal by SEND', value: send.figures.ofFluid },
    {
      name: 'PATTERN minus SEND',
      value: pattern.figures.ofFluid - send.figures.ofFluid,
      promised: atLeast(-MOST_BEHIND),
    },
    { name: 'answered by PATTERN in the second', value: 100 * send.figures.byPattern, unit: '%' },
    { name: 'waste by PATTERN', value: 100 * pattern.figures.waste, unit: '%' },
    { name: 'waste by SEND', value: 100 * send.figures.waste, unit: '%' },
    { name: 'credit beyond the window + one segment', value: pattern.overdrawn, unit: 'times', promised: atMost(0) },
  ];
}
