// The growth bench's pure parts: what counts as flat, how amounts are said, and that a made-up tree proves what it should.
import { describe, expect, it } from 'vitest';
import { IndexStore } from '../../origin/index-store.ts';
import { sha256 } from '../../origin/sha256.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { buildLevels, hashSegment, rootOf } from '../../protocol/merkle.ts';
import { bytesText, countText } from '../bench/growth/amounts.ts';
import { curveLines, judgementsOf } from '../bench/growth/curve.ts';
import type { Curve } from '../bench/growth/curve.ts';
import { fillTree } from '../bench/growth/sparse-object.ts';

const curve = (costs: readonly (number | undefined)[], because?: string): Curve => ({
  title: 'Things',
  by: 'count',
  text: String,
  reading: 'A reading.',
  figures: [
    { title: 'µs/thing', digits: 1, judged: true, ...(because === undefined ? {} : { because }) },
    { title: 'seen', digits: 0 },
  ],
  points: costs.map((cost, at) => ({ at: 10 ** at, values: [cost, 10 ** at] })),
});
const verdicts = (costs: readonly (number | undefined)[], because?: string): string[] =>
  curveLines(curve(costs, because)).slice(8 + costs.length - 1, -1);

describe('a curve', () => {
  it('is flat while its end is near the least before it', () => {
    expect(verdicts([2, 2, 2])).toEqual(['- Flat: µs/thing (slope 0.00, ×1.00 at the end of the least before it).']);
    expect(judgementsOf(curve([9, 2, 3]))).toMatchObject([{ growth: 1.5, isFlat: true }]);
    expect(judgementsOf(curve([2, 2, 3.1]))).toMatchObject([{ growth: 1.55, isFlat: false }]);
    // one busy moment at the end of a long curve, and one at its beginning, are no slope
    expect(judgementsOf(curve([9, 2, 3.1]))).toMatchObject([{ isFlat: true }]);
  });

  it('has the slope of what is proportional, and says why it grows', () => {
    expect(verdicts([1, 10, 100])).toEqual([
      '- Not flat: µs/thing (slope 1.00, ×100.00 at the end of the least before it).',
    ]);
    expect(verdicts([1, 10, 100], 'It counts.')).toEqual([
      '- Not flat, explained: µs/thing (slope 1.00, ×100.00 at the end of the least before it). It counts.',
    ]);
    // the tenth part of a power each
    expect(judgementsOf(curve([1, 10 ** 0.1, 10 ** 0.2]))[0]?.slope).toBeCloseTo(0.1, 9);
  });

  it('leaves out what is not known, and judges nothing by one point', () => {
    expect(verdicts([3])).toEqual(['Nothing to compare.']);
    expect(verdicts([3, undefined])).toEqual(['Nothing to compare.']);
    expect(judgementsOf(curve([4, undefined, 4]))).toMatchObject([{ slope: 0, growth: 1 }]);
  });

  it('is a table of all its points', () => {
    expect(curveLines(curve([1, 2])).slice(4, 8)).toEqual([
      '| count | µs/thing | seen |',
      '| ----: | -------: | ---: |',
      '|     1 |      1.0 |    1 |',
      '|    10 |      2.0 |   10 |',
    ]);
  });

  it('names the points that failed', () => {
    const failed = { ...curve([1, 2]), points: [{ at: 5, values: [], fault: 'it broke' }] };
    expect(curveLines(failed)).toContain('- Failed at 5: it broke');
  });
});

it('amounts are said as people do', () => {
  expect([0, 999, 1_500, 99_975_168, 999_999_995_904, 5e15].map(bytesText)).toEqual([
    '0 B',
    '999 B',
    '1.5 kB',
    '100 MB',
    '1 TB',
    '5000 TB',
  ]);
  expect(countText(1_000_000)).toBe('1,000,000');
});

it('a made-up tree is that of an object whose leaves are alike', () => {
  const leaves = 3_001;
  const store = new IndexStore(':memory:', 0);
  const leaf = hashSegment(new Uint8Array(LEAF_BYTES), sha256);
  fillTree(store, { place: 'p', version: 'v', size: leaves * LEAF_BYTES }, leaf);
  const lowest = Buffer.concat(Array.from({ length: leaves }, () => leaf));
  expect(Buffer.from(rootOf(buildLevels(lowest, sha256))).equals(store.find('p', 'v') ?? Buffer.alloc(0))).toBe(true);
  store.close();
});
