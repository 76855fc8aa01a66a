// Every story of stories/ is told, in order and as a file unless it says which, and must keep what it expects; all
// invariants hold unless a story says that it knows better.
import { describe, expect, test, vi } from 'vitest';
import { formulaIdeal } from './measure/ideal.ts';
import { brokenExpectations, needsFlows } from './scenario/expectation.ts';
import { readStories } from './scenario/story-files.ts';
import type { Story } from './scenario/story.ts';
import { simulate } from './simulated.ts';

/** A run is all computing, and others may use the machine; in virtual time it is bounded. */
vi.setConfig({ testTimeout: 120_000 });

const SEED = 1;
const stories = readStories('stories');

test('there are stories', () => {
  expect(stories.length).toBeGreaterThan(0);
});

describe.each(stories)('$scenario.name', ({ scenario, expectations, tolerated }: Story) => {
  const outputs = scenario.core.output === undefined ? (['any', 'order'] as const) : [scenario.core.output];

  test.each(outputs)('output %s', (output) => {
    const played = { ...scenario, core: { ...scenario.core, output } };
    const options = needsFlows(expectations) ? {} : { ideal: formulaIdeal(played) };
    const { run, figures, faults } = simulate(played, SEED, options);
    expect(brokenExpectations(expectations, run, figures)).toEqual([]);
    expect(faults.filter(({ invariant }) => !tolerated.includes(invariant))).toEqual([]);
  });
});
