// Command line of the simulator: one scenario, readable.
//   npm run simulate -- --scenario NAME|FILE [--seed N] [--output any|order] [--svg FILE] [--core OPTION=NUMBER …]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CORE_DEFAULTS } from '../../client/core/options.ts';
import { reportLines } from './measure/report.ts';
import { timelineSvg } from './measure/timeline.ts';
import { DRAWS, drawScenario } from './scenario/random-scenario.ts';
import type { Scenario } from './scenario/scenario.ts';
import { parseStory } from './scenario/story.ts';
import { simulate } from './simulated.ts';

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
const simulated = simulate(scenario, seed, { log: true });
console.log(reportLines(scenario, simulated).join('\n'));
console.log(simulated.fingerprint);
for (const { invariant, text } of simulated.faults) console.log(`broken: ${invariant}: ${text}`);
if (values.svg !== undefined) writeFileSync(values.svg, timelineSvg(scenario, simulated.trace));

/** `random`, `clean` and `trouble` draw the routes from the seed as simulate:random does; another name is a story. */
function load(name: string): Scenario {
  const draw = DRAWS.find((known) => known === name);
  if (draw !== undefined) return drawScenario(draw, seed, 'any');
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
