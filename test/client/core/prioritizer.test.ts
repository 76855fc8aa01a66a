// The order in which segments are wanted: what was raised last comes first, and stays first while everything else changes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CoreOptions } from '../../../client/core/options.ts';
import { endsOf, Prioritizer } from '../../../client/core/prioritizer.ts';
import { indexesOf } from '../../../protocol/ranges.ts';
import { SEGMENT } from './core-state.ts';
import { PlayedTransfer } from './played-transfer.ts';
import type { PlayOrder } from './played-transfer.ts';

const ranges = fc.array(fc.record({ first: fc.nat(40), length: fc.nat(8) }), { maxLength: 5 });

/** The raised segments in their order, each once. */
function orderOf(prioritizer: Prioritizer, isOpen: (index: number) => boolean = () => true): number[] {
  const order: number[] = [];
  for (let next = prioritizer.next(0, isOpen); next !== undefined; ) {
    order.push(next);
    next = prioritizer.next(0, (index) => isOpen(index) && !order.includes(index));
  }
  return order;
}

describe('the order', () => {
  test('is the newest raise first, each in its own order', () => {
    fc.assert(
      fc.property(fc.array(ranges, { maxLength: 3 }), (raises) => {
        const prioritizer = new Prioritizer();
        for (const each of raises) prioritizer.raise(each);
        const expected = new Set(raises.toReversed().flatMap((each) => [...indexesOf(each)]));
        expect(orderOf(prioritizer)).toEqual([...expected]);
        expect(prioritizer.isPlain).toBe(expected.size === 0);
        for (let index = 0; index < 60; index += 1) expect(prioritizer.isRaised(index)).toBe(expected.has(index));
      }),
    );
  });

  test('passes over what is not open, and as many open ones as it is told', () => {
    fc.assert(
      fc.property(ranges, fc.nat(10), fc.integer({ min: 1, max: 5 }), (raised, skipped, step) => {
        const prioritizer = new Prioritizer();
        prioritizer.raise(raised);
        const isOpen = (index: number): boolean => index % step === 0;
        const open = [...indexesOf(raised)].filter(isOpen);
        expect(prioritizer.next(skipped, isOpen)).toBe(open[skipped]);
      }),
    );
  });

  test('forgets what is here from the beginning of each range on', () => {
    const prioritizer = new Prioritizer();
    prioritizer.raise([
      { first: 10, length: 4 },
      { first: 30, length: 2 },
    ]);
    const here = new Set([10, 11, 13]);
    prioritizer.prune((index) => !here.has(index));
    expect(orderOf(prioritizer)).toEqual([12, 13, 30, 31]);
    for (const index of [12, 30, 31]) here.add(index);
    prioritizer.prune((index) => !here.has(index));
    expect(prioritizer.isPlain).toBe(true);
  });

  test('does not grow without end', () => {
    const prioritizer = new Prioritizer();
    for (let first = 0; first < 10_000; first += 2) prioritizer.raise([{ first, length: 1 }]);
    expect(orderOf(prioritizer).length).toBeLessThan(300);
    expect(prioritizer.next(0, () => true)).toBe(9_998);
  });
});

test('the ends of a short object are all of it', () => {
  expect(endsOf(0, 10, 2)).toEqual([
    { first: 0, length: 2 },
    { first: 8, length: 2 },
  ]);
  expect(endsOf(5, 9, 2)).toEqual([{ first: 5, length: 4 }]);
});

function opened(order: PlayOrder): PlayedTransfer {
  const play = new PlayedTransfer({ routes: 2, ...order });
  for (let channel = 1; channel <= (order.routes ?? 2); channel += 1) play.open(channel);
  return play;
}

/** The segments in the order of their arrival from now on. */
function arrivalsOf(play: PlayedTransfer): number[] {
  const order: number[] = [];
  const answerOf = play.answer.bind(play);
  play.answer = (channel, answer) => {
    if (answer.type === 'segment') order.push(answer.index);
    answerOf(channel, answer);
  };
  return order;
}

const ANY: Partial<CoreOptions> = { output: 'any' };

