// What the command lines that print figures of stories have in common: which stories, which outputs, which seed, and a
// block of lines for each.
import { parseArgs } from 'node:util';
import type { Output } from './measure/campaign.ts';
import { figureLine } from './measure/figure-lines.ts';
import type { FigureLine } from './measure/figure-lines.ts';
import type { Scenario } from './scenario/scenario.ts';
import { readStories } from './scenario/story-files.ts';

/** Prints what `figuresOf` gives for each story of `folder` that was asked for (`usual`: without being asked), and returns it. */
export function printFigures(
  folder: Parameters<typeof readStories>[0],
  figuresOf: (scenario: Scenario, output: Output, seed: number) => readonly FigureLine[],
  usual?: readonly string[],
): FigureLine[] {
  const { values } = parseArgs({
    options: {
      story: { type: 'string', multiple: true },
      output: { type: 'string' },
      seed: { type: 'string', default: '1' },
    },
  });
  const { story: names = usual, output: only, seed } = values;
  const outputs = (['any', 'order'] as const).filter((output) => only === undefined || only === output);
  const stories = readStories(folder).filter(({ scenario }) => names === undefined || names.includes(scenario.name));
  return stories.flatMap(({ scenario }) =>
    outputs.flatMap((output) => {
      const lines = figuresOf(scenario, output, Number(seed));
      console.log([`${scenario.name}, output ${output}`, ...lines.map(figureLine), ''].join('\n'));
      return lines;
    }),
  );
}
