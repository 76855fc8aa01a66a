// The virtual clock of a link: rate, delay, queue, changes of rate and pauses, exactly, without a socket or a timer.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lane } from '../../client/demo/lane.ts';
import type { Arrival } from '../../client/demo/lane.ts';

type Taken = { readonly at: number; readonly length: number };

/** 1000 bytes per ms: 8 Mbit/s. */
const RATE = 1_000;

describe('rate and delay', () => {
  test('a packet takes its size by the rate, and then the delay', () => {
    const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 20 });
    lane.push('a', bytes(1_000), 5);
    expect(lane.nextAt()).toBe(6);
    expect(lane.take(25.99)).toBeUndefined();
    expect(lane.nextAt()).toBe(26);
    expect(lane.take(26)?.bytes.length).toBe(1_000);
    expect(lane.nextAt()).toBe(Number.POSITIVE_INFINITY);
  });

  test('what waited while the caller slept came at its own time: lateness does not add up', () => {
    const punctual = runUntilEmpty(1);
    const late = runUntilEmpty(37);
    expect(sum(punctual)).toBe(200_000);
    expect(sum(late)).toBe(200_000);
    expect(punctual.at(-1)?.at).toBeLessThanOrEqual(221);
    expect(late.at(-1)?.at).toBeLessThanOrEqual(220 + 37);
  });

  test('at any moment no more and no less than a slice has arrived than the rate gives', () => {
    const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 20 });
    lane.push('a', bytes(65_536), 0);
    let arrived = 0;
    for (let now = 0; now <= 90; now += 1) {
      arrived += takeAll(lane, now).reduce((total, { bytes: { length } }) => total + length, 0);
      const sent = Math.min(65_536, Math.max(0, now - 20) * RATE);
      expect(arrived).toBeLessThanOrEqual(sent);
      expect(sent - arrived).toBeLessThanOrEqual(1_448);
    }
    expect(arrived).toBe(65_536);
  });

  test('a bottleneck that was idle has saved nothing up', () => {
    const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 0 });
    lane.push('a', bytes(1_000), 0);
    lane.take(500);
    lane.push('a', bytes(10_000), 1_000);
    expect(lane.take(1_000)).toBeUndefined();
    expect(sum(takeAll(lane, 1_005).map(lengthOf))).toBeLessThanOrEqual(5_000);
    expect(sum(takeAll(lane, 1_010).map(lengthOf))).toBeGreaterThanOrEqual(5_000);
  });

  test('all owners share the rate, first come first served', () => {
    const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 0 });
    lane.push('a', bytes(1_000), 0);
    lane.push('b', bytes(1_000), 0);
    lane.push('a', bytes(1_000), 0);
    const order = [1, 2, 3].flatMap((now) => takeAll(lane, now).map(({ owner }) => owner));
    expect(order).toEqual(['a', 'b', 'a']);
  });
});

describe('the queue', () => {
  test('is full at 100 ms of the rate, at least 64 KiB, or at what it is told', () => {
    expect(fullAt({ bytesPerMs: RATE, delayMs: 0 })).toBe(100_000);
    expect(fullAt({ bytesPerMs: 100, delayMs: 0 })).toBe(65_536);
    expect(fullAt({ bytesPerMs: RATE, delayMs: 0, queueBytes: 5_000 })).toBe(5_000);
  });

  test('has room again when the bottleneck has sent enough; the delay line does not count', () => {
    const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 1_000, queueBytes: 10_000 });
    lane.push('a', bytes(12_895), 0);
    expect(lane.isFull(2)).toBe(true);
    expect(lane.isFull(3)).toBe(false);
    expect(lane.queuedBytes).toBe(12_895 - 2 * 1_448);
  });
});

