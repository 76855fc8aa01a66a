// Repair: what is lost is asked for elsewhere, what is late is hedged within a budget, and at the end idle channels take
// over what is expected last. Nothing of it happens while nobody is to blame.
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../../client/core/channel.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import { Repair } from '../../../client/core/repair.ts';
import type { TransferState } from '../../../client/core/state.ts';
import { coreState, leadOf, openChannel, owe, SEGMENT, taken } from './core-state.ts';

const RTT_MS = 20;
const FAST = 2_000;

type Kit = { readonly state: TransferState; readonly repair: Repair; readonly channels: readonly Channel[] };

/** `rates.length` routes with one channel each: channel n on route n − 1, measured at rates[n − 1]. */
function kitOf(rates: readonly number[], options: Partial<CoreOptions> = {}, segments = 1_000): Kit {
  const state = coreState({ routes: rates.length, segments, options });
  const channels = rates.map((rate, route) => openChannel(state, route + 1, { route, rttMs: RTT_MS, rate }));
  return { state, repair: new Repair(state), channels };
}

/** One long pattern, dealt in turn; every channel was asked for `most` segments at 0, channel 1 for `first`. */
function busy({ state, channels }: Kit, first = 3, most = 3): void {
  const lead = Array.from({ length: 300 * channels.length }, (_, at) => 1 + (at % channels.length));
  for (const channel of channels) owe(state, channel, leadOf(1, lead), channel.number === 1 ? first : most, 0);
}

/** The next segment of a channel arrives at `now`: what was asked for by SEND goes first. */
function arrive({ state, repair }: Kit, channel: Channel, now: number): void {
  const [sent] = channel.ledger.openSends;
  const index = sent ?? channel.ledger.expected[0];
  if (index === undefined) return;
  channel.hear(SEGMENT, 20, now);
  channel.ledger.answer(index, 1, sent === undefined ? 'pattern' : 'send', true);
  channel.answered();
  channel.settle(RTT_MS, now);
  state.counters.receivedBytes += SEGMENT;
  if (state.table.isMissing(index)) state.table.arrive(index);
  repair.settle(index);
}

/** What was asked for by SEND since the last call: channel and segment. */
function sends(state: TransferState): { channel: number; index: number; again: boolean }[] {
  return taken(state, 'send').flatMap(({ channel, ranges, again }) =>
    ranges.flatMap(({ first, length }) => Array.from({ length }, (_, at) => ({ channel, index: first + at, again }))),
  );
}

describe('lost segments', () => {
  // in any order: then nothing but loss is repaired while there is more to grant
  const output = 'any' as const;

  test('are asked for once, of the quickest channel of another route', () => {
    const { state, repair } = kitOf([500, FAST, 200], { output });
    repair.lose(7, 1);
    repair.turn(0);
    expect(sends(state)).toEqual([{ channel: 1, index: 7, again: false }]);
    repair.turn(10);
    expect(sends(state)).toEqual([]);
  });

  test('belong to the repair until they are here: patterns leave them alone', () => {
    const { repair } = kitOf([500, 500], { output });
    expect(repair.owns(7)).toBe(false);
    expect([...repair.segments]).toEqual([]);
    repair.lose(7, 0);
    repair.lose(3, 0);
    expect(repair.owns(7)).toBe(true);
    expect([...repair.segments]).toEqual([7, 3]);
    repair.settle(7);
    expect(repair.owns(7)).toBe(false);
    expect([...repair.segments]).toEqual([3]);
  });

  test('bad from one route after the other go to those that have not been tried', () => {
    const { state, repair } = kitOf([1_000, 2_000, 3_000], { output });
    const asked = [0, 1].map(() => {
      repair.turn(0);
      return sends(state);
    });
    expect(asked).toEqual([[], []]);
    repair.lose(7, 2);
    repair.turn(0);
    expect(sends(state)).toMatchObject([{ channel: 2 }]);
    repair.lose(7, 1);
    repair.turn(0);
    expect(sends(state)).toMatchObject([{ channel: 1 }]);
  });

  test('are asked for again from the sole source, which has sent them before', () => {
    const kit = kitOf([FAST], { output });
    busy(kit, 1);
    arrive(kit, kit.channels[0]!, 30);
    kit.state.table.lose(0);
    kit.repair.lose(0, 0);
    kit.repair.turn(40);
    expect(sends(kit.state)).toEqual([{ channel: 1, index: 0, again: true }]);
  });

  test('are asked for elsewhere when their holder ends or stalls', () => {
    const { state, repair, channels } = kitOf([1_000, 2_000, 3_000], { output });
    repair.lose(7, 2);
    repair.turn(0);
    expect(sends(state)).toMatchObject([{ channel: 2 }]);
    channels[1]?.apply('ended');
    state.channels.remove(state.channels.get(2)!);
    repair.orphan(2);
    repair.turn(10);
    expect(sends(state)).toMatchObject([{ channel: 1, index: 7 }]);
    repair.orphan(3);
    repair.turn(20);
    expect(sends(state)).toEqual([]);
  });

  test('wait while nobody can be asked', () => {
    const { state, repair, channels } = kitOf([100], { output });
    channels[0]!.helloSeen = false;
    repair.lose(7, 0);
    repair.turn(0);
    expect(sends(state)).toEqual([]);
    channels[0]!.helloSeen = true;
    repair.turn(10);
    expect(sends(state)).toMatchObject([{ channel: 1, index: 7 }]);
  });

  test('cost no hedge', () => {
    const { state, repair } = kitOf([100, 100], { output, hedgeBytes: 0, hedgeFraction: 0 });
    for (let index = 0; index < 50; index += 1) repair.lose(index, 0);
    repair.turn(0);
    expect(sends(state)).toHaveLength(50);
    expect(state.counters.hedges).toBe(0);
  });
});

