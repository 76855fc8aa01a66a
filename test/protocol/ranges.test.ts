// Ranges and the indexes they stand for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS, MAX_SEGMENTS } from '../../protocol/limits.ts';
import { checkRanges, countOf, indexesOf, merged, mergedHave, rangesHave, rangesOf } from '../../protocol/ranges.ts';

describe('ranges', () => {
  it('keep the indexes and their order, in as few ranges as their runs', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 60 }), (indexes) => {
        const ranges = rangesOf(indexes);
        expect([...indexesOf(ranges)]).toEqual(indexes);
        expect(countOf(ranges)).toBe(indexes.length);
        const runs = indexes.filter((index, place) => place === 0 || index !== (indexes[place - 1] ?? 0) + 1);
        expect(ranges.map(({ first }) => first)).toEqual(runs);
        for (let index = 0; index <= 41; index += 1) expect(rangesHave(ranges, index)).toBe(indexes.includes(index));
      }),
    );
  });

  it('merge into ascending ranges that do not touch, with the same indexes', () => {
    const range = fc.record({ first: fc.nat(60), length: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), (ranges) => {
        const all = merged(ranges);
        for (const [at, { first }] of all.entries()) {
          const before = all[at - 1];
          if (before !== undefined) expect(first).toBeGreaterThan(before.first + before.length);
        }
        for (let index = -1; index <= 81; index += 1) expect(mergedHave(all, index)).toBe(rangesHave(ranges, index));
      }),
    );
  });

  it('may be as many and as long as the wire allows, and no more', () => {
    const many = Array.from({ length: LIMITS.maxRanges }, (_, index) => ({ first: 2 * index, length: 1 }));
    expect(checkRanges(many)).toBe(many);
    expect(() => checkRanges([...many, { first: 0, length: 1 }])).toThrow(
      expect.objectContaining({ code: 'frame-too-large', side: 'local' }),
    );
    expect(checkRanges([{ first: 0, length: MAX_SEGMENTS }])).toHaveLength(1);
    expect(() => checkRanges([{ first: 1, length: MAX_SEGMENTS }], 'remote')).toThrow(
      expect.objectContaining({ code: 'bad-frame', side: 'remote' }),
    );
  });
});
