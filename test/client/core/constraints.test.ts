// Sources that may provide only a part: what they hold, quotas, rate caps, a cost budget, connection caps, pauses. Nobody
// is ever asked for what it may not provide, what can be had is had, and what cannot be had ends the transfer at once.
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { RouteTerms } from '../../../client/core/route-terms.ts';
import { elementAt } from '../../../protocol/pattern.ts';
import { rangesHave } from '../../../protocol/ranges.ts';
import type { Range } from '../../../protocol/ranges.ts';
import type { Answer } from '../../../protocol/segment-set.ts';
import { SEGMENT } from './core-state.ts';
import { PlayedTransfer } from './played-transfer.ts';
import type { PlayOrder } from './played-transfer.ts';

const plays: PlayedTransfer[] = [];
const GB = 1e9;

function playOf(order: PlayOrder): PlayedTransfer {
  const play = new PlayedTransfer(order);
  plays.push(play);
  return play;
}

function opened(order: PlayOrder): PlayedTransfer {
  const play = playOf(order);
  for (let channel = 1; channel <= (order.routes ?? 1) && play.outcome === undefined; channel += 1) play.open(channel);
  return play;
}

afterEach(() => {
  for (const play of plays.splice(0)) expect(play.faults).toEqual([]);
});

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const run = (first: number, end: number): Range => ({ first, length: end - first });
const messageOf = (play: PlayedTransfer): string => {
  const last = play.effects.at(-1);
  return last?.type === 'fail' ? last.message : '';
};
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

describe('ranges held', () => {
  test('what each source lacks comes from the others, by pattern', () => {
    const play = opened({ routes: 3, segments: 300, heldBy: [[run(0, 150)], [run(100, 300)], [run(0, 300)]] });
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(300));
    const byPattern = play.snapshot.routes.reduce((sum, { patternBytes }) => sum + patternBytes, 0);
    expect(byPattern).toBeGreaterThan(0.9 * play.size);
  });

  test('patterns name only holders, whatever is held, and everything comes', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 119 }), { maxLength: 6 });
    const steps = fc.array(fc.record({ channel: fc.integer({ min: 1, max: 3 }), count: fc.nat(8), ms: fc.nat(30) }), {
      maxLength: 40,
    });
    const outputs = fc.constantFrom<'any' | 'order'>('any', 'order');
    fc.assert(
      fc.property(
        cuts,
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        steps,
        outputs,
        (places, masks, life, output) => {
          const ends = [...new Set([0, ...places, 120])].sort((a, b) => a - b);
          const heldBy: Range[][] = [[], [], []];
          for (const [at, first] of ends.slice(0, -1).entries()) {
            const mask = masks.next().value as number;
            for (const route of [0, 1, 2])
              if ((mask >> route) % 2 === 1) heldBy[route]?.push(run(first, ends[at + 1]!));
          }
          const play = opened({ routes: 3, segments: 120, heldBy, options: { output } });
          for (const { channel, count, ms } of life) {
            play.up(channel, count);
            play.down(channel, count);
            play.pass(ms);
            const { pattern } = play.snapshot;
            for (let index = pattern.from; index < pattern.to; index += 1) {
              const element = elementAt(pattern, index);
              if (element > 0) expect(rangesHave(play.heldBy(element), index), `${index} of ${element}`).toBe(true);
            }
          }
          expect(play.finish()).toBe('done');
          expect(play.delivered.toSorted((a, b) => a - b)).toEqual(upTo(120));
          expect(play.faults).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a source far behind all others in the object works from the beginning', () => {
    const play = opened({
      routes: 2,
      segments: 40_000,
      heldBy: [[run(0, 20_000)], [run(20_000, 40_000)]],
      options: { output: 'any' },
    });
    play.pass(50);
    play.up(2);
    play.down(2);
    expect(play.arrivals.findIndex((count) => count > 0)).toBeGreaterThanOrEqual(20_000);
    expect(play.snapshot.pattern.lead.length).toBeLessThan(8_000);
  });

  test('one whose only holder is still being dialled is waited for', () => {
    const play = playOf({ routes: 2, segments: 60, heldBy: [[run(0, 30)], [run(0, 60)]] });
    play.open(1);
    play.up(1);
    play.down(1);
    play.pass(2_000);
    expect(play.outcome).toBeUndefined();
    for (const channel of play.channels) if (!play.sources.has(channel)) play.open(channel);
    expect(play.finish()).toBe('done');
  });

  test('one whose only holder cannot be reached ends the transfer, and says who has what', () => {
    const play = playOf({ routes: 2, segments: 60, heldBy: [[run(0, 30)], [run(0, 60)]] });
    play.open(1);
    for (let dial = 0; dial < 10 && play.outcome === undefined; dial += 1) {
      for (const channel of play.channels) if (play.routes.get(channel) === 1) play.end(channel, 'unreachable');
      play.pass(300);
    }
    expect(play.outcome).toBe('no-source-for-range');
    expect(messageOf(play)).toContain('segments 30 to 59');
    expect(messageOf(play)).toContain('{route 0} has 0 to 29');
    expect(messageOf(play)).toContain('{route 1} is out of use (unreachable)');
  });

  test('one whose holder is lost for good is given up after a while, though others work', () => {
    const play = opened({ routes: 2, segments: 60, heldBy: [[run(0, 30)], [run(30, 60)]] });
    play.end(2);
    for (let second = 0; second < 40 && play.outcome === undefined; second += 1) {
      for (const channel of play.channels) if (play.routes.get(channel) === 1) play.end(channel, 'unreachable');
      play.up(1);
      play.down(1);
      play.pass(1_000);
    }
    expect(play.outcome).toBe('no-source-for-range');
    expect(play.now).toBeGreaterThan(play.options.giveUpMs);
  });

  test('one whose only holder stands by is called in', () => {
    const heldBy = [[run(0, 30)], [run(0, 30)], [run(0, 10)], [run(25, 60)]];
    const play = playOf({ routes: 4, segments: 60, heldBy, options: { activeRoutes: 2, probeIntervalMs: 1e9 } });
    expect(play.finish(2_000)).toBe('done');
    expect(play.now).toBeLessThan(5_000);
  });

  test('a source that refuses what it claimed is not asked again, and another brings it', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    const { index } = play.sources.get(1)!.set.next() as { index: number };
    play.feed({
      type: 'dropped',
      channel: 1,
      index,
      epoch: play.snapshot.pattern.epoch,
      by: 'pattern',
      reason: 'not-held',
    });
    play.pass(100);
    expect(elementAt(play.snapshot.pattern, index)).toBe(2);
    expect(play.finish()).toBe('done');
  });

  test('what was claimed by all and is held by none ends the transfer', () => {
    const play = opened({ segments: 20 });
    play.up(1);
    const { index } = play.sources.get(1)!.set.next() as { index: number };
    play.feed({
      type: 'dropped',
      channel: 1,
      index,
      epoch: play.snapshot.pattern.epoch,
      by: 'pattern',
      reason: 'not-held',
    });
    expect(play.outcome).toBe('no-source-for-range');
  });

  test('a later channel may hold more', () => {
    const heldBy: Range[][] = [[run(0, 40)], [run(0, 60)]];
    const play = playOf({ routes: 2, segments: 60, heldBy });
    play.open(1);
    play.end(1);
    heldBy[0] = [run(0, 60)];
    play.feed({ type: 'refused', channel: 2, code: 'refused' });
    play.pass(300);
    expect(play.outcome).toBe('no-source-for-range');
    // the same, when the new channel came before the other route was lost
    const other = playOf({ routes: 2, segments: 60, heldBy: [[run(0, 60)], [run(0, 60)]] });
    other.feed({ type: 'connected', channel: 1, connectMs: 20 }, 20);
    other.feed({ type: 'hello', channel: 1, size: other.size, held: [run(0, 40)] });
    other.end(1);
    other.pass(300);
    other.open(3);
    other.feed({ type: 'refused', channel: 2, code: 'refused' });
    expect(other.finish()).toBe('done');
  });
});

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
    const play = playOf({ routes: 3, segments: 2_000, terms: [{}, priced(1), priced(50)], options: options(0.03) });
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

