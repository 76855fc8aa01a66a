// Command line of the simulator: one scenario, readable.
//   npm run simulate -- --scenario NAME|FILE [--seed N] [--output any|order] [--svg FILE] [--core OPTION=NUMBER …]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CORE_DEFAULTS } from '../../client/core/options.ts';
import { idealOf } from './measure/ideal.ts';
import { Invariants } from './measure/invariants.ts';
import { EffectLog } from './measure/effect-log.ts';
import { reportLines } from './measure/report.ts';
import { timelineSvg } from './measure/timeline.ts';
import { Trace } from './measure/trace.ts';
import { randomScenario, randomTrouble } from './scenario/random-scenario.ts';
import type { Scenario } from './scenario/scenario.ts';
import { parseStory } from './scenario/story.ts';
import { runScenario } from './world/run.ts';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'S1' },
    seed: { type: 'string', default: '1' },
    output: { type: 'string' },
    svg: { type: 'string' },
    core: { type: 'string', multiple: true, default: [] },
  },
});

const seed = Number(values.seed);
const scenario = withFlags(load(values.scenario));
const trace = new Trace();
const log = new EffectLog();
const invariants = new Invariants(scenario);
const run = runScenario(scenario, seed, [trace, log, invariants]);
trace.end(run.snapshot, run.ms);
invariants.end(run.snapshot);
console.log(reportLines(scenario, run, trace, idealOf(scenario, seed)).join('\n'));
console.log(log.fingerprint);
for (const fault of invariants.faults) console.log(`broken: ${fault}`);
if (values.svg !== undefined) writeFileSync(values.svg, timelineSvg(scenario, trace));

/** `random` and `trouble` draw the routes from the seed as simulate:random does; another name is a story of this folder. */
function load(name: string): Scenario {
  if (name === 'random') return randomScenario(seed, 'any');
  if (name === 'trouble') return randomTrouble(seed, 'any');
  const file = existsSync(name) ? name : join(import.meta.dirname, 'stories', `${name}.txt`);
  return parseStory(readFileSync(file, 'utf8'), name).scenario;
}

function withFlags(loaded: Scenario): Scenario {
  const { output } = values;
  if (output !== undefined && output !== 'any' && output !== 'order')
    throw new Error(`--output ${output}: any or order`);
  const options = Object.fromEntries(
    values.core.map((option): [string, number] => {
      const [name = '', value = ''] = option.split('=');
      if (!(name in CORE_DEFAULTS)) throw new Error(`--core ${option}: the core has no such option`);
      return [name, Number(value)];
    }),
  );
  return { ...loaded, core: { ...loaded.core, ...options, ...(output === undefined ? {} : { output }) } };
}