describe('hedges', () => {
  /** Channel 1 falls silent at once, the others receive a segment every 10 ms until `end`, and are asked for another. */
  function silence(kit: Kit, end: number): ReturnType<typeof sends> {
    const all: ReturnType<typeof sends> = [];
    for (let now = 10; now <= end; now += 10) {
      for (const channel of kit.channels.slice(1)) {
        arrive(kit, channel, now);
        if (channel.ledger.unanswered < 3) channel.ledger.grant();
      }
      kit.repair.turn(now);
      all.push(...sends(kit.state));
    }
    return all;
  }

  test('what holds up the output is asked of another channel while its holder is silent', () => {
    const kit = kitOf([FAST, FAST]);
    busy(kit, 100);
    const all = silence(kit, 500);
    expect(all[0]).toEqual({ channel: 2, index: 0, again: false });
    expect(new Set(all.map(({ channel }) => channel))).toEqual(new Set([2]));
    expect(kit.state.counters.hedges).toBe(all.length);
  });

  test('nothing is asked for by more than two', () => {
    const kit = kitOf([FAST, FAST, FAST]);
    busy(kit, 100);
    const asked = silence(kit, 600).map(({ index }) => index);
    expect(new Set(asked).size).toBe(asked.length);
  });

  test('nobody is asked while something earlier is planned for him that his window has no room for', () => {
    const kit = kitOf([FAST, FAST]);
    const { state, repair, channels } = kit;
    const lead = leadOf(1, [1, 2, 1, 1, 2, 2]);
    owe(state, channels[0]!, lead, 3, 0);
    owe(state, channels[1]!, lead, 0, 0);
    channels[1]!.hear(100, RTT_MS, 300);
    repair.turn(300);
    expect(sends(state)).toEqual([{ channel: 2, index: 0, again: false }]);
    owe(state, channels[1]!, lead, 1, 310);
    repair.turn(310);
    expect(sends(state).map(({ index }) => index)).toEqual([2, 3]);
  });

  test('what fills the reorder window is asked of another beyond the budget, but not far', () => {
    const kit = kitOf([FAST, FAST], { hedgeBytes: 10 * SEGMENT, hedgeFirstFraction: 1, hedgeFraction: 0 }, 2_000);
    const { state, repair, channels } = kit;
    const lead = Array.from({ length: 100 }, () => 1);
    owe(state, channels[0]!, leadOf(1, lead), 100, 0);
    for (let index = 100; index < 1_020; index += 1) state.table.arrive(index);
    for (let now = 400; now < 2_000; now += 10) {
      channels[1]!.hear(100, RTT_MS, now);
      repair.turn(now);
      arrive(kit, channels[1]!, now);
    }
    expect(state.counters.hedgedBytes / SEGMENT).toBe(14);
  });

  test('a holder that is only a round trip away is not late', () => {
    const kit = kitOf([FAST, FAST]);
    busy(kit);
    expect(silence(kit, RTT_MS + 40)).toEqual([]);
  });

  test('if all are silent together nobody is hedged', () => {
    const kit = kitOf([FAST, FAST]);
    busy(kit);
    for (let now = 10; now < 5_000; now += 10) kit.repair.turn(now);
    expect(sends(kit.state)).toEqual([]);
  });

  test('an only channel cannot be hedged', () => {
    const kit = kitOf([FAST]);
    busy(kit);
    for (let now = 10; now < 5_000; now += 10) kit.repair.turn(now);
    expect(sends(kit.state)).toEqual([]);
  });

  test('a file in any order can wait until the end', () => {
    const kit = kitOf([FAST, FAST], { output: 'any' });
    busy(kit);
    expect(silence(kit, 500)).toEqual([]);
  });

  test('the budget is kept, however late everything is', () => {
    for (const [hedgeBytes, hedgeFraction] of [
      [0, 0],
      [3 * SEGMENT, 0],
      [0, 0.05],
    ] as const) {
      const kit = kitOf([FAST, FAST], { hedgeBytes, hedgeFraction });
      busy(kit, 40);
      silence(kit, 1_900);
      const { hedgedBytes, receivedBytes } = kit.state.counters;
      const first = Math.max(hedgeBytes, 2 * SEGMENT);
      expect(hedgedBytes).toBeLessThanOrEqual(first + hedgeFraction * receivedBytes);
    }
  });

  test('more budget is more hedges: the test above can fail', () => {
    const hedgesWith = (hedgeFraction: number): number => {
      const kit = kitOf([FAST, FAST], { hedgeBytes: 0, hedgeFraction });
      busy(kit, 40);
      silence(kit, 1_900);
      return kit.state.counters.hedges;
    };
    expect(hedgesWith(0.2)).toBeGreaterThan(hedgesWith(0.01));
  });
});

