// What is asked for apart from patterns: routes that a full reorder window leaves nothing get the last that it has room for.
import { describe, expect, test } from 'vitest';
import { ConstraintScheduler } from '../../../client/core/constraint-scheduler.ts';
import { Expediter } from '../../../client/core/expediter.ts';
import { Prioritizer } from '../../../client/core/prioritizer.ts';
import { Repair } from '../../../client/core/repair.ts';
import type { TransferState } from '../../../client/core/state.ts';
import { coreState, leadOf, openChannel, owe, SEGMENT, taken } from './core-state.ts';

/** A segment each 16 ms. */
const RATE = SEGMENT / 16;
/** Exclusive end of the reorder window. */
const END = 40;

/** A quick route that was asked for `asked` segments in a row, and an idle one of `rttMs`. */
function quickAndIdle(asked: number, rttMs: number): { state: TransferState; expediter: Expediter } {
  const state = coreState({ routes: 2, segments: 1_000 });
  const quick = openChannel(state, 1, { route: 0, rate: RATE });
  openChannel(state, 2, { route: 1, rttMs, rate: RATE });
  const lead = Array.from({ length: END }, () => 1);
  owe(state, quick, leadOf(1, lead), asked, 0);
  const [repair, constraints] = [new Repair(state), new ConstraintScheduler(state)];
  return { state, expediter: new Expediter(state, repair, new Prioritizer(), constraints, () => true) };
}

describe('the reorder window is full, and a route has nothing', () => {
  test('it gets the last segment that nobody was asked for, after a while', () => {
    const { state, expediter } = quickAndIdle(END - 3, 20);
    for (const now of [0, 100, 190]) expect(expediter.askLast(END, now)).toBe(0);
    expect(taken(state, 'send')).toEqual([]);
    expect(expediter.askLast(END, 200)).toBe(0);
    expect(taken(state, 'send')).toMatchObject([{ channel: 2, ranges: [{ first: END - 1, length: 1 }] }]);
    expect(expediter.askLast(END, 500)).toBe(0);
    expect(taken(state, 'send')).toEqual([]);
  });

  test('a fresh connection is asked where the other was too slow when it had something last', () => {
    const { state, expediter } = quickAndIdle(END - 3, 20);
    const slow = openChannel(state, 3, { route: 1, rate: RATE / 100 });
    state.channels.remove(state.channels.get(2)!);
    const fresh = openChannel(state, 4, { route: 1 });
    state.routes[1]!.window.tick({ bytes: 0, flight: 0, rate: 0, rttMs: 20, channels: 2, lossLimited: false }, 0);
    expect(slow.rate.measured).toBeGreaterThan(fresh.rate.measured);
    expediter.askLast(END, 0);
    expediter.askLast(END, 200);
    expect(taken(state, 'send')).toMatchObject([{ channel: 4, ranges: [{ first: END - 1, length: 1 }] }]);
  });

  test('where everything was asked of others, the next room is kept for it', () => {
    const { state, expediter } = quickAndIdle(END, 20);
    expediter.askLast(END, 0);
    expect(expediter.askLast(END, 200)).toBe(1);
    expect(taken(state, 'send')).toEqual([]);
    expect(expediter.askLast(END + 1, 210)).toBe(0);
    expect(taken(state, 'send')).toMatchObject([{ channel: 2, ranges: [{ first: END, length: 1 }] }]);
  });

  test('not if even the last would be needed before it could be here', () => {
    const { state, expediter } = quickAndIdle(END - 3, 600);
    expediter.askLast(END, 0);
    expect(expediter.askLast(END, 200)).toBe(0);
    expect(taken(state, 'send')).toEqual([]);
  });
});
