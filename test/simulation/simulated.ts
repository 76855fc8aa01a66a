// One run with everything that watches it: what the command lines and the tests share.
import { Deliveries } from './measure/deliveries.ts';
import { EffectLog } from './measure/effect-log.ts';
import { idealOf } from './measure/ideal.ts';
import type { Ideal } from './measure/ideal.ts';
import { Invariants } from './measure/invariants.ts';
import type { Fault } from './measure/invariants.ts';
import { figuresOf } from './measure/report.ts';
import type { Figures } from './measure/report.ts';
import { Trace } from './measure/trace.ts';
import type { Scenario } from './scenario/scenario.ts';
import { runScenario } from './world/run.ts';
import type { Run } from './world/run.ts';

export type Simulated = {
  readonly run: Run;
  readonly trace: Trace;
  readonly deliveries: Deliveries;
  readonly ideal: Ideal;
  readonly figures: Figures;
  readonly faults: readonly Fault[];
  /** Count and hash of all effects, when they were logged. */
  readonly fingerprint: string | undefined;
};

export type SimulateOptions = {
  /** Log every effect, for a fingerprint. */
  readonly log?: boolean;
  /** The bounds, when they are known already. */
  readonly ideal?: Ideal;
};

/** Simulates `scenario`; throws HangError when it does not come to its end. */
export function simulate(scenario: Scenario, seed: number, options: SimulateOptions = {}): Simulated {
  const trace = new Trace();
  const invariants = new Invariants(scenario);
  const deliveries = new Deliveries(scenario.routes.length);
  const log = options.log === true ? new EffectLog() : undefined;
  const run = runScenario(scenario, seed, [trace, invariants, deliveries, ...(log === undefined ? [] : [log])]);
  trace.end(run.snapshot, run.ms);
  invariants.end(run.snapshot, run.ms);
  const ideal = options.ideal ?? idealOf(scenario, seed);
  const figures = figuresOf(scenario, run, trace, deliveries, ideal);
  return { run, trace, deliveries, ideal, figures, faults: invariants.faults, fingerprint: log?.fingerprint };
}
