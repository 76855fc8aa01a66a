// Patterns and credit of a whole transfer: when a pattern is dealt and who learns of it, how far credit goes, and that
// the segment everybody waits for can always be asked for.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { MAX_SEGMENTS } from '../../../protocol/limits.ts';
import { channelsOf, elementAt } from '../../../protocol/pattern.ts';
import { SEGMENT } from './core-state.ts';
import { PlayedTransfer } from './played-transfer.ts';

/** Everything that `channel` was asked for by credit, in segments. */
const creditOf = (play: PlayedTransfer, channel: number): number => play.sources.get(channel)?.credit ?? 0;

const patternsOf = (play: PlayedTransfer): number[] =>
  play.effects.flatMap((effect) => (effect.type === 'pattern' ? [effect.pattern.epoch] : []));

describe('the first pattern', () => {
  test('goes out with the upgrade, with credit for the first window, before anything is known of the object', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 1_000 });
    const [open] = play.feed({ type: 'connected', channel: 1, connectMs: 20 }, 20);
    expect(open).toMatchObject({ type: 'open', channel: 1, pattern: { epoch: 1, from: 0, to: MAX_SEGMENTS } });
    const { credit } = open as { credit: number };
    expect(credit).toBeGreaterThan(0);
    expect(credit * SEGMENT).toBeLessThanOrEqual(CORE_DEFAULTS.firstWindowBytes + SEGMENT);
    expect(play.faults).toEqual([]);
  });

  test('waits for nobody: each route begins when it is connected, and the others learn of it', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 1_000 });
    play.open(1);
    const effects = play.feed({ type: 'connected', channel: 2, connectMs: 80 }, 60);
    expect(effects.map(({ type }) => type)).toContain('open');
    const told = effects.flatMap((effect) => (effect.type === 'pattern' || effect.type === 'open' ? [effect] : []));
    expect(new Set(told.map(({ channel }) => channel))).toEqual(new Set([1, 2]));
    expect(new Set(told.map(({ pattern }) => pattern.epoch)).size).toBe(1);
    expect(channelsOf(told[0]!.pattern)).toEqual([1, 2]);
  });
});

describe('patterns', () => {
  test('with the size known they end where the object does', () => {
    const play = new PlayedTransfer({ segments: 7, size: 6 * SEGMENT + 1 });
    play.open(1);
    play.pass(100);
    expect(play.snapshot.pattern.to).toBe(7);
  });

  test('all channels get the same ones, and together they owe everything that is not here or reserved', () => {
    const play = new PlayedTransfer({ routes: 3, segments: 400 });
    for (const channel of [1, 2, 3]) play.open(channel);
    for (let turn = 0; turn < 40 && play.outcome === undefined; turn += 1) {
      for (const channel of [1, 2, 3]) {
        play.up(channel);
        play.down(channel, channel);
      }
      play.pass(10);
      const { pattern } = play.snapshot;
      for (let index = pattern.from; index < pattern.to; index += 1) {
        if ((play.arrivals[index] ?? 0) > 0) continue;
        expect([1, 2, 3]).toContain(elementAt(pattern, index));
      }
    }
    expect(play.faults).toEqual([]);
    expect(play.finish()).toBe('done');
  });

  test('are not sent when nothing has changed', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 10_000 });
    play.open(1);
    play.open(2);
    const before = patternsOf(play).length;
    play.pass(2_000);
    expect(patternsOf(play).length - before).toBeLessThan(4);
  });

  test('are not sent more often than they may be, however the rates jump', () => {
    const play = new PlayedTransfer({ routes: 2, segments: 100_000 });
    play.open(1);
    play.open(2);
    const before = patternsOf(play).length;
    for (let turn = 0; turn < 100; turn += 1) {
      for (const channel of [1, 2]) {
        play.up(channel);
        play.down(channel, turn % (channel + 2) === 0 ? 9 : 1);
      }
      play.pass(10);
    }
    // two channels hear of each
    expect((patternsOf(play).length - before) / 2).toBeLessThanOrEqual(1_000 / CORE_DEFAULTS.urgentPatternMs + 1);
    expect(play.faults).toEqual([]);
  });
});

