// The dealer: what is reserved stays, what is not wanted goes to nobody, and everything else goes where it is expected
// first, which is checked against trying everything. Positions follow latency, shares follow rates.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deal, expectedCompletion, timeToBring } from '../../../client/core/dealer.ts';
import type { DealOrder, Lane } from '../../../client/core/dealer.ts';
import { Holdings } from '../../../client/core/holdings.ts';
import { LIMITS, MAX_SEGMENTS } from '../../../protocol/limits.ts';
import { checkPattern, elementAt, NOBODY } from '../../../protocol/pattern.ts';

const SEGMENT = 32_768;

const lane = (channel: number, rate: number, rttMs: number, outBytes = 0): Lane => ({ channel, rate, rttMs, outBytes });

/** An order where everything is wanted and nothing reserved, changed by `more`. */
function order(lanes: readonly Lane[], more: Partial<DealOrder> = {}): DealOrder {
  return {
    epoch: 1,
    from: 0,
    to: 1_000,
    segmentBytes: SEGMENT,
    lanes,
    isWanted: () => true,
    reserved: new Map(),
    reach: -1,
    horizon: 40,
    cycleElements: 64,
    ...more,
  };
}

const lanes = fc.uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 1, maxLength: 6 }).chain((channels) =>
  fc.tuple(
    ...channels.map((channel) =>
      fc.record({
        channel: fc.constant(channel),
        rate: fc.double({ min: 0.5, max: 20_000, noNaN: true }),
        rttMs: fc.double({ min: 0.1, max: 600, noNaN: true }),
        outBytes: fc.nat(2_000_000),
      }),
    ),
  ),
);

const orders = fc
  .record({
    lanes,
    from: fc.nat(100),
    span: fc.integer({ min: 1, max: 200 }),
    horizon: fc.nat(80),
    reach: fc.integer({ min: -1, max: 80 }),
    unwanted: fc.uniqueArray(fc.nat(80), { maxLength: 30 }),
    reserved: fc.array(fc.tuple(fc.nat(80), fc.integer({ min: 0xfff0, max: 0xffff })), { maxLength: 20 }),
  })
  .map(({ from, span, reach, unwanted, reserved, ...rest }) => ({
    ...rest,
    order: order(rest.lanes, {
      from,
      to: from + span,
      horizon: rest.horizon,
      reach: Math.max(from + reach, ...reserved.map(([at]) => from + at)),
      isWanted: (index) => !unwanted.includes(index - from),
      reserved: new Map(reserved.map(([at, channel]) => [from + at, channel])),
    }),
  }));