describe('changes', () => {
  test('a new rate holds from then on, also for what is half sent', () => {
    const lane = new Lane<string>({ bytesPerMs: 1_448, delayMs: 0 });
    lane.push('a', bytes(1_448 + 1_448), 0);
    lane.setRate(144.8, 0.5);
    expect(lengthOf(lane.take(0.5))).toBe(724);
    expect(lane.nextAt()).toBeCloseTo(10.5);
    expect(sum(takeAll(lane, 15.6).map(lengthOf))).toBe(2_896 - 724);
  });

  test('a pause stops queue and delay line and shifts all that was in them', () => {
    const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 10 });
    lane.push('a', bytes(1_000), 0);
    lane.push('a', bytes(1_000), 0);
    lane.pause(1.5);
    expect(lane.nextAt()).toBe(Number.POSITIVE_INFINITY);
    expect(lane.take(500)).toBeUndefined();
    lane.resume(1_001.5);
    expect(takeAll(lane, 1_010.9)).toHaveLength(0);
    expect(lengthOf(lane.take(1_011))).toBe(1_000);
    expect(lane.nextAt()).toBe(1_012);
    expect(lengthOf(lane.take(1_012))).toBe(1_000);
  });

  test('clearing forgets everything', () => {
    const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 10 });
    lane.push('a', bytes(3_000), 0);
    lane.take(2);
    lane.clear();
    expect([lane.queuedBytes, lane.nextAt(), lane.take(1_000)]).toEqual([0, Number.POSITIVE_INFINITY, undefined]);
  });
});

test('a mark comes behind the bytes of its owner', () => {
  const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 10 });
  lane.push('a', bytes(2_000), 0);
  lane.pushMark('a', 'end', 0);
  const came = [...takeAll(lane, 11.9), ...takeAll(lane, 12)];
  expect(came.map(({ bytes: { length }, mark }) => [length, mark])).toEqual([
    [1_448, undefined],
    [552, undefined],
    [0, 'end'],
  ]);
});

test('what comes out is what went in, in order, however it is pushed, paused and slowed', () => {
  const step = fc.record({
    wait: fc.double({ min: 0, max: 40, noNaN: true }),
    does: fc.oneof(
      fc.record({ length: fc.integer({ min: 1, max: 9_000 }), owner: fc.constantFrom('a', 'b') }),
      fc.record({ rate: fc.double({ min: 1, max: 20_000, noNaN: true }) }),
      fc.constantFrom('pause' as const, 'resume' as const, 'look' as const),
    ),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat({ max: 100 }), (steps, delayMs) => {
      const lane = new Lane<string>({ bytesPerMs: RATE, delayMs });
      const went: Record<string, number[]> = { a: [], b: [] };
      const came: Record<string, number[]> = { a: [], b: [] };
      const collect = (now: number): void => {
        for (const { owner, bytes: part } of takeAll(lane, now)) came[owner]?.push(...part);
      };
      let now = 0;
      let next = 0;
      for (const { wait, does } of steps) {
        now += wait;
        if (does === 'pause') lane.pause(now);
        else if (does === 'resume') lane.resume(now);
        else if (does === 'look') collect(now);
        else if ('rate' in does) lane.setRate(does.rate, now);
        else {
          const chunk = countFrom(next, does.length);
          next += does.length;
          went[does.owner]?.push(...chunk);
          lane.push(does.owner, chunk, now);
        }
      }
      lane.resume(now);
      for (let at = lane.nextAt(); Number.isFinite(at); at = lane.nextAt()) collect(at);
      expect(came).toEqual(went);
      expect(lane.queuedBytes).toBe(0);
    }),
    { numRuns: 60 },
  );
});

/** 200 ms of bytes, looked at every `period` ms; refilled as a waiting sender would. */
function runUntilEmpty(period: number): Taken[] {
  const lane = new Lane<string>({ bytesPerMs: RATE, delayMs: 20 });
  const taken: Taken[] = [];
  let left = 200_000;
  for (let now = 0; now < 1_000; now += period) {
    while (left > 0 && !lane.isFull(now)) {
      lane.push('a', bytes(10_000), now);
      left -= 10_000;
    }
    for (const arrival of takeAll(lane, now)) taken.push({ at: now, length: arrival.bytes.length });
  }
  return taken;
}

function countFrom(first: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => first + at);
}

function fullAt(options: ConstructorParameters<typeof Lane>[0]): number {
  const lane = new Lane<string>(options);
  let pushed = 0;
  while (!lane.isFull(0)) {
    lane.push('a', bytes(1), 0);
    pushed += 1;
  }
  return pushed;
}

function takeAll(lane: Lane<string>, now: number): Arrival<string>[] {
  const all: Arrival<string>[] = [];
  for (let next = lane.take(now); next !== undefined; next = lane.take(now)) all.push(next);
  return all;
}

function lengthOf(arrival: Arrival<string> | undefined): number {
  return arrival?.bytes.length ?? 0;
}

function sum(values: readonly (number | Taken)[]): number {
  return values.reduce<number>((total, value) => total + (typeof value === 'number' ? value : value.length), 0);
}

function bytes(length: number): Uint8Array {
  return new Uint8Array(length);
}
