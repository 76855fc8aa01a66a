// A transfer as a whole, by hand: how it begins and ends, and what it asks for meanwhile.
import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../client/core/messages.ts';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { elementAt } from '../../../protocol/pattern.ts';
import { rangesHave } from '../../../protocol/ranges.ts';
import { SEGMENT } from './core-state.ts';
import { checkedPlays, upTo } from './plays.ts';

const { opened, playOf } = checkedPlays();

describe('from the beginning to the end', () => {
  test('what an earlier transfer left is not asked for again, and completes it', () => {
    const have = [
      { first: 0, length: 30 },
      { first: 33, length: 20 },
      { first: 70, length: 1 },
    ];
    const play = playOf({ routes: 2, segments: 90, have, options: { output: 'any' } });
    expect(play.finish()).toBe('done');
    const asked = upTo(90).filter((index) => (play.arrivals[index] ?? 0) > 0);
    expect(asked).toEqual(upTo(90).filter((index) => !rangesHave(have, index)));
    expect(play.delivered.toSorted((a, b) => a - b)).toEqual(asked);
  });

  test('if an earlier transfer left everything, HELLO is the end', () => {
    const play = playOf({ segments: 40, have: [{ first: 0, length: 40 }], options: { output: 'any' } });
    play.open(1);
    expect(play.outcome).toBe('done');
    expect(play.arrivals).toEqual([]);
  });

  test('asks for nothing behind the end of a range, before any HELLO as well', () => {
    const play = playOf({ routes: 2, size: 100 * SEGMENT, firstByte: 5 * SEGMENT, endByte: 7 * SEGMENT });
    for (const channel of [1, 2]) play.feed({ type: 'connected', channel, connectMs: 5 }, 5);
    const patterns = play.effects.flatMap((effect) => ('pattern' in effect ? [effect.pattern] : []));
    expect(patterns.length).toBeGreaterThan(0);
    for (const { to } of patterns) expect(to).toBe(7);
  });

  test('an empty object is done with its HELLO', () => {
    const play = playOf({ routes: 2, size: 0 });
    play.open(1);
    expect(play.outcome).toBe('done');
    expect(play.delivered).toEqual([]);
    expect(play.channels).toEqual([]);
    expect(play.transfer.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 100 * SEGMENT + 7])('%i bytes arrive once and in order', (size) => {
    const play = opened({ routes: 2, size });
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(Math.ceil(size / SEGMENT)));
    expect(play.arrivals).toEqual(play.delivered.map(() => 1));
    const { counters, routes } = play.snapshot;
    expect(counters).toMatchObject({ receivedBytes: size, wasteBytes: 0, corrupt: 0 });
    expect(routes.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0)).toBe(size);
    expect(
      routes.reduce((sum, { patternBytes }) => sum + patternBytes, 0),
      'all of it by pattern',
    ).toBe(size);
  });

  test.each([
    [0, 1, 0, 1],
    [5 * SEGMENT, 7 * SEGMENT, 5, 7],
    [5 * SEGMENT - 1, 7 * SEGMENT + 1, 4, 8],
    [99 * SEGMENT, undefined, 99, 100],
    [20 * SEGMENT, 1e12, 20, 100],
    [100 * SEGMENT, undefined, 100, 100],
  ])('of bytes %i to %s only segments %i to %i are asked for', (firstByte, endByte, from, to) => {
    const play = opened({ segments: 100, firstByte, ...(endByte === undefined ? {} : { endByte }) });
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(100).slice(from, to));
    // before the size is known, credit may reach a little beyond the object's end, never beyond what is wanted of it
    const first = play.arrivals.findIndex((count) => count > 0);
    if (to > from) expect(first).toBe(from);
  });

  test('in any order each segment is delivered as soon as it is proven', () => {
    const play = opened({ routes: 2, segments: 40, options: { output: 'any' } });
    play.up(2);
    play.down(2);
    expect(play.delivered.length).toBeGreaterThan(0);
    expect(play.delivered).not.toContain(0);
    expect(play.finish()).toBe('done');
    expect(play.delivered.toSorted((a, b) => a - b)).toEqual(upTo(40));
  });

  test('it is done only when the sink has taken everything', () => {
    const play = opened({ segments: 3 });
    play.sinkTakes = false;
    play.up(1);
    play.down(1);
    expect(play.delivered).toEqual([0, 1, 2]);
    play.pass(1_000);
    play.take(0);
    play.take(2);
    expect(play.outcome).toBeUndefined();
    play.take(1);
    expect(play.outcome).toBe('done');
  });

  test('at the end every channel is closed: with BYE when it owes nothing', () => {
    const play = opened({ segments: 2 });
    expect(play.finish()).toBe('done');
    expect(play.effects.slice(-2)).toEqual([{ type: 'close', channel: 1, graceful: true }, { type: 'done' }]);
    const two = opened({ routes: 2, segments: 20 });
    expect(two.finish()).toBe('done');
    expect(two.channels).toEqual([]);
  });

  test('after the end nothing is taken in and nothing comes out', () => {
    const play = opened({ segments: 1 });
    play.finish();
    const before = play.effects.length;
    play.feed([{ type: 'tick' }, { type: 'taken', index: 0 }, { type: 'closed', channel: 1, code: 'refused' }], 1_000);
    expect(play.effects).toHaveLength(before);
  });

  test('the next tick is never far away', () => {
    const play = opened({ segments: 1_000 });
    for (let turn = 0; turn < 50; turn += 1) {
      play.feed({ type: 'tick' }, 7);
      expect(play.transfer.deadline()).toBeLessThanOrEqual(play.now + CORE_DEFAULTS.tickMs);
    }
  });
});

describe('proof pages', () => {
  const proves = (effects: readonly Effect[]): { channel: number; first: number }[] =>
    effects
      .flatMap((effect) => (effect.type === 'prove' ? [effect] : []))
      .map(({ channel, first }) => ({ channel, first }));

  test('are asked for ahead of what is asked for', () => {
    const play = opened({ segments: 100_000, options: { proofNodes: 64 } });
    for (let turn = 0; turn < 20; turn += 1) {
      play.up(1);
      play.down(1);
      play.pass(5);
      const highest = play.arrivals.length - 1;
      const pages = new Set(proves(play.effects).map(({ first }) => first / 64));
      for (let page = 0; page <= Math.floor(highest / 64) + 1; page += 1) expect(pages).toContain(page);
    }
  });

  test('a false one is asked for elsewhere, and its route is blamed', () => {
    const play = playOf({ routes: 2, segments: 100 });
    play.proves = false;
    play.open(1);
    play.open(2);
    const [asked] = proves(play.effects);
    play.feed({ type: 'proof', channel: asked!.channel, first: 0, count: 100, ok: false });
    expect(play.snapshot.routes.map(({ corrupt }) => corrupt)).toEqual(asked!.channel === 1 ? [1, 0] : [0, 1]);
    expect(proves(play.pass(20))).toEqual([{ channel: 3 - asked!.channel, first: 0 }]);
  });
});

describe('what an epoch that is confirmed allows', () => {
  test('a segment that an old pattern may have released stays with its channel until it confirms a newer one', () => {
    const play = opened({ routes: 2, segments: 1_000 });
    const mayOwe = (): number[] => upTo(1_000).filter((index) => elementAt(play.snapshot.pattern, index) === 1);
    const before = mayOwe().slice(0, 3);
    play.pass(500);
    for (const index of before) expect(mayOwe()).toContain(index);
  });
});
