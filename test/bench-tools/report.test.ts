// What turns figures into a table: the middle of values, ratios, and text in columns.
import { describe, expect, test } from 'vitest';
import { known, median, quantile, ratio } from '../bench/report/statistics.ts';
import { decimal, percent, tableLines, times } from '../bench/report/table.ts';

describe('statistics', () => {
  test.each([
    [[], undefined],
    [[3], 3],
    [[9, 1, 5], 5],
    [[10, 2, 1, 4], 3],
  ])('the median of %j is %s', (values, middle) => {
    expect(median(values)).toBe(middle);
  });

  test('quantiles lie between the closest ranks', () => {
    const values = [40, 10, 20, 30];
    expect([0, 0.5, 0.9, 1].map((q) => quantile(values, q))).toEqual([10, 25, 37, 40]);
    expect(values).toEqual([40, 10, 20, 30]);
  });

  test('a ratio of something unknown is unknown', () => {
    expect(ratio(6, 3)).toBe(2);
    expect([ratio(undefined, 3), ratio(6, undefined), ratio(6, 0)]).toEqual([undefined, undefined, undefined]);
    expect(known([1, undefined, Number.NaN, 2, Number.POSITIVE_INFINITY])).toEqual([1, 2]);
  });
});

describe('table', () => {
  test('numbers stand to the right, words to the left, what is unknown is a dash', () => {
    const columns = [
      { title: 'peer', align: 'left' },
      { title: '×', align: 'right' },
    ] as const;
    expect(tableLines(columns, [['heddle', '1.25'], ['a|b'], ['ü', '–10']])).toEqual([
      '| peer   |    × |',
      '| ------ | ---: |',
      '| heddle | 1.25 |',
      '| a\\|b   |    – |',
      '| ü      |  –10 |',
    ]);
  });

  test('numbers are rounded, what is no number is left out', () => {
    expect([decimal(1.005, 1), percent(0.0123), times(2)]).toEqual(['1.0', '1.2 %', '×2.00']);
    expect([decimal(undefined, 1), percent(Number.NaN), times(Number.POSITIVE_INFINITY)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