describe('a transfer', () => {
  test('brings what is raised next, whatever was asked for before, and then goes on where it was', () => {
    const play = opened({ segments: 30_000, options: ANY });
    for (let turn = 0; turn < 3; turn += 1) {
      for (const channel of [1, 2]) {
        play.up(channel);
        play.down(channel, 4);
      }
      play.pass(10);
    }
    const range = { first: 25_000, length: 20 };
    play.effects.length = 0;
    play.feed({ type: 'raise', ranges: [range] });
    for (let turn = 0; turn < 20; turn += 1) {
      for (const channel of [1, 2]) {
        play.up(channel);
        play.down(channel, 2);
      }
      play.pass(10);
    }
    const asked = play.effects.flatMap((effect) => (effect.type === 'send' ? [...indexesOf(effect.ranges)] : []));
    expect(asked.toSorted((a, b) => a - b)).toEqual([...indexesOf([range])]);
    const isAsking = play.effects.flatMap(({ type }) => (type === 'send' || type === 'credit' ? [type] : []));
    expect(isAsking.lastIndexOf('send'), 'no credit before all of it is asked for').toBeLessThan(
      isAsking.indexOf('credit'),
    );
    expect(play.delivered).toEqual(expect.arrayContaining(asked));
    expect(play.delivered.filter((index) => index > 500)).toHaveLength(range.length);
    expect(play.snapshot.pattern.lead.length, 'the lead does not reach out to it').toBeLessThan(2_000);
    expect(play.faults).toEqual([]);
  });

  test('brings the whole of a large raised range before the rest', () => {
    const play = opened({ segments: 400, options: ANY });
    const order = arrivalsOf(play);
    play.feed({ type: 'raise', ranges: [{ first: 200, length: 200 }] });
    const before = [...play.sources.values()].reduce((sum, { credit }) => sum + credit, 0);
    expect(play.finish()).toBe('done');
    // what was granted before it was raised still comes, and a channel that is too slow to help goes on
    expect(order.slice(0, 200 + before).filter((index) => index >= 200).length).toBeGreaterThan(0.8 * 200);
    expect(play.faults).toEqual([]);
  });

  test('puts the first and the last bytes before all others', () => {
    const play = new PlayedTransfer({
      routes: 2,
      segments: 20_000,
      options: { ...ANY, endsFirstBytes: 3 * SEGMENT },
    });
    const order = arrivalsOf(play);
    play.open(1);
    play.open(2);
    const granted = [...play.sources.values()].reduce((sum, { credit }) => sum + credit, 0);
    for (let turn = 0; turn < 10; turn += 1) {
      for (const channel of [1, 2]) {
        play.up(channel);
        play.down(channel, 3);
      }
      play.pass(10);
    }
    const early = order.slice(0, granted + 6);
    for (const index of [0, 1, 2, 19_997, 19_998, 19_999]) expect(early).toContain(index);
    expect(play.snapshot.pattern.lead.length).toBeLessThan(2_000);
    expect(play.faults).toEqual([]);
  });

  test('in order takes what is raised no earlier than memory allows, and delivers in order', () => {
    const most = 16;
    const play = opened({ segments: 200, options: { output: 'order', reorderBytes: most * SEGMENT } });
    play.feed({ type: 'raise', ranges: [{ first: 150, length: 10 }] });
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(play.faults).toEqual([]);
  });

  test('ends well and brings nothing twice, whatever is raised when', () => {
    const calm = { ...ANY, stallOrderMs: 1e9, stallAnyMs: 1e9, stallMostMs: 1e9, hedgeBytes: 0, hedgeFraction: 0 };
    const steps = fc.array(
      fc.record({
        channel: fc.integer({ min: 1, max: 2 }),
        count: fc.nat(6),
        ms: fc.nat(20),
        raise: fc.option(ranges),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, fc.constantFrom<'any' | 'order'>('any', 'order'), (life, output) => {
        const play = opened({ segments: 60, options: { ...calm, output } });
        for (const { channel, count, ms, raise } of life) {
          if (raise !== null) play.feed({ type: 'raise', ranges: raise });
          play.up(channel, count);
          play.down(channel, count);
          play.pass(ms);
        }
        expect(play.finish()).toBe('done');
        expect(play.snapshot.counters.wasteBytes).toBeLessThanOrEqual(play.snapshot.counters.hedges * SEGMENT);
        expect(play.faults).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
