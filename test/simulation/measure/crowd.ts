// Many clients over the same relays: what each gets of its fair share, how alike they fare, and what all of them together
// get of what the bottlenecks carry.
import type { Scenario } from '../scenario/scenario.ts';
import { coreOf, runClients } from '../world/run.ts';
import type { Run } from '../world/run.ts';
import { capacitySteps, carriedBetween, MOST_CONNECTIONS, timeToCarry } from './capacity.ts';
import { atLeast, atMost, quantile } from './figure-lines.ts';
import type { FigureLine } from './figure-lines.ts';
import { Invariants } from './invariants.ts';
import type { Fault } from './invariants.ts';

const MOST_WASTE_PERCENT = 2;
/** What a crowd should reach: the promises of single transfers do not name one. */
const LEAST_TOGETHER = 0.9;
const LEAST_ALIKE = 0.9;

export type Crowd = { readonly runs: readonly Run[]; readonly faults: readonly Fault[] };

/** Plays all clients of `scenario`; throws HangError when one does not come to its end. */
export function playCrowd(scenario: Scenario, seed: number): Crowd {
  const { count } = scenario.clients ?? { count: 1 };
  const watching = Array.from({ length: count }, () => new Invariants(scenario));
  const runs = runClients(scenario, seed, (client) => watching.slice(client, client + 1));
  for (const [client, run] of runs.entries()) watching[client]?.end(run.snapshot, run.ms);
  return { runs, faults: watching.flatMap(({ faults }) => faults) };
}

export function crowdLines(scenario: Scenario, { runs, faults }: Crowd): FigureLine[] {
  const failed = runs.filter(({ outcome }) => outcome.type === 'fail');
  const steps = capacitySteps(scenario, MOST_CONNECTIONS);
  const fairMs = timeToCarry(scenario.bytes, steps);
  const ofFair = runs.map(({ ms }) => fairMs / ms);
  const rates = runs.map(({ ms }) => scenario.bytes / ms);
  const endMs = Math.max(...runs.map(({ startMs, ms }) => startMs + ms));
  const carried = runs.length * carriedBetween(0, endMs, steps);
  const waste = runs.map(({ snapshot }) => (100 * snapshot.counters.wasteBytes) / scenario.bytes);
  // While some have not begun, or are done, the others' routes do not fill the bottlenecks.
  const isTogether = (scenario.clients?.apartMs ?? 0) === 0;
  const promised = (least: number): Pick<FigureLine, 'promised'> => (isTogether ? { promised: atLeast(least) } : {});
  const output = `output ${coreOf(scenario).output}`;
  return [
    { name: 'not done', value: failed.length, unit: 'cl.', promised: atMost(0), where: output },
    {
      name: 'all together, of what the bottlenecks carry',
      value: (runs.length * scenario.bytes) / carried,
      ...promised(LEAST_TOGETHER),
    },
    { name: 'of its fair share, slowest client', value: quantile(ofFair, 0) },
    { name: 'of its fair share, median', value: quantile(ofFair, 0.5) },
    { name: 'alike (Jain, 1 is best)', value: jain(rates), ...promised(LEAST_ALIKE) },
    { name: 'waste, worst client', value: quantile(waste, 1), unit: '%', promised: atMost(MOST_WASTE_PERCENT) },
    { name: 'broken invariants', value: faults.length, promised: atMost(0), where: faults[0]?.text ?? '' },
  ];
}

/** Jain's index of fairness: 1 when all are alike, 1/n when one has everything. */
function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + b * b, 0);
  return (sum * sum) / (values.length * squares);
}
