// Who owes what: the quick answers of a pattern against reading it element by element.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_SEGMENTS } from '../../protocol/limits.ts';
import { channelsOf, checkPattern, elementAt, EMPTY_PATTERN, nextOwed, NOBODY } from '../../protocol/pattern.ts';
import type { Pattern } from '../../protocol/pattern.ts';

const elements = fc.array(fc.nat(5), { maxLength: 12 });
const smallPatterns = fc
  .record({ from: fc.nat(20), span: fc.nat(60), lead: elements, cycle: elements })
  .map(({ from, span, lead, cycle }): Pattern => {
    return { epoch: 1, from, to: from + span, lead: Uint16Array.from(lead), cycle: Uint16Array.from(cycle) };
  });

/** The pattern written out: index → element, as the definition reads. */
function writtenOut({ from, to, lead, cycle }: Pattern): Map<number, number> {
  const all = new Map<number, number>();
  let position = 0;
  for (let index = from; index < to; index += 1, position += 1) {
    if (position < lead.length) all.set(index, lead[position] ?? -1);
    else if (cycle.length > 0) all.set(index, cycle[(position - lead.length) % cycle.length] ?? -1);
  }
  return all;
}

describe('a pattern', () => {
  it('gives each segment to the element at its position, the cycle again and again', () => {
    fc.assert(
      fc.property(smallPatterns, (pattern) => {
        const all = writtenOut(pattern);
        for (let index = 0; index < 100; index += 1) expect(elementAt(pattern, index)).toBe(all.get(index) ?? NOBODY);
      }),
    );
  });

  it('finds the next segment that a channel owes, from anywhere', () => {
    fc.assert(
      fc.property(smallPatterns, fc.integer({ min: 1, max: 6 }), (pattern, channel) => {
        const owed = [...writtenOut(pattern)].filter(([, element]) => element === channel).map(([index]) => index);
        for (let start = 0; start < 100; start += 1) {
          expect(nextOwed(pattern, channel, start)).toBe(owed.find((index) => index >= start));
        }
      }),
    );
  });

  it('finds it as well among hundreds of others', () => {
    const many = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 120, size: 'max' });
    fc.assert(
      fc.property(
        fc.nat(5),
        fc.nat(300),
        many,
        many,
        fc.integer({ min: 1, max: 90 }),
        (from, span, lead, cycle, channel) => {
          const rest = { lead: Uint16Array.from(lead), cycle: Uint16Array.from(cycle) };
          const pattern: Pattern = { epoch: 1, from, to: from + span, ...rest };
          const owed = [...writtenOut(pattern)].filter(([, element]) => element === channel).map(([index]) => index);
          for (let start = 0; start < 310; start += 7) {
            expect(nextOwed(pattern, channel, start)).toBe(owed.find((index) => index >= start));
          }
        },
      ),
    );
  });

  it('is divided among its channels without overlap or gap', () => {
    fc.assert(
      fc.property(smallPatterns, (pattern) => {
        const dealt: number[] = [];
        for (const channel of channelsOf(pattern)) {
          let index = nextOwed(pattern, channel, 0);
          for (; index !== undefined; index = nextOwed(pattern, channel, index + 1)) dealt.push(index);
        }
        const expected = [...writtenOut(pattern)].filter(([, element]) => element !== NOBODY).map(([index]) => index);
        expect(dealt.sort((a, b) => a - b)).toEqual(expected);
      }),
    );
  });

  it('answers at the far end of the largest object', () => {
    const pattern = { ...EMPTY_PATTERN, to: MAX_SEGMENTS, cycle: Uint16Array.of(1, 2, 2) };
    expect(nextOwed(pattern, 1, MAX_SEGMENTS - 4)).toBe(MAX_SEGMENTS - 3);
    expect(nextOwed(pattern, 1, MAX_SEGMENTS - 2)).toBeUndefined();
    expect(nextOwed(pattern, 3, 0)).toBeUndefined();
    expect(nextOwed({ ...pattern, from: MAX_SEGMENTS - 2 }, 2, 0)).toBe(MAX_SEGMENTS - 1);
    expect(elementAt(pattern, MAX_SEGMENTS - 1)).toBe(2);
    expect(elementAt(pattern, MAX_SEGMENTS)).toBe(NOBODY);
  });

  it('that is empty owes nothing', () => {
    expect(elementAt(EMPTY_PATTERN, 0)).toBe(NOBODY);
    expect(nextOwed(EMPTY_PATTERN, 1, 0)).toBeUndefined();
    expect(channelsOf(EMPTY_PATTERN)).toEqual([]);
  });

  it('names its channels once each, ascending, without nobody', () => {
    const pattern = { ...EMPTY_PATTERN, lead: Uint16Array.of(9, 0, 300), cycle: Uint16Array.of(2, 9, 0) };
    expect(channelsOf(pattern)).toEqual([2, 9, 300]);
  });

  it('that breaks a bound is blamed on the side it came from', () => {
    expect(() => checkPattern(EMPTY_PATTERN)).toThrow(expect.objectContaining({ code: 'bad-frame', side: 'local' }));
    expect(() => checkPattern(EMPTY_PATTERN, 'remote')).toThrow(expect.objectContaining({ side: 'remote' }));
    const pattern = { ...EMPTY_PATTERN, epoch: 1 };
    expect(checkPattern(pattern)).toBe(pattern);
    for (const change of [{ epoch: 1.5 }, { epoch: 2 ** 32 }, { from: -1 }, { to: 0.5 }, { to: Number.NaN }]) {
      expect(() => checkPattern({ ...pattern, ...change })).toThrow(expect.objectContaining({ code: 'bad-frame' }));
    }
  });
});
