// One simulation from beginning to end: builds the world of a scenario, lets the agenda run, and tells how it ended for
// every client. Clients share the bottlenecks that are not their own; each has its own lines to the relays.
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { Snapshot } from '../../../client/core/snapshot.ts';
import { Agenda } from '../agenda.ts';
import type { AgendaLimits } from '../agenda.ts';
import type { Link } from '../network/link.ts';
import { Random } from '../random.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { bottleneckLinks } from './bottlenecks.ts';
import { Path } from './path.ts';
import { Shell } from './shell.ts';
import type { Observer, Outcome } from './shell.ts';

/** What bounds a run: a transfer that needs more is a hang. */
const RUN_LIMITS: AgendaLimits = Object.freeze({ steps: 20_000_000, ms: 600_000 });

/** A run that came to its end, as one client saw it. */
export type Run = {
  readonly outcome: Outcome;
  /** When it began, and how long it took. */
  readonly startMs: number;
  readonly ms: number;
  readonly steps: number;
  readonly snapshot: Snapshot;
};

/** The options of the core in `scenario`. */
export function coreOf(scenario: Scenario): CoreOptions {
  return Object.freeze({ ...CORE_DEFAULTS, ...scenario.core });
}

/** Simulates the only client of `scenario`; throws HangError when it does not end within `limits`. */
export function runScenario(
  scenario: Scenario,
  seed: number,
  observers: readonly Observer[],
  limits: AgendaLimits = RUN_LIMITS,
): Run {
  const [run] = runClients({ ...scenario, clients: { count: 1, apartMs: 0 } }, seed, () => observers, limits);
  if (run === undefined) throw new Error('a scenario has a client');
  return run;
}

/** Simulates all clients of `scenario` over the same bottlenecks, in the order in which they begin. */
export function runClients(
  scenario: Scenario,
  seed: number,
  observersOf: (client: number) => readonly Observer[],
  limits: AgendaLimits = RUN_LIMITS,
): Run[] {
  const agenda = new Agenda(limits);
  const random = new Random(seed);
  const { bottlenecks = [] } = scenario;
  const common = bottleneckLinks(
    bottlenecks.filter(({ perClient }) => !perClient),
    agenda,
    random,
  );
  const { count, apartMs } = scenario.clients ?? { count: 1, apartMs: 0 };
  const shells: Shell[] = [];
  const runs: Run[] = [];
  for (let client = 0; client < count; client += 1) {
    const dice = client === 0 ? random : random.fork(`client ${client}`);
    const paths = pathsOf(scenario, common, agenda, dice);
    for (const { atMs, route, change } of scenario.events) agenda.at(atMs, () => paths[route]?.apply(change));
    const startMs = client * apartMs;
    const begin = (): void => {
      const ended = (): void => {
        const { outcome } = shell;
        if (outcome === undefined) return;
        const { now, steps } = agenda;
        runs[client] = { outcome, startMs, ms: now - startMs, steps, snapshot: shell.snapshot() };
      };
      const sinkRate = scenario.sinkRate ?? Number.POSITIVE_INFINITY;
      const observers = observersOf(client);
      const sendsOnly = scenario.requests === 'send';
      const order = { size: scenario.bytes, core: coreOf(scenario), paths, sinkRate, sendsOnly, observers, ended };
      const shell = new Shell(agenda, dice, order);
      shells.push(shell);
      for (const { atMs, demand } of scenario.demands ?? []) agenda.at(startMs + atMs, () => shell.demand(demand));
    };
    if (startMs === 0) begin();
    else agenda.at(startMs, begin);
  }
  let done = 0;
  agenda.run(
    () => {
      while (done < count && runs[done] !== undefined) done += 1;
      return done === count;
    },
    () => shells.map((shell) => stateOf(shell.snapshot())).join('; '),
  );
  return runs;
}

function pathsOf(scenario: Scenario, common: ReadonlyMap<string, Link>, agenda: Agenda, random: Random): Path[] {
  const { bottlenecks = [] } = scenario;
  const own = bottleneckLinks(
    bottlenecks.filter(({ perClient }) => perClient),
    agenda,
    random,
  );
  return scenario.routes.map((route) => {
    const shared = route.over.flatMap((name) => common.get(name) ?? own.get(name) ?? []);
    return new Path(agenda, random, route, shared);
  });
}

function stateOf({ lowestMissing, highestSeen, pattern, routes }: Snapshot): string {
  const told = routes.map(
    ({ index, state, outBytes, windowBytes, channels }) =>
      `route ${index} ${state}, ${Math.round(outBytes / 1_024)} of ${Math.round(windowBytes / 1_024)} KiB outstanding, ` +
      `channels ${channels.map((channel) => `${channel.number} ${channel.state}`).join(', ') || 'none'}`,
  );
  return `segment ${lowestMissing} is missing, ${highestSeen} came, epoch ${pattern.epoch}; ${told.join('; ')}`;
}
