// Stalls are relative: a silent channel is suspect only while another one receives. Nobody is blamed for a common silence.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../../client/core/channel.ts';
import { backlogMsOf, lapses, stallThreshold } from '../../../client/core/liveness.ts';
import { coreState, leadOf, openChannel, optionsWith, owe } from './core-state.ts';

const RTT_MS = 20;
const options = optionsWith();
/** A path without a backlog. */
const PATH = { rttMs: RTT_MS, backlogMs: (): number => 0 };

/** Channels that were all asked for two segments at 0 and last heard at the times given. */
function channelsHeardAt(...times: readonly number[]): Channel[] {
  const state = coreState({ routes: times.length, segments: 100 });
  return times.map((at, place) => {
    const channel = openChannel(state, place + 1, { route: place, rttMs: RTT_MS });
    owe(state, channel, leadOf(1, [place + 1, place + 1]), 2, 0);
    if (at >= 0) channel.hear(1_000, RTT_MS, at);
    return channel;
  });
}

const stalled = (channels: readonly Channel[], now: number, of = options): number[] =>
  lapses(channels, () => PATH, of, now)
    .filter(({ event }) => event === 'silence')
    .map(({ channel }) => channel.number);

describe('lapses', () => {
  test('the one that fell silent, while another still receives', () => {
    const [silent, alive] = channelsHeardAt(100, 1_000);
    expect(stalled([silent!, alive!], 1_010)).toEqual([1]);
  });

  test('nobody while all are silent, however long', () => {
    for (const now of [500, 2_000, 60_000]) expect(stalled(channelsHeardAt(100, 110, 120), now)).toEqual([]);
  });

  test('nobody before its own threshold has passed', () => {
    const threshold = stallThreshold(RTT_MS, options);
    const [silent, alive] = channelsHeardAt(1_000, 1_000);
    for (const [after, expected] of [
      [0.9 * threshold, []],
      [1.1 * threshold, [1]],
    ] as const) {
      alive!.hear(1, RTT_MS, 1_000 + after);
      expect(stalled([silent!, alive!], 1_000 + after)).toEqual(expected);
    }
  });

  test('who was asked for nothing is not silent', () => {
    const [idle, alive] = channelsHeardAt(100, 1_000);
    for (const index of [0, 1]) idle!.ledger.answer(index, 1, 'pattern', true);
    expect(stalled([idle!, alive!], 1_010)).toEqual([]);
  });

  test('with the one that fell silent those of its route that had nothing to bring, and whose PONGs fail to come', () => {
    const [silent, idle, alive] = channelsHeardAt(100, 100, 1_000);
    const [another] = channelsHeardAt(100);
    const beside = [idle!, another!].map((channel, place) =>
      Object.assign(channel, { route: silent!.route, number: 7 + place }),
    );
    for (const index of [0, 1]) for (const channel of beside) channel.ledger.answer(index, 1, 'pattern', true);
    beside[1]!.pongAt = 990;
    expect(stalled([silent!, beside[0]!, alive!], 400)).toEqual([1, 7]);
    expect(stalled([beside[0]!, alive!], 400)).toEqual([]);
    // a PONG came: the path works, and the silent one is only late
    expect(stalled([silent!, ...beside, alive!], 400)).toEqual([]);
  });

  test('a channel that never answered at all is found as well', () => {
    const [dumb, alive] = channelsHeardAt(-1, 1_000);
    expect(stalled([dumb!, alive!], 1_010)).toEqual([1]);
  });

  test('who only ever said HELLO proves nothing about the others', () => {
    const [silent, greeted] = channelsHeardAt(100, -1);
    greeted!.heardAt = 1_000;
    expect(stalled([silent!, greeted!], 1_010)).toEqual([]);
  });

  test('who has nothing left to receive proves by PONGs that it gets through; who waits for bytes does not', () => {
    const [silent, idle] = channelsHeardAt(100, 100);
    idle!.pongAt = 1_000;
    expect(stalled([silent!, idle!], 1_010)).toEqual([]);
    for (const index of [0, 1]) idle!.ledger.answer(index, 1, 'pattern', true);
    expect(stalled([silent!, idle!], 1_010)).toEqual([1]);
    expect(stalled([silent!, idle!], 2_000)).toEqual([]);
  });

  test('where another connection over the same path gets through, it is late first and given up much later', () => {
    const state = coreState({ segments: 100 });
    const [silent, alive] = [1, 2].map((number) => {
      const channel = openChannel(state, number, { rttMs: RTT_MS });
      owe(state, channel, leadOf(1, [number, number]), 2, 0);
      channel.hear(1_000, RTT_MS, 100);
      return channel;
    });
    const threshold = stallThreshold(RTT_MS, options);
    const found = (after: number, backlogMs: number = 0): string[] => {
      alive!.heardAt = 100 + after;
      const path = { rttMs: RTT_MS, backlogMs: () => backlogMs };
      return lapses([silent!, alive!], () => path, options, 100 + after).map(({ event }) => event);
    };
    expect(found(0.9 * threshold)).toEqual([]);
    expect(found(1.1 * threshold)).toEqual(['lag']);
    expect(found(20 * threshold)).toEqual(['silence']);
    // a thin path that has been asked for much serves the others first
    expect(found(20 * threshold, 20 * threshold)).toEqual(['lag']);
    expect(found(31 * threshold, 20 * threshold)).toEqual(['silence']);
  });

  test('an only channel is never stalled', () => {
    expect(stalled(channelsHeardAt(100), 60_000)).toEqual([]);
  });

  test('never all of them, whoever was heard when', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { minLength: 1, maxLength: 6 }), fc.nat(3_000), (times, after) => {
        const now = Math.max(...times) + after;
        const found = stalled(channelsHeardAt(...times), now);
        expect(found.length).toBeLessThan(times.length);
        const newest = times.indexOf(Math.max(...times)) + 1;
        expect(found).not.toContain(newest);
      }),
      { numRuns: 100 },
    );
  });
});

describe('stallThreshold', () => {
  test('a longer way gets more time, up to the most; a file gets more time than a stream', () => {
    const order = optionsWith({ output: 'order' });
    const any = optionsWith({ output: 'any' });
    expect(stallThreshold(10, order)).toBeLessThan(stallThreshold(10, any));
    expect(stallThreshold(600, order)).toBeGreaterThan(600);
    expect(stallThreshold(60_000, order)).toBe(order.stallMostMs);
  });
});

test('a backlog takes what it takes at the rate of its path, within reason', () => {
  expect(backlogMsOf(100_000, 50)).toBe(2_000);
  expect(backlogMsOf(0, 0)).toBe(0);
  expect(backlogMsOf(1e9, 0)).toBe(10_000);
});
