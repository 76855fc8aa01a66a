// Command line of the simulator: one scenario, readable.
//   npm run simulate -- --scenario NAME|FILE [--seed N] [--output any|order] [--svg FILE] [--core OPTION=NUMBER …]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CORE_DEFAULTS } from '../../client/core/options.ts';
import { anyText, anyTexts, endWithMistake, oneOf, readOptions, whole } from '../support/script-options.ts';
import { reportLines } from './measure/report.ts';
import { timelineSvg } from './measure/timeline.ts';
import { DRAWS, drawScenario } from './scenario/random-scenario.ts';
import type { Scenario } from './scenario/scenario.ts';
import { parseStory } from './scenario/story.ts';
import { simulate } from './simulated.ts';

const COMMAND = 'npm run simulate --';
const values = readOptions(COMMAND, {
  scenario: anyText('NAME|FILE', 'S1', `a story of stories/ or in a file, or ${DRAWS.join(', ')}: drawn from the seed`),
  seed: whole(1, 'of all that is random'),
  output: oneOf(['any', 'order'], 'instead of what the story says'),
  svg: anyText('FILE', undefined, 'a picture of the run'),
  core: anyTexts('OPTION=NUMBER', 'an option of the core'),
});

const { seed } = values;
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
  if (!existsSync(file)) endWithMistake(COMMAND, `--scenario ${name}: there is no such story or file`);
  return parseStory(readFileSync(file, 'utf8'), name).scenario;
}

function withFlags(loaded: Scenario): Scenario {
  const { output } = values;
  const options = Object.fromEntries(
    values.core.map((option): [string, number] => {
      const [name = '', value = ''] = option.split('=');
      if (!(name in CORE_DEFAULTS)) endWithMistake(COMMAND, `--core ${option}: the core has no such option`);
      return [name, Number(value)];
    }),
  );
  return { ...loaded, core: { ...loaded.core, ...options, ...(output === undefined ? {} : { output }) } };
}
