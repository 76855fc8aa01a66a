// Routes whose use is limited by a quota, a price or a rate: limits are kept, what they allow is had, and what they do not
// allow ends the transfer at once.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { RouteTerms } from '../../../client/core/route-terms.ts';
import type { Range } from '../../../protocol/ranges.ts';
import type { Answer } from '../../../protocol/segment-set.ts';
import { SEGMENT } from './core-state.ts';
import type { PlayedTransfer } from './played-transfer.ts';
import { checkedPlays, messageOf } from './plays.ts';

const { opened, playOf } = checkedPlays();

const GB = 1e9;
const run = (first: number, end: number): Range => ({ first, length: end - first });
const limited = (quotaBytes: number): RouteTerms => ({ quotaBytes });
const priced = (costPerGigabyte: number): RouteTerms => ({ costPerGigabyte });

/** Bytes that came over each route, asked for or not. */
function broughtOf(play: PlayedTransfer): () => number[] {
  const brought = new Map<number, number>();
  const answerOf = play.answer.bind(play);
  play.answer = (channel: number, answer: Answer): void => {
    const route = play.routes.get(channel) ?? 0;
    if (answer.type === 'segment') brought.set(route, (brought.get(route) ?? 0) + play.lengthOf(answer.index));
    answerOf(channel, answer);
  };
  return () => play.snapshot.routes.map(({ index }) => brought.get(index) ?? 0);
}

