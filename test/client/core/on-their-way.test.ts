// When what is under way is expected: a silent channel goes on when its round trip is over, or after as long again; and the
// bound that saves looking at each segment: nothing comes later than that.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstToCome, latestMs } from '../../../client/core/on-their-way.ts';
import { coreState, leadOf, openChannel, owe, SEGMENT } from './core-state.ts';

const RATE = SEGMENT / 16;
/** More than rounding makes of a sum. */
const ROUNDING_MS = 1e-6;

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

const routes = fc.array(
  fc.record({
    rttMs: fc.integer({ min: 1, max: 600 }),
    slowness: fc.integer({ min: 1, max: 50 }),
    credit: fc.integer({ min: 0, max: 6 }),
    sends: fc.integer({ min: 0, max: 2 }),
    heardAt: fc.integer({ min: 0, max: 900 }),
  }),
  { minLength: 1, maxLength: 3 },
);

test('nothing comes later than the bound says', () => {
  fc.assert(
    fc.property(routes, fc.integer({ min: 0, max: 3_000 }), (some, now) => {
      const state = coreState({ routes: some.length, segments: 1_000 });
      const elements = Array.from({ length: 30 }, (_, at) => 1 + (at % some.length));
      const channels = some.map(({ rttMs, slowness }, at) =>
        openChannel(state, at + 1, { route: at, rttMs, rate: RATE / slowness }),
      );
      for (const [at, channel] of channels.entries()) {
        const { credit, heardAt, rttMs, sends } = some[at]!;
        owe(state, channel, leadOf(1, elements), credit, 0);
        for (let index = 0; index < sends; index += 1) channel.ledger.send(100 + index);
        channel.hear(100, rttMs, heardAt);
      }
      const latest = latestMs(state, now);
      for (const { finishMs } of firstToCome(state, 1_000, now)) {
        expect(finishMs).toBeLessThanOrEqual(latest + ROUNDING_MS);
      }
    }),
  );
});

test('the bound is near what comes last, and rises with what is overdue', () => {
  const state = coreState({ routes: 1, segments: 1_000 });
  const channel = openChannel(state, 1, { route: 0, rttMs: 20, rate: RATE });
  expect(latestMs(state, 0)).toBe(0);
  owe(state, channel, leadOf(1, [1, 1, 1, 1]), 4, 0);
  expect(latestMs(state, 0)).toBeLessThan(100);
  expect(latestMs(state, 1_000)).toBeGreaterThan(500);
});
