// When what is under way is expected: a silent channel goes on when its round trip is over, or after as long again.
import { expect, test } from 'vitest';
import { firstToCome } from '../../../client/core/on-their-way.ts';
import { coreState, leadOf, openChannel, owe, SEGMENT } from './core-state.ts';

const RATE = SEGMENT / 16;

test.each([
  { silence: 40, lag: 0 },
  { silence: 200, lag: 300 },
  { silence: 450, lag: 50 },
  { silence: 700, lag: 700 },
])('after $silence ms of silence on a path of 500 ms it goes on in $lag ms', ({ silence, lag }) => {
  const state = coreState({ segments: 1_000 });
  const channel = openChannel(state, 1, { rttMs: 500, rate: RATE });
  owe(state, channel, leadOf(1, [1, 1]), 2, 0);
  for (const index of [0, 1]) channel.promises.set(index, 10_000);
  const finishMs = firstToCome(state, 2, 500 + silence).map((held) => held.finishMs);
  expect(finishMs[0]).toBeCloseTo(lag + 16, 0);
  expect(finishMs[1]).toBeCloseTo(lag + 32, 0);
});

test('what is overdue may never come, however long the silence is', () => {
  const state = coreState({ segments: 1_000 });
  const channel = openChannel(state, 1, { rttMs: 500, rate: RATE });
  owe(state, channel, leadOf(1, [1]), 1, 0);
  channel.promises.set(0, 400);
  expect(firstToCome(state, 1, 950)[0]?.finishMs).toBeCloseTo(550 + 16, 0);
});
