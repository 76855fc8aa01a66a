// The budget of frames: what an honest client sends always passes, a flood does not, and a pause makes good.
import { expect, test } from 'vitest';
import { FrameBudget, MOST_FRAMES_PER_SECOND } from '../../origin/frame-budget.ts';
import { HeddleError } from '../../protocol/errors.ts';

/** Frames that pass at one moment. */
function passing(budget: FrameBudget, type: 'ping' | 'pattern', now: number): number {
  for (let passed = 0; ; passed += 1) {
    try {
      budget.spend(type, now);
    } catch (error) {
      expect(error).toBeInstanceOf(HeddleError);
      expect(error).toMatchObject({ code: 'overloaded' });
      return passed;
    }
  }
}

test('twice the frames of a second pass at once, and then as many as time gives', () => {
  const perSecond = MOST_FRAMES_PER_SECOND.ping ?? 0;
  const budget = new FrameBudget();
  expect(passing(budget, 'ping', 1_000)).toBe(2 * perSecond);
  expect(passing(budget, 'ping', 1_500)).toBe(perSecond / 2);
  expect(passing(budget, 'pattern', 1_500), 'another type has its own').toBe(2 * (MOST_FRAMES_PER_SECOND.pattern ?? 0));
  expect(passing(budget, 'ping', 60_000)).toBe(2 * perSecond);
});

test('a client that deals every 25 ms and pings every 20 ms never meets it, nor does any flow of CREDIT', () => {
  const budget = new FrameBudget();
  for (let now = 0; now < 60_000; now += 5) {
    if (now % 25 === 0) budget.spend('pattern', now);
    if (now % 20 === 0) budget.spend('ping', now);
    for (let at = 0; at < 100; at += 1) budget.spend('credit', now);
    budget.spend('send', now);
  }
});
