// Command line of the simulator: the stories of crowds/, many clients over the same relays, one figure per line.
//   npm run simulate:crowds -- [--story NAME] [--output any|order] [--seed N]
import { parseArgs } from 'node:util';
import { crowdLines, playCrowd } from './measure/crowd.ts';
import { figureLine } from './measure/figure-lines.ts';
import { readStories } from './scenario/story-files.ts';

const { values } = parseArgs({
  options: {
    story: { type: 'string' },
    output: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

const outputs = (['any', 'order'] as const).filter((output) => values.output === undefined || values.output === output);
const stories = readStories('crowds').filter(
  ({ scenario }) => values.story === undefined || values.story === scenario.name,
);
for (const { scenario } of stories) {
  for (const output of outputs) {
    const played = { ...scenario, core: { ...scenario.core, output } };
    const lines = crowdLines(played, playCrowd(played, Number(values.seed)));
    console.log([`${scenario.name}, output ${output}`, ...lines.map(figureLine), ''].join('\n'));
  }
}
