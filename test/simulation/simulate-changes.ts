// Command line of the simulator: the stories of changes/ and what each change costs, one figure per line.
//   npm run simulate:changes -- [--story NAME] [--output any|order] [--seed N]
// One of them is looked at by: npm run simulate -- --scenario test/simulation/changes/NAME.txt --output OUTPUT
import { parseArgs } from 'node:util';
import { changeLines } from './measure/change-lines.ts';
import { figureLine, isKept } from './measure/figure-lines.ts';
import { readStories } from './scenario/story-files.ts';

const { values } = parseArgs({
  options: {
    story: { type: 'string' },
    output: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

const outputs = (['any', 'order'] as const).filter((output) => values.output === undefined || values.output === output);
const stories = readStories('changes').filter(
  ({ scenario }) => values.story === undefined || values.story === scenario.name,
);
let missed = 0;
for (const { scenario } of stories) {
  for (const output of outputs) {
    const lines = changeLines(scenario, output, Number(values.seed));
    missed += lines.filter((line) => isKept(line) === false).length;
    console.log([`${scenario.name}, output ${output}`, ...lines.map(figureLine), ''].join('\n'));
  }
}
console.log(`${missed} figures miss what was promised`);