describe('deal', () => {
  test('leaves what is reserved, gives what is not wanted to nobody, and the rest to a lane', () => {
    fc.assert(
      fc.property(orders, ({ order: given, lanes: all }) => {
        const pattern = deal(given);
        const channels = all.map(({ channel }) => channel);
        for (let at = 0; at < pattern.lead.length; at += 1) {
          const index = given.from + at;
          const element = pattern.lead[at] ?? NOBODY;
          if (!given.isWanted(index)) expect(element).toBe(NOBODY);
          else if (given.reserved.has(index)) expect(element).toBe(given.reserved.get(index));
          else expect(channels).toContain(element);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('the lead covers the reach and plans the horizon, and keeps to the limits of the wire', () => {
    fc.assert(
      fc.property(orders, ({ order: given }) => {
        const pattern = deal(given);
        const end = given.from + pattern.lead.length;
        expect(() => checkPattern(pattern)).not.toThrow();
        expect(pattern).toMatchObject({ epoch: given.epoch, from: given.from, to: given.to });
        expect(end).toBeGreaterThanOrEqual(Math.min(given.to, given.reach + 1));
        expect(end).toBeLessThanOrEqual(given.to);
        expect(pattern.cycle.length === 0, 'a cycle only where the lead leaves something').toBe(end === given.to);
        const fresh = Array.from(pattern.lead).filter(
          (element, at) => element !== NOBODY && !given.reserved.has(given.from + at),
        );
        if (end < given.to) expect(fresh.length).toBeGreaterThanOrEqual(given.horizon);
      }),
      { numRuns: 200 },
    );
  });

  test('together all lanes owe everything from the lead on: nobody is named in the cycle', () => {
    fc.assert(
      fc.property(orders, ({ order: given }) => {
        const pattern = deal(given);
        for (let index = given.from + pattern.lead.length; index < given.to; index += 1) {
          expect(elementAt(pattern, index)).not.toBe(NOBODY);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('every lane has a place in the cycle, however slow: what is never asked can never prove faster', () => {
    fc.assert(
      fc.property(lanes, (all) => {
        const { cycle } = deal(order(all, { to: MAX_SEGMENTS }));
        expect(new Set(cycle)).toEqual(new Set(all.map(({ channel }) => channel)));
      }),
      { numRuns: 100 },
    );
  });

  test('the cycle follows the rates and is not bursty', () => {
    const { cycle } = deal(order([lane(1, 3_000, 20), lane(2, 1_000, 20)]));
    expect(cycle.filter((element) => element === 1)).toHaveLength((cycle.length * 3) / 4);
    expect(String.fromCharCode(...cycle.map((element) => 64 + element))).not.toMatch(/BB|AAAAA/);
  });

  test('without lanes it keeps what is reserved and promises nothing else', () => {
    const pattern = deal(order([], { to: 10, reach: 4, horizon: 0, reserved: new Map([[3, 7]]) }));
    expect([...pattern.lead]).toEqual([0, 0, 0, 7, 0]);
    expect(pattern.cycle).toHaveLength(0);
  });

  test('before the size is known it plans to the end of the numbers', () => {
    const pattern = deal(order([lane(1, 100, 20)], { to: Number.POSITIVE_INFINITY, horizon: 1e9 }));
    expect(pattern.to).toBe(MAX_SEGMENTS);
    expect(pattern.lead).toHaveLength(LIMITS.maxLeadElements);
  });

  test('nothing left: an empty pattern at the end', () => {
    const pattern = deal(order([lane(1, 100, 20)], { from: 1_000 }));
    expect(pattern).toMatchObject({ from: 1_000, to: 1_000 });
    expect(pattern.lead).toHaveLength(0);
  });
});

describe('placement', () => {
  test('completion is the round trip or the queue, whichever is longer, and then the segment itself', () => {
    expect(expectedCompletion(lane(1, SEGMENT / 10, 50), SEGMENT)).toBe(60);
    expect(expectedCompletion(lane(1, SEGMENT / 10, 50, 8 * SEGMENT), SEGMENT)).toBe(90);
  });

  test('each segment is done as early as any deal of the segments so far could have it', () => {
    const few = fc.tuple(
      fc.double({ min: 50, max: 5_000, noNaN: true }),
      fc.double({ min: 0.1, max: 300, noNaN: true }),
      fc.nat(500_000),
    );
    fc.assert(
      fc.property(fc.array(few, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 6 }), (list, count) => {
        const all = list.map(([rate, rttMs, out], at) => lane(at + 1, rate, rttMs, out));
        const pattern = deal(order(all, { to: count, horizon: count }));
        for (let end = 1; end <= count; end += 1) {
          const dealt = [...pattern.lead.slice(0, end)].map((channel) => channel - 1);
          expect(lastCompletion(all, dealt)).toBeCloseTo(bestPossible(all, end), 6);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('of two equally fast lanes the one with the longer way gets later segments, and as many in the long run', () => {
    // both pipes are full, as they are while a transfer runs
    const near = lane(1, 3_000, 10, 30_000);
    const far = lane(2, 3_000, 200, 600_000);
    const pattern = deal(order([near, far], { horizon: 200 }));
    const firstFar = pattern.lead.indexOf(2);
    expect(pattern.lead[0]).toBe(1);
    expect(firstFar).toBeGreaterThan(5);
    // what the far lane sends first is due when it arrives: near brings as much as fits into the difference
    expect(Math.abs(firstFar - (190 * 3_000) / SEGMENT)).toBeLessThan(3);
    const behind = [...pattern.lead.slice(firstFar)];
    expect(Math.abs(behind.filter((element) => element === 2).length - behind.length / 2)).toBeLessThan(2);
  });

  test('a lane with much outstanding waits until the others have caught up', () => {
    const pattern = deal(order([lane(1, 3_000, 10), lane(2, 3_000, 10, 20 * SEGMENT)], { horizon: 60 }));
    const first = pattern.lead.indexOf(2);
    expect(first).toBeGreaterThanOrEqual(18);
    expect(first).toBeLessThanOrEqual(22);
  });
});

/** ms until all segments are here, when segment i goes to the lane at place `choice[i]`. */
function lastCompletion(all: readonly Lane[], choice: readonly number[]): number {
  const queues = all.map((each) => ({ ...each }));
  let last = 0;
  for (const at of choice) {
    const queue = queues[at]!;
    last = Math.max(last, expectedCompletion(queue, SEGMENT));
    queue.outBytes += SEGMENT;
  }
  return last;
}

/** The same for the best of all ways to deal `count` segments. */
function bestPossible(all: readonly Lane[], count: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let code = 0; code < all.length ** count; code += 1) {
    const choice = Array.from({ length: count }, (_, at) => Math.floor(code / all.length ** at) % all.length);
    best = Math.min(best, lastCompletion(all, choice));
  }
  return best;
}

describe('runs of neighbours', () => {
  /** Bytes per ms of a lane that carries 100 MB/s. */
  const QUICK = 100_000;
  const BLOCK = 8;

  /** Where the element changes although no block ends there. */
  const breaks = (elements: Uint16Array, from: number): number =>
    elements.filter((element, at) => at > 0 && (from + at) % BLOCK !== 0 && element !== elements[at - 1]).length;

  test('quick lanes get whole blocks, in the lead and behind it, and each its share', () => {
    const pattern = deal(order([lane(1, QUICK, 1), lane(2, 2 * QUICK, 1)], { from: 3, horizon: 300 }));
    expect(breaks(pattern.lead, 3)).toBe(0);
    expect((3 + pattern.lead.length) % BLOCK).toBe(0);
    expect(breaks(pattern.cycle, 0)).toBe(0);
    expect(pattern.cycle.length % BLOCK).toBe(0);
    for (const elements of [pattern.lead, pattern.cycle]) {
      expect(elements.filter((element) => element === 2).length / elements.length).toBeCloseTo(2 / 3, 1);
    }
  });

  test('what is reserved or not wanted within a block ends no run', () => {
    const more = { reserved: new Map([[10, 9]]), reach: 10, isWanted: (index: number) => index !== 13 };
    const { lead } = deal(order([lane(1, QUICK, 1), lane(2, QUICK, 1)], more));
    expect(lead[10]).toBe(9);
    expect(lead[13]).toBe(NOBODY);
    expect(new Set([8, 9, 11, 12, 14, 15].map((at) => lead[at])).size).toBe(1);
  });

  test('lanes that need long for a run, and such as still grow, get single segments', () => {
    const slow = [lane(1, 12_500, 20), lane(2, 12_500, 20)];
    const growing = [lane(1, QUICK, 0.1), lane(2, QUICK, 0.1)].map((each) => ({ ...each, flight: 14_480 }));
    for (const some of [slow, growing]) {
      const { lead } = deal(order(some));
      expect(breaks(lead, 0)).toBeGreaterThan(lead.length / 4);
    }
  });

  test('a slow lane beside a quick one keeps its single segments, and the cycle is as fine as it needs', () => {
    const pattern = deal(order([lane(1, QUICK, 1), lane(2, 10_000, 1)], { horizon: 200 }));
    const second = [...pattern.lead].flatMap((element, at) => (element === 2 ? [at] : []));
    expect(second.every((at, place) => place === 0 || at - (second[place - 1] ?? 0) >= BLOCK)).toBe(true);
    expect(pattern.cycle.length).toBe(64);
  });

  test('as long as several blocks where every lane is that quick', () => {
    const lengthsOf = (some: readonly Lane[]): number[] => {
      const { lead } = deal(order(some, { horizon: 600 }));
      const lengths = [1];
      for (let at = 1; at < lead.length; at += 1) {
        if (lead[at] === lead[at - 1]) lengths[lengths.length - 1]! += 1;
        else lengths.push(1);
      }
      return lengths;
    };
    const quick = [lane(1, 2 * QUICK, 1), lane(2, 2 * QUICK, 1)];
    expect(lengthsOf(quick).every((length) => length % (4 * BLOCK) === 0)).toBe(true);
    expect(lengthsOf([...quick, lane(3, QUICK / 3, 1)])).toContain(BLOCK);
  });

  test('many quick lanes: the cycle keeps to the limit of the wire', () => {
    const { cycle } = deal(order(Array.from({ length: 100 }, (_, at) => lane(at + 1, QUICK, 1))));
    expect(new Set(cycle).size).toBe(100);
    expect(cycle.length).toBeLessThanOrEqual(LIMITS.maxCycleElements);
  });

  test('a source that has only a part of a block gets only that', () => {
    const holds = new Holdings([{ first: 0, length: 4 }]);
    const { lead } = deal(order([{ ...lane(1, 2 * QUICK, 1), holds }, lane(2, QUICK, 1)]));
    expect([...lead.subarray(0, 8)]).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  });
});

describe('time to bring', () => {
  const ramping = { ...lane(1, 500, 10), flight: 14_480 };

  test('doubles as long as nothing says otherwise', () => {
    expect(timeToBring(ramping, 32 * SEGMENT)).toBeLessThan(100);
  });

  test('is not less than what the route carried last time, nor than doubling takes', () => {
    expect(timeToBring({ ...ramping, ceiling: 500 }, 32 * SEGMENT)).toBe((32 * SEGMENT) / 500);
    const wide = timeToBring({ ...ramping, rate: 1e6, ceiling: 1e6 }, 32 * SEGMENT);
    expect(wide).toBeCloseTo(10 * Math.log2(1 + (32 * SEGMENT) / 14_480), 6);
  });
});
