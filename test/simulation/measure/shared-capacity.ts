// What bottlenecks leave of the routes that lead over them: for one of several clients its fair share of those that all
// have in common. Bottlenecks are taken from the narrowest set of routes to the widest, each scaling down its routes.
import { lineRate } from '../scenario/scenario.ts';
import type { Bottleneck, Scenario } from '../scenario/scenario.ts';
import type { Step } from './capacity.ts';

/** The part of a bottleneck that one client has. */
export function clientShare({ clients }: Scenario, { perClient }: Bottleneck): number {
  return perClient ? 1 : 1 / (clients?.count ?? 1);
}

/** `steps` in time order, of routes that do not know of each other; the result respects the bottlenecks. */
export function throughBottlenecks(scenario: Scenario, steps: readonly Step[], payloadShare: number): Step[] {
  const { bottlenecks = [], routes } = scenario;
  if (bottlenecks.length === 0) return [...steps];
  const narrows = bottlenecks
    .map((bottleneck) => ({
      rate: lineRate(bottleneck.rateMbit) * payloadShare * clientShare(scenario, bottleneck),
      members: routes.flatMap(({ over }, index) => (over.includes(bottleneck.name) ? [index] : [])),
    }))
    .sort((a, b) => a.members.length - b.members.length);
  const rates = routes.map(() => 0);
  return steps.flatMap(({ atMs, route, rate }) => {
    rates[route] = rate;
    const left = [...rates];
    for (const narrow of narrows) {
      const sum = narrow.members.reduce((all, member) => all + (left[member] ?? 0), 0);
      const scale = Math.min(1, narrow.rate / sum);
      for (const member of narrow.members) left[member] = (left[member] ?? 0) * scale;
    }
    return left.map((each, index) => ({ atMs, route: index, rate: each }));
  });
}
