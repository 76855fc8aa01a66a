// The clock of a start tells the time that everything else goes by, and what was waited for as soon as that can be anything.
import { expect, test } from 'vitest';
import { startClock } from '../../client/start-clock.ts';

/** The runtime counts both from its start, the one a little sooner than the other. */
const NEAR_MS = 50;

test('its time is that of the process, and goes on', async () => {
  const clock = startClock();
  expect(Math.abs(clock.now() - performance.now())).toBeLessThan(NEAR_MS);
  let last = clock.now();
  for (let turn = 0; turn < 100; turn += 1) {
    const now = clock.now();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
});

test('nothing was waited for in the first turn; after it the runtime knows', async () => {
  const clock = startClock();
  expect(clock.nodeTiming.idleTime).toBe(0);
  await new Promise((next) => {
    setImmediate(next);
  });
  expect(clock.nodeTiming).toBe(performance.nodeTiming);
});
