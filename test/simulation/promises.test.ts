// A short part of what simulate:random and simulate:changes measure, held against the promises themselves: a figure that
// misses one has to be named below. What is named and kept by now is told, so that the lists get shorter.
import { afterAll, describe, expect, test, vi } from 'vitest';
import { changeLines } from './measure/change-lines.ts';
import { crowdLines, playCrowd } from './measure/crowd.ts';
import { figureLine, isKept } from './measure/figure-lines.ts';
import type { FigureLine } from './measure/figure-lines.ts';
import { idealOf } from './measure/ideal.ts';
import { modeLines } from './measure/modes.ts';
import { steadyLines } from './measure/promises.ts';
import { randomScenario } from './scenario/random-scenario.ts';
import { readStories } from './scenario/story-files.ts';
import { simulate } from './simulated.ts';

/** A run is all computing, and others may use the machine; in virtual time it is bounded. */
vi.setConfig({ testTimeout: 120_000 });

const OUTPUTS = ['any', 'order'] as const;
const SEED = 1;
/** Route sets of the campaign that are quickly played: clean, lossy, long, unlike. */
const STEADY_SEEDS = [2, 11, 22] as const;
/** Changes that are played to a file as well as in order; the others are alike. */
const TO_FILES: readonly string[] = ['slow-down', 'blackhole', 'hang', 'longer-path'];
/** Crowds that are quickly played. */
const CROWDS: readonly string[] = ['both', 'last-mile'];

/** Figures that miss their promise at present. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // 0.928, of at least 0.93: a thin lossy line that has more connections than it needs
  '2 any': ['of the ideal'],
  '2 order': ['waste', 'reorder memory'],
  '11 order': ['reorder memory'],
  '22 any': ['of the ideal'],
  '22 order': ['of the ideal', 'waste', 'reorder memory'],
  // 0.928: after a hold-up the even pace fills its store, which is a quarter of a second of the ten
  'hang order': ['goodput around 7 s'],
  'blackhole any': ['goodput around 13 s'],
  'far-apart order': ['goodput around 14 s'],
  'hang any': ['goodput around 7 s'],
  'longer-path any': ['shares settled after 7 s'],
  // 0.91 to 0.93 whenever the change comes between 6.7 and 7.5 s: what just held at 7 s was luck
  'longer-path order': ['goodput around 7 s', 'shares settled after 7 s'],
};

const keptByNow: string[] = [];

function check(what: string, lines: readonly FigureLine[]): void {
  const known = KNOWN[what] ?? [];
  const missed = lines.filter((line) => isKept(line) === false);
  keptByNow.push(
    ...known.filter((name) => !missed.some((line) => line.name === name)).map((name) => `${what}: ${name}`),
  );
  expect(missed.filter(({ name }) => !known.includes(name)).map(figureLine), what).toEqual([]);
}

afterAll(() => {
  if (keptByNow.length > 0) console.log(`kept by now, strike it from KNOWN:\n${keptByNow.join('\n')}`);
});

describe.each(STEADY_SEEDS)('steady routes of seed %i', (seed) => {
  const ideal = idealOf(randomScenario(seed, 'any'), seed);

  test.each(OUTPUTS)('output %s', (output) => {
    const scenario = randomScenario(seed, output);
    const { run, figures, faults } = simulate(scenario, seed, { ideal });
    expect(run.outcome).toEqual({ type: 'done' });
    check(`${seed} ${output}`, steadyLines(scenario, figures, faults));
  });
});

describe.each(readStories('changes'))('change $scenario.name', ({ scenario }) => {
  const outputs = OUTPUTS.filter((output) => output === 'order' || TO_FILES.includes(scenario.name));

  test.each(outputs)('output %s', (output) => {
    check(`${scenario.name} ${output}`, changeLines(scenario, output, SEED));
  });
});

const stories = readStories('stories');

test.each(['S1', 'S3', 'S4'])('patterns are no worse than explicit lists on %s', (name) => {
  const story = stories.find(({ scenario }) => scenario.name === name);
  expect(story).toBeDefined();
  if (story !== undefined) check(`modes ${name}`, modeLines(story.scenario, 'order', SEED));
});

const crowds = readStories('crowds').filter(({ scenario }) => CROWDS.includes(scenario.name));

test.each(crowds)('crowd $scenario.name', ({ scenario }) => {
  check(scenario.name, crowdLines(scenario, playCrowd(scenario, SEED)));
});
