// The pace of the output in order: bursts are spread, nothing is kept at the beginning, at the end or for long, and the
// order is never another.
import { describe, expect, test } from 'vitest';
import { HandOut } from '../../../client/core/hand-out.ts';
import type { TransferState } from '../../../client/core/state.ts';
import { coreState, openChannel, SEGMENT } from './core-state.ts';

/** Bytes per ms of the only route: a segment each 32 ms. */
const RATE = SEGMENT / 32;

/** A transfer whose route is known, or still grows. */
function stateOf(slowStart = false, rate = RATE): TransferState {
  const state = coreState({ segments: 1_000 });
  openChannel(state, 1, { rate });
  const [route] = state.routes;
  route!.segments = 1;
  // a flat round trip ends slow start
  for (let now = 0; now < (slowStart ? 0 : 5_000); now += 10) {
    const measured = { bytes: 0, flight: 200_000, rate, rttMs: 20, channels: 1, lossLimited: false };
    route!.window.tick(measured, now);
  }
  expect(route!.window.slowStart).toBe(slowStart);
  return state;
}

function come(state: TransferState, from: number, count: number): void {
  for (let index = from; index < from + count; index += 1) {
    state.table.arrive(index);
    state.table.prove(index);
  }
}

function handedOut(state: TransferState): number[] {
  return state.effects.splice(0).flatMap((effect) => (effect.type === 'deliver' ? [effect.index] : []));
}

/** What a shell does from `now` until `end`: turns when they are due. When each segment went. */
function play(state: TransferState, handOut: HandOut, now: number, end: number): { index: number; at: number }[] {
  const out: { index: number; at: number }[] = [];
  for (let at = now; at <= end; at = Math.max(at + 1, handOut.dueAt)) {
    handOut.turn(at);
    out.push(...handedOut(state).map((index) => ({ index, at })));
  }
  return out;
}

describe('once the routes are known', () => {
  test('a burst goes at about the pace at which segments come', () => {
    const state = stateOf();
    const handOut = new HandOut(state);
    come(state, 0, 4);
    const out = play(state, handOut, 10_000, 10_400);
    expect(out.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const pauses = out.slice(1).map(({ at }, place) => at - out[place]!.at);
    for (const pause of pauses) expect(Math.abs(pause - 31)).toBeLessThan(5);
    expect(handOut.dueAt).toBe(Number.POSITIVE_INFINITY);
  });

  test('nothing waits longer than a quarter of a second: of a large burst the most goes at once', () => {
    const state = stateOf();
    const handOut = new HandOut(state);
    come(state, 0, 40);
    handOut.turn(10_000);
    expect(handedOut(state).length).toBeGreaterThanOrEqual(32);
    expect(play(state, handOut, 10_001, 10_400).at(-1)).toMatchObject({ index: 39 });
  });

  test('the end does not wait', () => {
    const state = stateOf();
    const handOut = new HandOut(state);
    come(state, 0, 1_000);
    handOut.turn(10_000);
    expect(handedOut(state)).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
  });

  test('what is not proven holds up what comes behind it', () => {
    const state = stateOf();
    const handOut = new HandOut(state);
    come(state, 1, 2);
    expect(play(state, handOut, 10_000, 10_200)).toEqual([]);
    come(state, 0, 1);
    expect(play(state, handOut, 10_200, 10_400).map(({ index }) => index)).toEqual([0, 1, 2]);
  });
});

test('while a route is not known yet, everything goes at once', () => {
  const state = stateOf(true);
  const handOut = new HandOut(state);
  come(state, 0, 5);
  handOut.turn(10);
  expect(handedOut(state)).toEqual([0, 1, 2, 3, 4]);
});

test('on a line too quick for timers everything goes at once', () => {
  const state = stateOf(false, 100_000);
  const handOut = new HandOut(state);
  come(state, 0, 5);
  handOut.turn(10_000);
  expect(handedOut(state)).toEqual([0, 1, 2, 3, 4]);
});
