// One simulation from beginning to end: builds the world of a scenario, lets the agenda run, and tells how it ended.
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { Snapshot } from '../../../client/core/snapshot.ts';
import { Agenda } from '../agenda.ts';
import type { AgendaLimits } from '../agenda.ts';
import { Random } from '../random.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { Path } from './path.ts';
import { Shell } from './shell.ts';
import type { Observer, Outcome } from './shell.ts';

/** What bounds a run: a transfer that needs more is a hang. */
const RUN_LIMITS: AgendaLimits = Object.freeze({ steps: 5_000_000, ms: 600_000 });

/** A run that came to its end. */
export type Run = {
  readonly outcome: Outcome;
  readonly ms: number;
  readonly steps: number;
  readonly snapshot: Snapshot;
};

/** The options of the core in `scenario`. */
export function coreOf(scenario: Scenario): CoreOptions {
  return Object.freeze({ ...CORE_DEFAULTS, ...scenario.core });
}

/** Simulates `scenario`; throws HangError when it does not end within `limits`. */
export function runScenario(
  scenario: Scenario,
  seed: number,
  observers: readonly Observer[],
  limits: AgendaLimits = RUN_LIMITS,
): Run {
  const agenda = new Agenda(limits);
  const random = new Random(seed);
  const paths = scenario.routes.map((route) => new Path(agenda, random, route));
  for (const { atMs, route, change } of scenario.events) agenda.at(atMs, () => paths[route]?.apply(change));
  const sinkRate = scenario.sinkRate ?? Number.POSITIVE_INFINITY;
  const shell = new Shell(agenda, random, { size: scenario.bytes, core: coreOf(scenario), paths, sinkRate, observers });
  agenda.run(
    () => shell.outcome !== undefined,
    () => stateOf(shell.snapshot()),
  );
  return { outcome: shell.outcome as Outcome, ms: agenda.now, steps: agenda.steps, snapshot: shell.snapshot() };
}

function stateOf({ lowestMissing, highestSeen, pattern, routes }: Snapshot): string {
  const told = routes.map(
    ({ index, state, outBytes, windowBytes, channels }) =>
      `route ${index} ${state}, ${Math.round(outBytes / 1_024)} of ${Math.round(windowBytes / 1_024)} KiB outstanding, ` +
      `channels ${channels.map((channel) => `${channel.number} ${channel.state}`).join(', ') || 'none'}`,
  );
  return `segment ${lowestMissing} is missing, ${highestSeen} came, epoch ${pattern.epoch}; ${told.join('; ')}`;
}
