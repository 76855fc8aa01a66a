// What holds up the output in order, foreseen: what a slower channel brings later than was promised, and what comes only
// when the reorder window has long been full. Honest latency, a slow reader and a roomy window are none of it.
import { describe, expect, test } from 'vitest';
import type { TransferState } from '../../../client/core/state.ts';
import { blockades, standstills } from '../../../client/core/standstill.ts';
import { coreState, leadOf, openChannel, owe, SEGMENT } from './core-state.ts';

/** A segment each 16 ms. */
const FAST = SEGMENT / 16;

/** A quick route and one that was as quick when it was asked for three segments, and brings `rate` now; segment 0 is its. */
function collapsed(rate: number, rttMs = 20): TransferState {
  const state = coreState({ routes: 2, segments: 1_000 });
  const slow = openChannel(state, 1, { route: 0, rttMs, rate: FAST });
  openChannel(state, 2, { route: 1, rate: FAST });
  owe(state, slow, leadOf(1, [1, 2, 2, 1, 2, 2, 1]), 3, 0);
  for (let now = 0; now <= 400; now += 10) {
    slow.rate.becomesBusy(0);
    slow.rate.add(rate * 10, now);
    slow.rate.tick(now, rttMs, false);
  }
  return state;
}

const indexes = (late: readonly { readonly index: number }[]): number[] => late.map(({ index }) => index);

describe('the stream would stand still', () => {
  test('behind a route that collapsed', () => {
    expect(indexes(standstills(collapsed(FAST / 20), 400))).toEqual([0, 3, 6]);
  });

  test('not behind one that keeps what it promised, however long it is', () => {
    const state = coreState({ routes: 2, segments: 1_000 });
    const long = openChannel(state, 1, { route: 0, rttMs: 600, rate: FAST });
    openChannel(state, 2, { route: 1, rate: FAST });
    owe(state, long, leadOf(1, [1, 2, 2, 1]), 2, 0);
    expect(indexes(standstills(state, 300))).toEqual([]);
  });

  test('behind one that fell silent: it repairs a loss, which takes a round trip', () => {
    const state = coreState({ routes: 2, segments: 1_000 });
    const long = openChannel(state, 1, { route: 0, rttMs: 600, rate: FAST });
    openChannel(state, 2, { route: 1, rate: FAST });
    owe(state, long, leadOf(1, [1, 2, 2, 1]), 2, 0);
    long.hear(100, 600, 610);
    expect(indexes(standstills(state, 660))).toEqual([]);
    expect(indexes(standstills(state, 675))).toEqual([0, 3]);
  });
});

describe('the reorder window would be full', () => {
  /** All but `free` segments of the window are here, segment 0 excepted, which the collapsed route is to bring. */
  function nearlyFull(free: number, rate: number): TransferState {
    const state = collapsed(rate);
    const most = state.options.reorderBytes / SEGMENT;
    for (let index = 10; index < 10 + most - free - 3; index += 1) state.table.arrive(index);
    return state;
  }

  test('before what a collapsed route owes is here', () => {
    const [first] = blockades(nearlyFull(4, FAST / 20), 400);
    expect(first?.index).toBe(0);
    // each of the two brings a segment in 16 ms, or the collapsed one in 320
    expect(first?.neededMs).toBeGreaterThan((4 * 16) / 2);
    expect(first?.neededMs).toBeLessThan(5 * 16);
    expect(first?.finishMs).toBeGreaterThan(first!.neededMs + 50);
  });

  test('not while it has room for long', () => {
    expect(blockades(nearlyFull(400, FAST / 20), 400)).toEqual([]);
  });

  test('nor while its holder is as quick as the others', () => {
    const state = coreState({ routes: 2, segments: 2_000 });
    const first = openChannel(state, 1, { route: 0, rate: FAST });
    openChannel(state, 2, { route: 1, rate: FAST });
    owe(state, first, leadOf(1, [1, 2, 2, 1]), 1, 0);
    for (let index = 10; index < 10 + 1_000; index += 1) state.table.arrive(index);
    expect(blockades(state, 0)).toEqual([]);
  });

  test('nor because the reader takes nothing', () => {
    const state = nearlyFull(4, FAST / 20);
    for (let index = 0; index < 10; index += 1) state.table.arrive(index);
    expect(blockades(state, 400)).toEqual([]);
  });
});
