// The growth bench's pure parts: what counts as flat, how amounts are said, and that a made-up tree proves what it should.
import { describe, expect, it } from 'vitest';
import { IndexStore } from '../../origin/index-store.ts';
import { sha256 } from '../../origin/sha256.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { buildLevels, hashSegment, rootOf } from '../../protocol/merkle.ts';
import { bytesText, countText } from '../bench/growth/amounts.ts';
import { curveLines } from '../bench/growth/curve.ts';
import { fillTree } from '../bench/growth/tree-curve.ts';

const curve = (costs: readonly (number | undefined)[]) => ({
  title: 'Things',
  by: 'count',
  reading: 'A reading.',
  figures: [{ title: 'µs/thing', digits: 1 }],
  points: costs.map((cost, at) => ({ at: String(10 ** at), values: [cost] })),
});
const lastWords = (costs: readonly (number | undefined)[]): string | undefined => curveLines(curve(costs)).at(-2);

describe('a curve', () => {
  it('is flat while its end is near the least before it', () => {
    expect(lastWords([9, 2, 3])).toBe('Flat: µs/thing at the end is ×1.50 the least before it.');
    expect(lastWords([2, 2, 3.1])).toBe('Not flat: µs/thing at the end is ×1.55 the least before it.');
    expect(lastWords([3])).toBe('Nothing to compare.');
    expect(lastWords([3, undefined])).toBe('Nothing to compare.');
  });

  it('is a table of all its points', () => {
    expect(curveLines(curve([1, 2])).slice(4, 8)).toEqual([
      '| count | µs/thing |',
      '| ----: | -------: |',
      '|     1 |      1.0 |',
      '|    10 |      2.0 |',
    ]);
  });
});

it('amounts are said as people do', () => {
  expect([0, 999, 1_500, 99_975_168, 1e12, 5e15].map(bytesText)).toEqual([
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
