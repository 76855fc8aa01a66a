// What the command lines that print figures of stories have in common: which stories, which outputs, which seed, and a
// block of lines for each.
import { anyTexts, endWithMistake, oneOf, readOptions, whole } from '../support/script-options.ts';
import type { Output } from './measure/campaign.ts';
import { figureLine } from './measure/figure-lines.ts';
import type { FigureLine } from './measure/figure-lines.ts';
import type { Scenario } from './scenario/scenario.ts';
import { readStories } from './scenario/story-files.ts';

/** Prints what `figuresOf` gives for each story of `folder` that was asked for (`usual`: without being asked), and returns it. */
export function printFigures(
  command: string,
  folder: Parameters<typeof readStories>[0],
  figuresOf: (scenario: Scenario, output: Output, seed: number) => readonly FigureLine[],
  usual?: readonly string[],
): FigureLine[] {
  const all = readStories(folder).map(({ scenario }) => scenario);
  const values = readOptions(command, {
    story: anyTexts('NAME', `a story of ${folder}/`),
    output: oneOf(['any', 'order'], 'one of both only'),
    seed: whole(1, 'of all that is random'),
  });
  const { output: only, seed } = values;
  const unknown = values.story.find((wanted) => !all.some(({ name }) => name === wanted));
  if (unknown !== undefined)
    endWithMistake(command, `--story ${unknown}: give ${all.map(({ name }) => name).join(', ')}`);
  const names = values.story.length > 0 ? values.story : usual;
  const outputs = (['any', 'order'] as const).filter((output) => only === undefined || only === output);
  const chosen = all.filter(({ name }) => names === undefined || names.includes(name));
  return chosen.flatMap((scenario) =>
    outputs.flatMap((output) => {
      const lines = figuresOf(scenario, output, seed);
      console.log([`${scenario.name}, output ${output}`, ...lines.map(figureLine), ''].join('\n'));
      return lines;
    }),
  );
}