describe('credit', () => {
  test('stops at the window while nothing arrives', () => {
    const play = new PlayedTransfer({ segments: 10_000 });
    play.open(1);
    play.pass(2_000);
    const { windowBytes, outBytes } = play.route(0);
    expect(outBytes).toBeLessThanOrEqual(windowBytes + SEGMENT);
    expect(outBytes).toBeGreaterThanOrEqual(windowBytes - SEGMENT);
    expect(creditOf(play, 1) * SEGMENT).toBe(outBytes);
  });

  test('follows every segment that arrives, so that the pipe never runs dry', () => {
    const play = new PlayedTransfer({ segments: 10_000 });
    play.open(1);
    play.up(1);
    const before = creditOf(play, 1);
    play.down(1, 1);
    expect(creditOf(play, 1)).toBeGreaterThan(before);
  });

  test('goes no further than the reorder window, but always to the segment that everybody waits for', () => {
    const most = 8;
    const play = new PlayedTransfer({ routes: 2, segments: 300, options: { reorderBytes: most * SEGMENT } });
    play.open(1);
    play.open(2);
    // channel 1 holds what comes first and says nothing; channel 2 brings all it is asked for
    for (let turn = 0; turn < 20; turn += 1) {
      play.up(2);
      play.down(2);
      play.pass(5);
    }
    const { lowestMissing, highestSeen, takenPoint } = play.snapshot;
    expect(takenPoint).toBe(lowestMissing);
    expect(highestSeen).toBeLessThan(takenPoint + most);
    expect(play.faults).toEqual([]);
    expect(play.finish()).toBe('done');
  });

  test('nothing more is asked for while the sink does not take, and it goes on when it does', () => {
    const most = 8;
    for (const output of ['order', 'any'] as const) {
      const play = new PlayedTransfer({ segments: 100, options: { reorderBytes: most * SEGMENT, output } });
      play.sinkTakes = false;
      play.open(1);
      for (let turn = 0; turn < 50; turn += 1) {
        play.up(1);
        play.down(1);
        play.pass(10);
      }
      // in any order, what was asked for before the memory was full still comes
      const asked = output === 'any' ? play.route(0).windowBytes / SEGMENT : 0;
      expect(play.held.size).toBeGreaterThanOrEqual(most - 1);
      expect(play.held.size).toBeLessThanOrEqual(most + 1 + asked);
      expect(play.outcome).toBeUndefined();
      expect(play.faults).toEqual([]);
      play.sinkTakes = true;
      for (const index of play.delivered.slice()) play.take(index);
      expect(play.finish()).toBe('done');
    }
  });

  test('fills the window however far the transfer is beyond the beginning of its pattern', () => {
    // one pattern with a lead as long as can be, and no bytes to spend on another
    const options = { output: 'any', tailBytes: 1e12, patternFirstBytes: 0, patternFraction: 0 } as const;
    const play = new PlayedTransfer({ segments: 12_000, options });
    play.open(1);
    for (let turn = 0; play.arrivals.length < 10_000; turn += 1) {
      play.up(1);
      play.down(1, 4);
      play.pass(1);
      expect(play.route(0).outBytes, `at segment ${play.arrivals.length}`).toBeGreaterThan(SEGMENT);
    }
    expect(play.snapshot.pattern.from).toBeLessThan(1_000);
  });

  test('window and memory hold whatever arrives when, and the transfer always comes to its end', () => {
    const step = fc.record({ channel: fc.integer({ min: 1, max: 3 }), count: fc.nat(6), ms: fc.nat(30) });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 4, max: 40 }),
        fc.constantFrom<'order' | 'any'>('order', 'any'),
        (steps, most, output) => {
          const options = { reorderBytes: most * SEGMENT, output };
          const play = new PlayedTransfer({ routes: 3, segments: 120, options });
          for (const channel of [1, 2, 3]) play.open(channel);
          for (const { channel, count, ms } of steps) {
            play.up(channel, count);
            play.down(channel, count);
            play.pass(ms);
          }
          expect(play.finish()).toBe('done');
          expect(play.faults).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  });
});
