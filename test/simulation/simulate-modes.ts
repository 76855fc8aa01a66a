// Command line of the simulator: patterns against explicit SENDs on S1, S3 and S4, one figure per line.
//   npm run simulate:modes -- [--story NAME …] [--output any|order] [--seed N]
import { parseArgs } from 'node:util';
import { figureLine } from './measure/figure-lines.ts';
import { modeLines } from './measure/modes.ts';
import { readStories } from './scenario/story-files.ts';

const { values } = parseArgs({
  options: {
    story: { type: 'string', multiple: true, default: ['S1', 'S3', 'S4'] },
    output: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

const outputs = (['any', 'order'] as const).filter((output) => values.output === undefined || values.output === output);
for (const { scenario } of readStories('stories').filter((story) => values.story.includes(story.scenario.name))) {
  for (const output of outputs) {
    const lines = modeLines(scenario, output, Number(values.seed));
    console.log([`${scenario.name}, output ${output}`, ...lines.map(figureLine), ''].join('\n'));
  }
}
