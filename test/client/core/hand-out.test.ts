// The pace of the output in order: bursts are spread, nothing is kept at the beginning, at the end or for long, and the
// order is never another.
import { describe, expect, test } from 'vitest';
import { HandOut } from '../../../client/core/hand-out.ts';
import { mostInMemory } from '../../../client/core/memory-room.ts';
import type { TransferState } from '../../../client/core/state.ts';
import { coreState, openChannel, SEGMENT } from './core-state.ts';

/** Bytes per ms of the only route: a segment each 32 ms. */
const COMES_MS = 32;
const RATE = SEGMENT / COMES_MS;

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

function pausesOf(times: readonly number[]): number[] {
  return times.slice(1).map((at, place) => at - (times[place] ?? at));
}

describe('once the routes are known', () => {
  test.each([1, 1.25])('bursts become an even stream, though segments take %f times as long as measured', (times) => {
    const state = stateOf();
    const handOut = new HandOut(state);
    const out: number[] = [];
    for (let burst = 0; burst < 20; burst += 1) {
      come(state, 8 * burst, 8);
      const at = 10_000 + 8 * times * COMES_MS * burst;
      out.push(...play(state, handOut, at, at + 8 * times * COMES_MS - 1).map((each) => each.at));
    }
    // the first are spread before it is known that there will be more
    expect(Math.max(...pausesOf(out.slice(32)))).toBeLessThanOrEqual(2 * COMES_MS + 1);
  });

  test('a small store lasts through a time of nothing as long as one before', () => {
    const state = stateOf();
    const handOut = new HandOut(state);
    const out: number[] = [];
    // one by one, but for two times of nothing; what they held up is whole at their end
    const comes = (segment: number): number => {
      const at = 10_000 + COMES_MS * segment;
      return (
        [10, 40].map((from) => 10_000 + COMES_MS * (from + 6)).find((end) => at >= end - 6 * COMES_MS && at < end) ?? at
      );
    };
    for (let segment = 0; segment < 60; segment += 1) {
      come(state, segment, 1);
      const end = Math.max(comes(segment), comes(segment + 1) - 1);
      if (comes(segment + 1) > comes(segment))
        out.push(...play(state, handOut, comes(segment), end).map(({ at }) => at));
    }
    expect(Math.max(...pausesOf(out.slice(0, 16)))).toBeGreaterThan(5 * COMES_MS);
    expect(Math.max(...pausesOf(out.slice(20)))).toBeLessThanOrEqual(2 * COMES_MS + 1);
  });

  test('nothing waits for much longer than a quarter of a second: a large store goes out quickly', () => {
    const state = stateOf();
    const handOut = new HandOut(state);
    come(state, 0, 40);
    expect(play(state, handOut, 10_000, 10_400).at(-1)).toMatchObject({ index: 39 });
    expect(handOut.dueAt).toBe(Number.POSITIVE_INFINITY);
  });

  test('where the reorder window has to have room for what comes, nothing waits', () => {
    const state = stateOf();
    const handOut = new HandOut(state);
    const last = 999;
    come(state, 0, 100);
    come(state, last, 1);
    handOut.turn(10_000);
    expect(handedOut(state).length).toBeGreaterThanOrEqual(100 - (mostInMemory(state) - last));
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
