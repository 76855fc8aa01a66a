// Random lives of a whole transfer: frames delayed at will, channels that end, fall silent, refuse and lie, a sink that
// takes when it likes. What must hold always is checked at every effect (played-transfer.ts); here is what must come out.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CoreOptions } from '../../../client/core/options.ts';
import { indexesOf } from '../../../protocol/ranges.ts';
import { SEGMENT } from './core-state.ts';
import { PlayedTransfer } from './played-transfer.ts';
import type { PlayOrder } from './played-transfer.ts';

/** By pattern once; by SEND to a second, and to a third where the second is late as well. */
const MOST_HOLDERS = 3;
const ROUTES = 3;

type Step = { readonly kind: string; readonly channel: number; readonly count: number };

const kinds = ['up', 'up', 'up', 'down', 'down', 'down', 'pass', 'pass', 'open', 'pong'];
const steps = (...more: readonly string[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.record({ kind: fc.constantFrom(...kinds, ...more), channel: fc.nat(20), count: fc.nat(9) }), {
    maxLength: 120,
  });

const worlds = fc.record({
  size: fc.integer({ min: 0, max: 120 * SEGMENT }),
  output: fc.constantFrom<CoreOptions['output']>('order', 'any'),
  reorder: fc.integer({ min: 4, max: 60 }),
});

/** Nobody is ever taken for stalled: then only what was asked for by SEND may arrive twice. */
const CALM: Partial<CoreOptions> = {
  stallOrderMs: 1e9,
  stallAnyMs: 1e9,
  stallMostMs: 1e9,
  hedgeBytes: 0,
  hedgeFraction: 0,
};

function playOf(order: PlayOrder): PlayedTransfer {
  const play = new PlayedTransfer({ routes: ROUTES, ...order });
  play.open(1);
  return play;
}

/** One step; `channel` and `count` choose whom it concerns and how much of it. */
function step(play: PlayedTransfer, { kind, channel, count }: Step): void {
  const open = [...play.sources.keys()];
  const number = open[channel % Math.max(1, open.length)] ?? 0;
  if (kind === 'up') play.up(number, count);
  else if (kind === 'down') play.down(number, count);
  else if (kind === 'pass') play.pass(count * count);
  else if (kind === 'end' && open.length > 0) play.end(number);
  else if (kind === 'bad') play.bad.add(count * 7);
  else if (kind === 'sink') play.sinkTakes = !play.sinkTakes;
  else if (kind === 'take') for (const index of play.delivered.slice(0, 10 * count)) play.take(index);
  else if (kind === 'pong') {
    const ping = play.pings.shift();
    const source = play.sources.get(ping?.channel ?? 0);
    if (ping !== undefined && source !== undefined) {
      play.feed({ type: 'pong', ...ping, epoch: source.set.epoch, queued: 0 });
    }
  } else if (kind === 'open') {
    const dialled = play.channels.filter((each) => !play.sources.has(each));
    const next = dialled[channel % Math.max(1, dialled.length)];
    if (next !== undefined) play.open(next, 1 + 25 * count);
  }
}

function live(play: PlayedTransfer, life: readonly Step[]): PlayedTransfer {
  for (const each of life) if (play.outcome === undefined) step(play, each);
  play.sinkTakes = true;
  for (const index of play.delivered) play.take(index);
  play.finish();
  return play;
}

/** The segments that were ever asked for by SEND. */
function sentTo(play: PlayedTransfer): Set<number> {
  return new Set(play.effects.flatMap((effect) => (effect.type === 'send' ? [...indexesOf(effect.ranges)] : [])));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('whatever happens', () => {
  test('every segment is delivered exactly once, in order, while one honest route is left', () => {
    fc.assert(
      fc.property(worlds, steps('end', 'bad', 'sink', 'take'), ({ size, output, reorder }, life) => {
        const options = { output, reorderBytes: reorder * SEGMENT, corruptLimit: 1e9 };
        const play = live(playOf({ size, options }), life);
        expect(play.outcome).toBe('done');
        const expected = upTo(Math.ceil(size / SEGMENT));
        expect(output === 'order' ? play.delivered : play.delivered.toSorted((a, b) => a - b)).toEqual(expected);
        expect(play.faults).toEqual([]);
      }),
      { numRuns: 120 },
    );
  });

  test.each([
    ['nobody is silent, ends or lies', ['sink', 'take']],
    ['channels end, for what is lost with them never arrives', ['end', 'end']],
  ])('patterns bring nothing twice while %s', (_, more) => {
    fc.assert(
      fc.property(worlds, steps(...more), ({ size, output, reorder }, life) => {
        const options = { ...CALM, output, reorderBytes: reorder * SEGMENT };
        const play = live(playOf({ size, options }), life);
        expect(play.outcome).toBe('done');
        const sent = sentTo(play);
        for (const index of upTo(Math.ceil(size / SEGMENT))) {
          expect(play.arrivals[index], `segment ${index}`).toBeLessThanOrEqual(sent.has(index) ? MOST_HOLDERS : 1);
        }
        const { counters, routes } = play.snapshot;
        expect(counters.receivedBytes - counters.wasteBytes).toBe(size);
        expect(counters.wasteBytes).toBeLessThanOrEqual(counters.hedges * SEGMENT);
        expect(routes.map(({ corrupt }) => corrupt)).toEqual([0, 0, 0]);
        expect(play.faults).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('a lying route is the only one that is blamed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: ROUTES }),
        fc.integer({ min: 1, max: 40 }),
        steps('end'),
        (liar, segments, life) => {
          const play = playOf({ segments });
          play.open(liar === 1 ? 2 : liar, 5);
          const answerOf = play.answer.bind(play);
          play.answer = (channel, answer) => {
            const first = answer.type === 'segment' && (play.arrivals[answer.index] ?? 0) === 0;
            if (first && play.routes.get(channel) === liar - 1) play.bad.add(answer.index);
            answerOf(channel, answer);
          };
          live(play, life);
          expect(play.outcome).toBe('done');
          const blamed = play.snapshot.routes.flatMap(({ corrupt }, route) => (corrupt > 0 ? [route + 1] : []));
          expect([liar, ...blamed]).toEqual(blamed.length === 0 ? [liar] : [liar, liar]);
          expect(play.delivered).toEqual(upTo(segments));
          expect(play.faults).toEqual([]);
        },
      ),
      { numRuns: 80 },
    );
  });
});

test('the same inputs have the same effects, one after another', () => {
  fc.assert(
    fc.property(worlds, steps('end', 'bad', 'sink', 'take'), ({ size, output, reorder }, life) => {
      const options = { output, reorderBytes: reorder * SEGMENT, corruptLimit: 1e9 };
      const [first, second] = [0, 1].map(() => JSON.stringify(live(playOf({ size, options }), life).effects));
      expect(first).toBe(second);
    }),
    { numRuns: 40 },
  );
});

test('one route alone gives the object as well', () => {
  fc.assert(
    fc.property(worlds, steps('end', 'sink', 'take'), ({ size, output, reorder }, life) => {
      const options = { output, reorderBytes: reorder * SEGMENT };
      const play = live(playOf({ routes: 1, size, options }), life);
      expect(play.outcome).toBe('done');
      expect(play.faults).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
