// Scenarios from the JSON files of scenarios/ (or from a seed): one clear line for every mistake, and walks and
// alternations unfolded into plain events.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomScenario } from './random-scenario.ts';
import { alternation, walk } from './rate-events.ts';
import type { Alternation, Walk } from './rate-events.ts';
import type { Scenario, ScenarioEvent } from './scenario.ts';

type ScenarioFile = Omit<Scenario, 'events'> & {
  readonly events?: readonly ScenarioEvent[];
  readonly walk?: Walk;
  readonly alternate?: readonly Alternation[];
};

const FOLDER = join(import.meta.dirname, '../scenarios');
const MAX_ROUTES = 32;

/** Names of the scenarios in the repository. */
export function scenarioNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** The scenario of that name, `random:SEED`, or a file. */
export function loadScenario(name: string): Scenario {
  const seed = /^random:(\d+)$/.exec(name)?.[1];
  if (seed !== undefined) return randomScenario(Number(seed));
  const file = name.endsWith('.json') ? name : join(FOLDER, `${name}.json`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new Error(`there is no scenario "${name}"; there are ${scenarioNames().join(', ')}, random:SEED, or a file`);
  }
  return parseScenario(text);
}

/** Checks and unfolds the text of a scenario file. */
export function parseScenario(text: string): Scenario {
  const file = JSON.parse(text) as ScenarioFile;
  const wrong = (what: string): Error => new Error(`scenario ${file.name}: ${what}`);
  if (typeof file.name !== 'string' || typeof file.title !== 'string') throw wrong('a name and a title are needed');
  if (!Number.isSafeInteger(file.objectBytes) || file.objectBytes <= 0) throw wrong('objectBytes is no size');
  if (!Array.isArray(file.routes) || file.routes.length === 0 || file.routes.length > MAX_ROUTES) {
    throw wrong(`there must be 1 to ${MAX_ROUTES} routes`);
  }
  for (const [index, route] of file.routes.entries()) {
    if (!(route.megabitsPerSecond > 0) || !(route.rttMs > 0)) throw wrong(`route ${index + 1} has no rate or no RTT`);
    const { lossPercent = 0 } = route;
    if (!(lossPercent >= 0 && lossPercent < 100))
      throw wrong(`route ${index + 1} begins with a loss of ${lossPercent} %`);
  }
  const events = [
    ...(file.events ?? []),
    ...(file.walk === undefined ? [] : walk(file.walk, file.routes)),
    ...(file.alternate ?? []).flatMap(alternation),
  ].sort((a, b) => a.atSeconds - b.atSeconds);
  for (const event of events) {
    const fault = faultOf(event, file.routes.length);
    if (fault !== undefined) throw wrong(`the event ${JSON.stringify(event)} ${fault}`);
  }
  const { name, title, objectBytes, routes, mirrors } = file;
  if (mirrors?.false !== undefined && routes[mirrors.false - 1] === undefined)
    throw wrong('the false mirror is no route');
  return { name, title, objectBytes, routes, events, ...(mirrors === undefined ? {} : { mirrors }) };
}

function faultOf(event: ScenarioEvent, routes: number): string | undefined {
  if (!(event.atSeconds > 0)) return 'needs atSeconds above 0';
  if (!Number.isInteger(event.route) || event.route < 1 || event.route > routes) return 'names no route';
  switch (event.type) {
    case 'rate':
      return event.megabitsPerSecond > 0 ? undefined : 'has no rate; a loss of 100 is a black hole';
    case 'loss':
      return event.lossPercent >= 0 && event.lossPercent <= 100 ? undefined : 'has no loss from 0 to 100';
    case 'kill':
    case 'restart':
      return undefined;
    default:
      event satisfies never;
      return 'has no known type';
  }
}