describe('byte quotas', () => {
  test('are kept to within a segment, and the transfer ends well where they suffice', () => {
    const quota = fc.integer({ min: 0, max: 60 * SEGMENT });
    const steps = fc.array(fc.record({ channel: fc.integer({ min: 1, max: 3 }), count: fc.nat(8), ms: fc.nat(30) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.tuple(quota, quota, quota), fc.integer({ min: 1, max: 80 }), steps, (quotas, segments, life) => {
        const calm: Partial<CoreOptions> = {
          stallOrderMs: 1e9,
          stallAnyMs: 1e9,
          stallMostMs: 1e9,
          lossyConnections: 1,
        };
        const play = opened({ routes: 3, segments, terms: quotas.map(limited), options: calm });
        const brought = broughtOf(play);
        for (const { channel, count, ms } of life) {
          play.up(channel, count);
          play.down(channel, count);
          play.pass(ms);
        }
        const whole = quotas.reduce((sum, each) => sum + Math.ceil(each / SEGMENT), 0);
        expect(play.finish()).toBe(whole >= segments ? 'done' : 'quota-exhausted');
        for (const [route, bytes] of brought().entries()) expect(bytes).toBeLessThan(quotas[route]! + SEGMENT);
        expect(play.faults).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('that leave less than is missing end the transfer with the first HELLO', () => {
    const play = playOf({ routes: 2, segments: 100, terms: [limited(30 * SEGMENT), limited(40 * SEGMENT)] });
    play.open(1);
    expect(play.outcome).toBe('quota-exhausted');
    expect(messageOf(play)).toContain(`leave ${30 * SEGMENT} of the missing bytes to nobody`);
  });

  test('a quota is kept for what only its route has', () => {
    const play = opened({
      routes: 2,
      segments: 200,
      heldBy: [[run(0, 200)], [run(0, 150)]],
      // 50 segments only it has, and the first credit before anybody knew
      terms: [limited(56 * SEGMENT), {}],
    });
    expect(play.finish()).toBe('done');
  });

  test('a route that may bring nothing is asked for nothing', () => {
    const play = opened({ routes: 2, segments: 100, terms: [limited(0), {}] });
    expect(play.finish()).toBe('done');
    expect(play.route(0)).toMatchObject({ payloadBytes: 0, quotaLeftBytes: 0 });
    expect(play.route(1).quotaLeftBytes).toBeUndefined();
  });
});

describe('a cost budget', () => {
  const options = (costBudget: number): Partial<CoreOptions> => ({ costBudget });
  const costOf = (prices: readonly number[], brought: readonly number[]): number =>
    prices.reduce((sum, price, route) => sum + (price * (brought[route] ?? 0)) / GB, 0);

  test('is never exceeded, and the transfer ends well where it suffices', () => {
    const prices = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3));
    const steps = fc.array(fc.record({ channel: fc.integer({ min: 1, max: 3 }), count: fc.nat(8), ms: fc.nat(30) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(
        prices,
        fc.integer({ min: 1, max: 80 * SEGMENT }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        steps,
        (all, size, part, life) => {
          const least = (Math.min(...all) * size) / GB;
          const budget = part * least + part * 1e-3;
          const calm: Partial<CoreOptions> = {
            stallOrderMs: 1e9,
            stallAnyMs: 1e9,
            stallMostMs: 1e9,
            ...options(budget),
          };
          const play = opened({ routes: 3, size, terms: all.map(priced), options: calm });
          const brought = broughtOf(play);
          for (const { channel, count, ms } of life) {
            play.up(channel, count);
            play.down(channel, count);
            play.pass(ms);
          }
          const outcome = play.finish();
          expect(costOf(all, brought())).toBeLessThanOrEqual(budget + 1e-12);
          if (least > budget) expect(outcome).toBe('budget-exhausted');
          // what was asked for before the object's size was known may have cost more than the least
          const blind = (Math.max(...all) * 12 * SEGMENT) / GB;
          if (least + blind <= budget) expect(outcome).toBe('done');
          expect(play.faults).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('that is less than the least cost ends the transfer at once', () => {
    const play = playOf({ segments: 100, terms: [priced(10)], options: options(0.01) });
    play.open(1);
    expect(play.outcome).toBe('budget-exhausted');
    expect(messageOf(play)).toContain('costs at least');
  });

  test('buys speed: the cheaper route first, none of the dearer where that takes all', () => {
    const play = playOf({
      routes: 3,
      segments: 2_000,
      terms: [{}, priced(1), priced(50)],
      options: { ...options(0.03), lossyConnections: 1 },
    });
    play.open(1);
    play.open(2);
    for (let turn = 0; turn < 100; turn += 1) {
      for (const channel of [1, 2]) {
        play.up(channel);
        play.down(channel, 2);
      }
      play.pass(10);
    }
    play.open(3);
    expect(play.finish()).toBe('done');
    const [free, cheap, dear] = play.snapshot.routes.map(({ payloadBytes }) => payloadBytes);
    expect(free).toBeGreaterThan(0);
    expect(cheap).toBeGreaterThan(0.6 * 0.03 * GB);
    expect(cheap).toBeLessThanOrEqual(0.03 * GB);
    expect(dear).toBe(0);
    expect(play.snapshot.cost).toBeGreaterThanOrEqual((cheap ?? 0) / GB);
  });

  test('without one, priced routes are used like others', () => {
    const play = opened({ routes: 2, segments: 400, terms: [{}, priced(100)] });
    expect(play.finish()).toBe('done');
    expect(play.route(1).payloadBytes).toBeGreaterThan(50 * SEGMENT);
  });
});

describe('a rate cap', () => {
  test('is kept over every 100 ms, by a route that could bring much more', () => {
    const cap = 40 * SEGMENT;
    const play = opened({ routes: 2, segments: 2_000, terms: [{ maxBytesPerSecond: cap }, {}] });
    const came: { at: number; bytes: number }[] = [];
    for (let turn = 0; turn < 500; turn += 1) {
      play.up(1);
      for (const answer of play.down(1)) {
        if (answer.type === 'segment') came.push({ at: play.now, bytes: play.lengthOf(answer.index) });
      }
      play.up(2);
      play.down(2, 1);
      play.pass(5);
    }
    const whole = came.reduce((sum, { bytes }) => sum + bytes, 0);
    const seconds = play.now / 1_000;
    expect(whole).toBeLessThanOrEqual(cap * (seconds + 0.1));
    expect(whole, 'the cap is used').toBeGreaterThan(0.9 * cap * (seconds - 0.1));
    for (const [at, first] of came.entries()) {
      const within = came.slice(at).filter((each) => each.at - first.at <= 100);
      expect(within.length).toBeLessThanOrEqual(10);
    }
  });

  test('decides the share of its route: its idle moments do not count for speed', () => {
    const cap = 40 * SEGMENT;
    const play = opened({ routes: 2, segments: 4_000, terms: [{ maxBytesPerSecond: cap }, {}] });
    for (let turn = 0; turn < 400; turn += 1) {
      for (const channel of [1, 2]) {
        play.up(channel);
        play.down(channel, 2);
      }
      play.pass(10);
    }
    // route 1 brings two segments each 10 ms: five times as much
    const { cycle } = play.snapshot.pattern;
    const share = [...cycle].filter((element) => element === 1).length / cycle.length;
    expect(share).toBeGreaterThan(0.12);
    expect(share).toBeLessThan(0.24);
    const { lowestMissing, highestSeen } = play.snapshot;
    expect(highestSeen - lowestMissing, 'the output in order does not wait for the capped route').toBeLessThan(40);
  });
});
