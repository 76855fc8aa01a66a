// The worth of encoding an object: two tries tell, what shrinks is encoded while the channel is slower than that takes, and
// what does not shrink is looked at so seldom that it costs nothing.
import { describe, expect, test } from 'vitest';
import { EncodingWorth } from '../../origin/encoding-worth.ts';

const SEGMENT = 32_768;
const MIB = 1_048_576;
/** 100 MB/s. */
const MS = SEGMENT / 100_000;

/** Offers `count` segments; those wanted become `ratio` of what they were. How many were. */
function offer(
  worth: EncodingWorth,
  count: number,
  { ratio, rate = 5_000, ms = MS }: { readonly ratio: number; readonly rate?: number; readonly ms?: number },
): number {
  let wanted = 0;
  for (let at = 0; at < count; at += 1) {
    if (!worth.wants(SEGMENT, rate)) continue;
    wanted += 1;
    worth.learn(SEGMENT, ratio * SEGMENT, ms);
  }
  return wanted;
}

describe('what is known of an object', () => {
  test('nothing at first: two segments are tried, the others pass until these are done', () => {
    const worth = new EncodingWorth();
    expect([1, 2, 3, 4].map(() => worth.wants(SEGMENT, undefined))).toEqual([true, true, false, false]);
    worth.learn(SEGMENT, SEGMENT / 3, MS);
    expect(worth.wants(SEGMENT, 5_000)).toBe(true);
  });

  test('where both tries came to nothing it is tried again later', () => {
    const worth = new EncodingWorth();
    for (let at = 0; at < 2; at += 1) expect(worth.wants(SEGMENT, undefined)).toBe(true);
    expect(Array.from({ length: 600 }, () => worth.wants(SEGMENT, undefined)).filter(Boolean)).toHaveLength(1);
  });

  test('that others of its type do not shrink: it is tried as seldom as they are', () => {
    const worth = new EncodingWorth(0.99);
    expect(offer(worth, 16 * 32 - 1, { ratio: 0.3 })).toBe(0);
    expect(offer(worth, 10, { ratio: 0.3 })).toBe(10);
    expect(offer(new EncodingWorth(0.4), 10, { ratio: 0.3 })).toBe(10);
  });
});

describe('an object that does not shrink', () => {
  test('costs a dozen tries in a gigabyte', () => {
    const worth = new EncodingWorth();
    expect(offer(worth, (1_024 * MIB) / SEGMENT, { ratio: 1.001 })).toBeLessThanOrEqual(12);
  });

  test('is encoded as soon as a try shows that it shrinks after all', () => {
    const worth = new EncodingWorth();
    offer(worth, 100, { ratio: 1 });
    expect(offer(worth, 16 * 32, { ratio: 0.2 })).toBeGreaterThan(0);
    expect(offer(worth, 100, { ratio: 0.2 })).toBe(100);
  });

  test('saving less than a tenth counts as nothing', () => {
    expect(offer(new EncodingWorth(), 100, { ratio: 0.95 })).toBe(1);
    expect(offer(new EncodingWorth(), 100, { ratio: 0.85 })).toBe(100);
  });
});

describe('an object that shrinks', () => {
  test('is plain for a channel that carries it sooner than it is encoded, and encoded for a slower one', () => {
    const worth = new EncodingWorth();
    offer(worth, 2, { ratio: 0.5 });
    // 100 MB/s, half of it saved: up to 50 MB/s
    expect(offer(worth, 20, { ratio: 0.5, rate: 60_000 })).toBe(0);
    expect(offer(worth, 20, { ratio: 0.5, rate: 40_000 })).toBe(20);
  });

  test('one slow encoding, as busy machines bring, changes nothing; many do, and it is tried again every megabyte', () => {
    const worth = new EncodingWorth();
    offer(worth, 10, { ratio: 0.5 });
    worth.learn(SEGMENT, SEGMENT / 2, 20 * MS);
    expect(offer(worth, 20, { ratio: 0.5, rate: 20_000 })).toBe(20);
    offer(worth, 100, { ratio: 0.5, rate: 20_000, ms: 20 * MS });
    expect(offer(worth, 10 * 32, { ratio: 0.5, rate: 20_000, ms: 20 * MS })).toBeLessThanOrEqual(10);
    expect(offer(worth, 10 * 32, { ratio: 0.5, rate: 20_000 })).toBeGreaterThan(100);
  });
});
