// Going on elsewhere in the object while it streams: what lies between is neither asked for nor delivered, nothing is
// delivered twice or out of order, and going back changes nothing. In any order a seek is a raise.
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { indexesOf } from '../../../protocol/ranges.ts';
import { SEGMENT } from './core-state.ts';
import { PlayedTransfer } from './played-transfer.ts';
import type { PlayOrder } from './played-transfer.ts';

const plays: PlayedTransfer[] = [];

function opened(order: PlayOrder): PlayedTransfer {
  const play = new PlayedTransfer({ routes: 2, ...order });
  plays.push(play);
  play.open(1);
  play.open(2);
  return play;
}

afterEach(() => {
  for (const play of plays.splice(0)) expect(play.faults).toEqual([]);
});

function receive(play: PlayedTransfer, count: number): void {
  for (const channel of [1, 2]) {
    play.up(channel);
    play.down(channel, count);
  }
  play.pass(10);
}

describe('in order', () => {
  test('the output goes on at the segment, and nobody is asked for what lies between', () => {
    const play = opened({ segments: 2_000 });
    receive(play, 3);
    const before = play.delivered.length;
    play.effects.length = 0;
    play.feed({ type: 'seek', index: 1_500 });
    expect(play.snapshot.pattern.from).toBe(1_500);
    expect(play.finish()).toBe('done');
    expect(play.delivered.slice(before)).toEqual(Array.from({ length: 500 }, (_, at) => 1_500 + at));
    // what was asked for before still came, and no more
    const between = play.arrivals.slice(before, 1_500).filter((count) => count > 0).length;
    expect(between).toBeLessThan(30);
    expect(play.effects.filter(({ type }) => type === 'send')).toEqual([]);
  });

  test('what came already of what lies between is released, proven or not', () => {
    const play = opened({ segments: 200 });
    play.verifies = false;
    play.up(2);
    play.down(2);
    const held = [...play.held];
    expect(held.length).toBeGreaterThan(0);
    play.feed({ type: 'seek', index: 150 });
    expect(play.effects.flatMap((effect) => (effect.type === 'release' ? [effect.index] : []))).toEqual(
      held.toSorted((a, b) => a - b),
    );
    play.verifies = true;
    // its verdict comes late and means nothing
    play.feed({ type: 'verified', channel: 2, index: held[0] ?? 0, ok: false });
    expect(play.snapshot.counters.corrupt).toBe(0);
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(Array.from({ length: 50 }, (_, at) => 150 + at));
  });

  test('to the end or beyond it ends the transfer, once the sink is done', () => {
    const play = opened({ segments: 100 });
    play.sinkTakes = false;
    receive(play, 2);
    const given = play.delivered.slice();
    expect(given.length).toBeGreaterThan(0);
    play.feed({ type: 'seek', index: 1_000 });
    expect(play.outcome).toBeUndefined();
    for (const index of given) play.take(index);
    expect(play.outcome).toBe('done');
  });

  test('back changes nothing', () => {
    const play = opened({ segments: 100 });
    receive(play, 4);
    const before = play.snapshot.takenPoint;
    play.feed({ type: 'seek', index: 0 });
    expect(play.snapshot.takenPoint).toBe(before);
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  test('whatever is sought when: in order, nothing twice, and everything from the last place on', () => {
    const step = fc.record({ channel: fc.integer({ min: 1, max: 2 }), count: fc.nat(8), ms: fc.nat(20) });
    const steps = fc.array(fc.record({ step, seek: fc.option(fc.nat(110), { freq: 4 }) }), { maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 4, max: 40 }), fc.boolean(), (life, most, takes) => {
        const play = opened({ segments: 100, options: { reorderBytes: most * SEGMENT } });
        play.sinkTakes = takes;
        let last = 0;
        for (const {
          step: { channel, count, ms },
          seek,
        } of life) {
          play.up(channel, count);
          play.down(channel, count);
          play.pass(ms);
          if (seek === null || play.outcome !== undefined) continue;
          play.feed({ type: 'seek', index: seek });
          last = Math.max(last, seek);
        }
        play.sinkTakes = true;
        for (const index of play.delivered.slice()) play.take(index);
        expect(play.finish()).toBe('done');
        for (const [at, index] of play.delivered.entries()) {
          if (at > 0) expect(index).toBeGreaterThan(play.delivered[at - 1] ?? 0);
        }
        const tail = play.delivered.filter((index) => index >= last);
        expect(tail).toEqual(Array.from({ length: Math.max(0, 100 - last) }, (_, at) => last + at));
        expect(play.faults).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

test('in any order it is raised, with all behind it, and the rest comes afterwards', () => {
  const play = opened({ segments: 300, options: { output: 'any' } });
  play.feed({ type: 'seek', index: 250 });
  receive(play, 20);
  const sent = play.effects.flatMap((effect) => (effect.type === 'send' ? [...indexesOf(effect.ranges)] : []));
  expect(Math.min(...sent)).toBe(250);
  expect(play.finish()).toBe('done');
  expect(play.delivered).toHaveLength(300);
});