describe('pauses and connections', () => {
  test.each(['draining', 'overloaded'] as const)('ERROR %s on an open channel pauses its route, no more', (code) => {
    const play = opened({ routes: 2, segments: 400 });
    play.feed({ type: 'refused', channel: 1, code });
    expect(play.route(0)).toMatchObject({ state: 'down', reason: code });
    expect(play.pass(play.options.pauseMs - 50).filter(({ type }) => type === 'dial')).toEqual([]);
    expect(play.pass(100).filter(({ type }) => type === 'dial')).toHaveLength(1);
    play.open(3);
    expect(play.route(0).state).toBe('active');
    expect(play.finish()).toBe('done');
  });

  test('the only route may pause as well', () => {
    const play = opened({ segments: 100 });
    play.feed({ type: 'refused', channel: 1, code: 'draining' });
    play.pass(1_500);
    expect(play.finish()).toBe('done');
  });

  test('a long route opens no more channels than it may, nor one beside a stalled one', () => {
    const most = (play: PlayedTransfer): number => play.channels.filter((each) => play.routes.get(each) === 0).length;
    const play = playOf({ routes: 2, segments: 4_000, terms: [{ maxConnections: 2 }, {}] });
    play.open(1, 600);
    play.open(2, 20);
    for (let turn = 0; turn < 600 && play.outcome === undefined; turn += 1) {
      play.up(2);
      play.down(2, 1);
      const ping = play.pings.shift();
      if (ping !== undefined) play.feed({ type: 'pong', ...ping, epoch: 1, queued: 0 });
      play.pass(10);
      expect(most(play)).toBeLessThanOrEqual(2);
    }
    const one = opened({ routes: 2, segments: 4_000, terms: [{ maxConnections: 1 }, {}] });
    for (let turn = 0; turn < 300; turn += 1) {
      one.up(2);
      one.down(2, 1);
      one.pass(10);
      expect(most(one)).toBeLessThanOrEqual(1);
    }
    expect(one.effects.filter((effect) => effect.type === 'dial' && effect.route === 0).length).toBeGreaterThan(1);
  });
});