describe('a channel that brings nothing', () => {
  test('is not waited for when nobody may be asked for more because of it, in any order either', () => {
    const kit = kitOf([FAST, FAST], { output: 'any' });
    busy(kit);
    for (const now of [100, 110, 120]) arrive(kit, kit.channels[1]!, now);
    kit.repair.turn(1_000);
    expect(sends(kit.state)).toEqual([]);
    kit.state.isOutOfReach = true;
    kit.repair.turn(1_010);
    expect(sends(kit.state)).toContainEqual({ channel: 2, index: 0, again: false });
  });
});

describe('the end', () => {
  /** Nothing is left to grant: a slow channel owes the last segments, a fast one is idle and has just received. */
  function tail(slow: number, fast: number, left = 6, output: CoreOptions['output'] = 'any'): Kit {
    const kit = kitOf([slow, fast], { output }, left);
    kit.state.counters.receivedBytes = 1e9;
    owe(
      kit.state,
      kit.channels[0]!,
      leadOf(
        1,
        Array.from({ length: left }, () => 1),
      ),
      left,
      0,
    );
    kit.channels[0]!.hear(10, 20, 10);
    kit.channels[1]!.hear(10, 20, 10);
    return kit;
  }

  test('an idle fast channel takes over what is expected last from a slow one', () => {
    const kit = tail(20, FAST);
    kit.repair.turn(10);
    const all = sends(kit.state);
    expect(all[0]).toMatchObject({ channel: 2, index: 5 });
    expect(all.map(({ index }) => index)).toEqual(all.map(({ index }) => index).toSorted((a, b) => b - a));
  });

  test('but not what would come hardly earlier', () => {
    const kit = tail(FAST, FAST, 2);
    kit.repair.turn(10);
    expect(sends(kit.state)).toEqual([]);
  });

  test('and nothing while there is still something to grant', () => {
    const kit = kitOf([20, FAST], { output: 'any' }, 100);
    owe(
      kit.state,
      kit.channels[0]!,
      leadOf(
        1,
        Array.from({ length: 6 }, () => 1),
      ),
      6,
      0,
    );
    kit.channels[0]!.hear(10, 20, 10);
    kit.channels[1]!.hear(10, 20, 10);
    kit.repair.turn(10);
    expect(sends(kit.state)).toEqual([]);
  });

  test('a segment that came meanwhile is not taken over', () => {
    const kit = tail(20, FAST, 2);
    kit.state.table.arrive(1);
    kit.repair.turn(10);
    expect(sends(kit.state).map(({ index }) => index)).not.toContain(1);
  });

  test('what was taken over by a channel that ends is taken over by another', () => {
    const kit = tail(20, FAST);
    const third = openChannel(kit.state, 3, { route: 1, rttMs: RTT_MS, rate: FAST });
    kit.repair.turn(10);
    const first = sends(kit.state).find(({ index }) => index === 5);
    kit.state.channels.remove(kit.state.channels.get(first!.channel)!);
    kit.repair.orphan(first!.channel);
    kit.repair.turn(20);
    const heir = first!.channel === third.number ? 2 : 3;
    expect(sends(kit.state)).toContainEqual({ channel: heir, index: 5, again: false });
  });
});

test('credit that no segment is left for does not keep an idle channel from taking over', () => {
  const kit = kitOf([20, FAST], {}, 4);
  const { state, repair, channels } = kit;
  owe(state, channels[0]!, leadOf(1, [1, 1, 1, 1]), 4, 0);
  owe(state, channels[1]!, leadOf(1, [1, 1, 1, 1]), 4, 0);
  expect(channels[1]!.ledger.unanswered).toBe(4);
  repair.turn(100);
  expect(sends(state).some(({ channel }) => channel === 2)).toBe(true);
});
