// The room of a channel: the route's window is shared out over its channels, and all of them together never get more.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TransferState } from '../../../client/core/state.ts';
import { activeChannels, askedBytes, dealtChannels, windowRoom } from '../../../client/core/window-room.ts';
import { coreState, leadOf, openChannel, owe, SEGMENT } from './core-state.ts';

/** `rates.length` channels on one route; channel n has n · 3 segments asked for and measured rates[n − 1]. */
function routeOf(rates: readonly number[], asked = 0): TransferState {
  const state = coreState({ routes: 2, segments: 1_000 });
  for (const [at, rate] of rates.entries()) {
    const number = at + 1;
    const channel = openChannel(state, number, { rate });
    owe(
      state,
      channel,
      leadOf(
        1,
        Array.from({ length: 50 }, () => number),
      ),
      asked,
      0,
    );
  }
  return state;
}

describe('room', () => {
  test('an only channel has all that its route has left', () => {
    for (const asked of [0, 1, 3]) {
      const state = routeOf([1_000], asked);
      const { bytes } = state.routes[0]!.window;
      expect(windowRoom(state, state.channels.get(1)!)).toBe(bytes - asked * SEGMENT);
    }
  });

  test('what one channel was asked for is no room for another', () => {
    const state = routeOf([1_000, 1_000], 2);
    expect(askedBytes(state, 0)).toBe(4 * SEGMENT);
    expect(windowRoom(state, state.channels.get(1)!)).toBeLessThanOrEqual(state.routes[0]!.window.bytes - 4 * SEGMENT);
  });

  test('another route is another window', () => {
    const state = routeOf([1_000], 3);
    openChannel(state, 9, { route: 1 });
    expect(askedBytes(state, 1)).toBe(0);
    expect(windowRoom(state, state.channels.get(9)!)).toBe(state.routes[1]!.window.bytes);
  });

  test('who is not in use has none', () => {
    const state = routeOf([1_000]);
    const channel = state.channels.get(1)!;
    channel.apply('silence');
    expect(windowRoom(state, channel)).toBe(0);
  });

  test('who is one too many for the window gets what the pattern gave it one by one', () => {
    const state = routeOf([1_000, 1_000]);
    const channel = state.channels.get(2)!;
    expect(activeChannels(state, state.routes[0]!)).not.toContain(channel);
    expect(windowRoom(state, channel)).toBe(SEGMENT);
    channel.ledger.grant();
    expect(windowRoom(state, channel)).toBe(0);
    state.routes[0]!.isSetAside = true;
    expect(windowRoom(state, channel)).toBe(0);
  });

  test('what a draining channel still owes takes its part of the window', () => {
    const state = routeOf([1_000, 1_000], 1);
    state.channels.get(2)!.apply('surplus');
    expect(activeChannels(state, state.routes[0]!).map(({ number }) => number)).toEqual([1]);
    expect(windowRoom(state, state.channels.get(1)!)).toBe(state.routes[0]!.window.bytes - 2 * SEGMENT);
  });

  test('what a late channel keeps waiting leaves its part of the window to the others, and it gets no more itself', () => {
    const state = routeOf([1_000, 1_000], 1);
    state.channels.get(2)!.apply('lag');
    expect(windowRoom(state, state.channels.get(1)!)).toBe(state.routes[0]!.window.bytes - SEGMENT);
    expect(windowRoom(state, state.channels.get(2)!)).toBe(0);
  });

  test('granted one after another, whatever their rates, all together stay within window + one segment', () => {
    const rates = fc.array(fc.double({ min: 1, max: 20_000, noNaN: true }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(rates, fc.array(fc.nat(7), { maxLength: 60 }), (list, order) => {
        const state = routeOf(list);
        const { window } = state.routes[0]!;
        for (let turn = 0; turn < 30; turn += 1)
          window.tick(
            { bytes: 0, flight: 40_000 * turn, rate: 1_000, rttMs: 20, channels: list.length, lossLimited: false },
            turn * 10,
          );
        for (const at of order) {
          const channel = state.channels.get(1 + (at % list.length))!;
          if (windowRoom(state, channel) >= SEGMENT / 2) channel.ledger.grant();
        }
        expect(askedBytes(state, 0)).toBeLessThanOrEqual(window.bytes + SEGMENT);
      }),
      { numRuns: 60 },
    );
  });
});

test('into a file, who has nothing under way and something earlier comes before one who has, however quick', () => {
  const options = { output: 'any' as const, firstWindowBytes: 2 * SEGMENT };
  const state = coreState({ segments: 1_000, options });
  const [quick, idle] = [openChannel(state, 1, { rate: 5_000 }), openChannel(state, 2, { rate: 1 })];
  const turns = leadOf(
    1,
    Array.from({ length: 50 }, (_, at) => 1 + (at % 2)),
  );
  owe(state, quick, turns, 1, 0);
  owe(state, idle, turns, 0, 0);
  state.routes[0]!.window.tick({ bytes: 0, flight: 0, rate: 0, rttMs: 20, channels: 2, lossLimited: false }, 0);
  expect(windowRoom(state, quick)).toBeLessThan(SEGMENT / 2);
  expect(windowRoom(state, idle)).toBeGreaterThanOrEqual(SEGMENT / 2);
  // what an older pattern gives it counts for nothing, and what comes later than the next of the other can wait
  quick.ledger.pattern({ ...turns, epoch: 2 });
  expect(windowRoom(state, quick)).toBeGreaterThanOrEqual(SEGMENT / 2);
  idle.ledger.pattern(leadOf(2, [1, 1, 1, 1, 2]));
  expect(windowRoom(state, quick)).toBeGreaterThanOrEqual(SEGMENT / 2);
  idle.ledger.pattern(leadOf(3, [2]));
  quick.ledger.pattern({ ...turns, epoch: 3 });
  expect(windowRoom(state, quick)).toBeLessThan(SEGMENT / 2);
});

test('credit that brings nothing is used up before it keeps a route from being asked for anything', () => {
  for (const unused of [2, 3]) {
    const state = routeOf([1_000, 1_000]);
    const [first, second] = [state.channels.get(1)!, state.channels.get(2)!];
    for (let at = 0; at < unused; at += 1) second.ledger.grant();
    const others = leadOf(2, [1, 1, 1, 1, 1, 1, 1, 1]);
    for (const { ledger } of [first, second]) ledger.pattern(others);
    expect(second.outBytes).toBe(0);
    expect(askedBytes(state, 0)).toBe(unused * SEGMENT);
    const isTooMuch = unused * SEGMENT > state.routes[0]!.window.bytes / 2;
    expect(activeChannels(state, state.routes[0]!)).toEqual([isTooMuch ? second : first]);
    expect(dealtChannels(state)).toEqual([isTooMuch ? second : first]);
  }
});

test('patterns deal to channels that may be given credit, opened or about to be', () => {
  const state = routeOf([1_000, 1_000, 1_000]);
  openChannel(state, 8, { route: 1 }).openedAt = undefined;
  openChannel(state, 9, { route: 1 });
  expect(state.routes[0]!.window.active).toBe(1);
  expect(dealtChannels(state).map(({ number }) => number)).toEqual([1, 8]);
});
