// What the demo shows of a transfer: bars, numbers and the letters of the pattern, with colours and without.
import { describe, expect, test } from 'vitest';
import { comparison, downloadTable } from '../../client/demo/closing.ts';
import { letterOf, paletteFor } from '../../client/demo/palette.ts';
import type { Palette } from '../../client/demo/palette.ts';
import { momentOf } from '../../client/demo/picture.ts';
import { patternOf, reportWith, routeWith } from './report.ts';

const plain = paletteFor({});

describe('the picture', () => {
  test('has progress, a bar per route and what is wrong with it', () => {
    const lines = momentOf(reportWith(), 40, plain).lines();
    expect(lines[1]).toMatch(/^ {2}━{20}─{20} +50 % {2}10\.0 MB of 20\.0 MB {2}40\.0 Mbit\/s +2\.0 s$/);
    expect(lines[4]).toMatch(/^ {2}A near +█{30} +40\.0 Mbit\/s +25 ms +75 %$/);
    expect(lines[5]).toMatch(/^ {2}B far +░{30} +0\.0 Mbit\/s +25 % {2}down$/);
  });

  test('never shows more than all, and no size before there is one', () => {
    expect(momentOf(reportWith({ receivedBytes: 30_000_000 }), 40, plain).lines()[1]).toMatch(/━{40} +100 %/);
    expect(momentOf(reportWith({ bytes: undefined, receivedBytes: 0 }), 40, plain).lines()[1]).toMatch(/─{40} +0 %/);
  });

  test('spells the cycle: a letter per route, a dot for nobody and for channels that are gone', () => {
    const pattern = patternOf([2, 2], [1, 2, 0, 1, 9]);
    const routes = [routeWith({ index: 0 }), routeWith({ index: 1 })];
    expect(momentOf(reportWith({ pattern, routes }), 40, plain).lines().at(-1)).toBe('  pattern 7    cycle  AB·A·');
  });

  test('spells the rest that is not here yet once every segment is dealt by itself', () => {
    const pattern = patternOf([1, 1, 2, 0, 1], [], 10, 15);
    const routes = [routeWith({ index: 0 }), routeWith({ index: 1 })];
    const report = reportWith({ pattern, routes, takenPoint: 12 });
    expect(momentOf(report, 40, plain).lines().at(-1)).toBe('  pattern 7    rest   B·A');
    expect(
      momentOf({ ...report, takenPoint: 15 }, 40, plain)
        .lines()
        .at(-1),
    ).toBe('  pattern 7    rest   ');
  });

  test('fits into one line without a terminal', () => {
    const { line } = momentOf(reportWith({ pattern: patternOf([], [1, 1, 2]) }), 40, plain);
    expect(line()).toMatch(/^ +2\.0 s +50 % +40\.0 Mbit\/s +A 40\.0 +B down +pattern 7 cycle AA·$/);
  });
});

describe('colours', () => {
  const painted = /^\u001b\[[0-9;]+mtext\u001b\[39m$/;

  test('differ by route, as fine as the terminal has them', () => {
    for (const depth of [4, 8, 24]) {
      const palette = paletteFor({ isTTY: true, getColorDepth: () => depth });
      expect(palette(0, 'text')).toMatch(painted);
      expect(new Set([0, 1, 2].map((route) => palette(route, 'text'))).size).toBe(3);
    }
  });

  test('are left out by NO_COLOR (depth 1) and without a terminal', () => {
    expect(paletteFor({ isTTY: true, getColorDepth: () => 1 })(0, 'text')).toBe('text');
    expect(paletteFor({ isTTY: false, getColorDepth: () => 24 })(0, 'text')).toBe('text');
  });

  test('letters name more routes than there are colours', () => {
    const palette: Palette = paletteFor({ isTTY: true, getColorDepth: () => 8 });
    expect([0, 1, 25].map(letterOf)).toEqual(['A', 'B', 'Z']);
    expect(palette(25, 'text')).toMatch(painted);
  });
});

describe('the end', () => {
  test('has the figures of the download', () => {
    const text = downloadTable(reportWith({ bytes: 10_000_000 }), plain).join('\n');
    for (const figure of ['10.0 MB', '2.0 s, 40.0 Mbit/s', 'A near    75.0 %  7.5 MB', 'B far     25.0 %  2.5 MB']) {
      expect(text).toContain(figure);
    }
    expect(text).toMatch(/patterns +7\n +hedges +3\n +waste +200 kB \(2\.0 %\)/);
  });

  test('compares the same bytes, and says it as well when the single route was faster', () => {
    const route = { name: 'near', megabitsPerSecond: 40, roundTripMs: 20 };
    const woven = reportWith({ bytes: 10_000_000 });
    const slower = comparison(woven, { bytes: 10_000_000, ms: 4_000, sha256: '' }, route, true);
    expect(slower[0]).toMatch(/heddle, 2 routes +█{40} +2\.0 s +40\.0 Mbit\/s/);
    expect(slower[1]).toMatch(/plain GET, near alone +█{20}░{20} +4\.0 s +20\.0 Mbit\/s/);
    expect(slower[3]).toMatch(/10\.0 MB at 2\.00 times .*two faults/);
    const faster = comparison(woven, { bytes: 10_000_000, ms: 1_000, sha256: '' }, route, false);
    expect(faster[3]).toMatch(/at 0\.50 times the rate of the best single route\.$/);
  });
});
