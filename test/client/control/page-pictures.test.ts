// The pictures of the page, drawn with a brush that counts: what is where, and that a million segments cost no more than a
// screen has columns.
import { describe, expect, test } from 'vitest';
import type { PatternPicture, SegmentMap } from '../../../client/control/messages.ts';
import { letterOf } from '../../../client/control/page/browser/brush.ts';
import { drawPattern } from '../../../client/control/page/browser/pattern-picture.ts';
import { beadCounts, NOBODY, owners, patternRow, withRow } from '../../../client/control/page/browser/pattern-rows.ts';
import { drawRibbon } from '../../../client/control/page/browser/ribbon-picture.ts';
import { SegmentCloth } from '../../../client/control/page/browser/segment-cloth.ts';
import { drawWindow, EARLIER, MISSING } from '../../../client/control/page/browser/window-picture.ts';
import { countingBrush, namedTheme } from '../../support/counting-brush.ts';
import type { Stroke } from '../../support/counting-brush.ts';

const theme = namedTheme(8);

function clothOf(map: SegmentMap | null): SegmentCloth {
  const cloth = new SegmentCloth();
  cloth.reset(map);
  return cloth;
}

/** What is filled with a colour, as [x, y, width, height]. */
function filled(strokes: readonly Stroke[], colour: string): readonly (readonly unknown[])[] {
  return strokes
    .filter((stroke) => stroke.method === 'fillRect' && stroke.colour === colour)
    .map(({ values }) => values);
}

describe('the ribbon', () => {
  const size = { width: 100, height: 64 };
  const points = { inOrder: 0, cursorCell: undefined };

  test('lays the routes upon each other, the missing part stays empty', () => {
    const cloth = clothOf({ first: 0, count: 40, perCell: 10, cells: [{ at: 0, length: 2, by: [5, 2] }] });
    const { brush, strokes } = countingBrush();
    drawRibbon(brush, cloth, theme, size, points);
    // the band is 40 high from 12 on: five of ten from below, two of ten upon them; columns of 25 with a gap
    expect(filled(strokes, 'route-0')).toEqual([
      [0, 32, 24, 20],
      [25, 32, 24, 20],
    ]);
    expect(filled(strokes, 'route-1')).toEqual([
      [0, 24, 24, 8],
      [25, 24, 24, 8],
    ]);
  });

  test('joins neighbours that are alike, whatever they stand for', () => {
    const cells = [{ at: 0, length: 500, by: [600, 300], hedged: 1, corrupt: 2 }];
    const cloth = clothOf({ first: 0, count: 1_000_000, perCell: 1_000, cells });
    const { brush, strokes } = countingBrush();
    drawRibbon(brush, cloth, theme, { width: 1_200, height: 96 }, points);
    expect(filled(strokes, 'route-0')).toEqual([[0, 41, 600, 43]]);
    expect(filled(strokes, 'route-1')).toHaveLength(1);
  });

  test('a million segments in the worst order cost no more than columns × routes', () => {
    const routes = 8;
    const cells = Array.from({ length: 1_000 }, (_, at) => {
      const by = Array.from({ length: routes }, (__, route) => 20 + ((at * 7_919 + route * 104_729) % 100));
      return { at, length: 1, by, hedged: 1, corrupt: 1 };
    });
    const cloth = clothOf({ first: 0, count: 1_000_000, perCell: 1_000, cells });
    const { brush, strokes } = countingBrush();
    drawRibbon(brush, cloth, theme, { width: 1_200, height: 96 }, points);
    expect(strokes.length).toBeGreaterThan(1_000);
    const marks = Math.floor(1_200 / 7);
    expect(strokes.length).toBeLessThanOrEqual(2 * 1_000 * routes + marks * (3 + 4) + 16);
  });

  test('a narrow screen puts cells together and loses none', () => {
    const cells = [{ at: 0, length: 512, by: [1] }];
    const cloth = clothOf({ first: 0, count: 1_024, perCell: 1, cells });
    const { brush, strokes } = countingBrush();
    drawRibbon(brush, cloth, theme, { width: 64, height: 64 }, points);
    expect(filled(strokes, 'route-0')).toEqual([[0, 12, 32, 40]]);
  });

  test('marks hedges above and false copies below, one for a place however many there are', () => {
    const cells = [{ at: 3, length: 2, by: [0], hedged: 9, corrupt: 4 }];
    const cloth = clothOf({ first: 0, count: 1_000, perCell: 1, cells });
    const { brush, strokes } = countingBrush();
    drawRibbon(brush, cloth, theme, { width: 70, height: 64 }, points);
    expect(strokes.filter(({ method }) => method === 'fill')).toEqual([
      { method: 'fill', values: [], colour: 'hedge' },
    ]);
    expect(strokes.filter(({ method }) => method === 'stroke')).toEqual([
      { method: 'stroke', values: [], colour: 'alarm' },
    ]);
    expect(strokes.filter(({ method }) => method === 'lineTo')).toHaveLength(2 + 2);
  });

  test('shows what an earlier transfer left, the in-order point and the place looked at', () => {
    const cells = [{ at: 0, length: 1, by: [], earlier: 10 }];
    const cloth = clothOf({ first: 100, count: 40, perCell: 10, cells });
    const { brush, strokes } = countingBrush();
    drawRibbon(brush, cloth, theme, size, { inOrder: 110, cursorCell: 2 });
    expect(filled(strokes, 'faint')).toEqual([[0, 12, 24, 40]]);
    expect(filled(strokes, 'ink')).toEqual([[25, 8, 2, 48]]);
    expect(strokes.find(({ method }) => method === 'strokeRect')?.values[0]).toBe(48.5);
  });

  test.each([
    ['of an unknown size', null, size],
    ['of nothing', { first: 0, count: 0, perCell: 1, cells: [] }, size],
    [
      'on no screen',
      { first: 0, count: 9, perCell: 1, cells: [{ at: 0, length: 9, by: [1] }] },
      { width: 0, height: 0 },
    ],
  ])('an object %s draws no route', (_, map, box) => {
    const { brush, strokes } = countingBrush();
    drawRibbon(brush, clothOf(map), theme, box, points);
    expect(strokes.filter(({ colour }) => String(colour).startsWith('route'))).toEqual([]);
  });

  test('cells take the place of what was told before', () => {
    const cloth = clothOf({ first: 0, count: 3, perCell: 1, cells: [{ at: 0, length: 3, by: [1], hedged: 1 }] });
    cloth.put([{ at: 1, length: 1, by: [0, 1] }]);
    expect([0, 1, 2].map((cell) => [cloth.broughtBy(0, cell), cloth.broughtBy(1, cell), cloth.hedgedIn(cell)])).toEqual(
      [
        [1, 0, 1],
        [0, 1, 0],
        [1, 0, 1],
      ],
    );
  });
});

describe('patterns', () => {
  const places = new Map([
    ['near', 0],
    ['far', 1],
  ]);
  const pattern: PatternPicture = {
    epoch: 7,
    from: 10,
    to: 30,
    leadLength: 3,
    lead: [
      ['far', 2],
      [null, 1],
    ],
    cycle: [
      ['near', 2],
      ['far', 1],
    ],
  };

  test('say who owes what: the lead, then the cycle again and again, up to the end', () => {
    expect([...owners(pattern, places, 9, 10)]).toEqual([NOBODY, 1, 1, NOBODY, 0, 0, 1, 0, 0, 1]);
    expect([...owners(pattern, places, 28, 4)]).toEqual([0, 0, NOBODY, NOBODY]);
    expect([...owners(null, places, 0, 2)]).toEqual([NOBODY, NOBODY]);
  });

  test('are rows of beads; without a cycle the lead is shown', () => {
    expect(patternRow(pattern, places)).toEqual({ epoch: 7, part: 'cycle', beads: [0, 0, 1] });
    expect(patternRow({ ...pattern, cycle: [] }, places)).toEqual({ epoch: 7, part: 'lead', beads: [1, 1, NOBODY] });
    expect(beadCounts(patternRow(pattern, places))).toEqual([
      { route: 0, count: 2 },
      { route: 1, count: 1 },
    ]);
  });

  test('are kept in a bounded number, newest first, each epoch once', () => {
    const row = patternRow(pattern, places);
    const rows = Array.from({ length: 500 }, (_, epoch) => ({ ...row, epoch }));
    const kept = rows.reduce(withRow, []);
    expect(kept.length).toBeLessThan(50);
    expect(kept[0]?.epoch).toBe(499);
    expect(withRow(kept, { ...row, epoch: 499 })).toHaveLength(kept.length);
    // another transfer, or the same anew
    expect(withRow(kept, { ...row, epoch: 1 })).toHaveLength(1);
  });

  test('a pattern as long as can be is cut', () => {
    expect(patternRow({ ...pattern, cycle: [['near', 1e9]] }, places).beads.length).toBeLessThanOrEqual(128);
    expect(owners({ ...pattern, leadLength: 1e9, lead: [['near', 1e9]] }, places, 10, 2)).toEqual(Int16Array.of(0, 0));
  });

  test('beads bear letters beside their colours, and earlier cycles are rows below', () => {
    const { brush, strokes } = countingBrush();
    const row = patternRow(pattern, places);
    drawPattern(brush, [{ ...row, epoch: 8, beads: [0, 1, NOBODY] }, row], theme, { width: 640, height: 200 });
    const letters = strokes
      .filter(({ method }) => method === 'fillText')
      .map(({ values, colour }) => [values[0], colour]);
    expect(letters).toEqual([
      ['A', 'ink-0'],
      ['B', 'ink-1'],
      ['7', 'faint'],
    ]);
    expect(filled(strokes, 'route-0')).toHaveLength(1);
    expect(filled(strokes, 'route-1')).toHaveLength(1);
  });

  test('letters go on behind Z', () => {
    expect([0, 25, 26, 53].map(letterOf)).toEqual(['A', 'Z', 'A1', 'B2']);
  });
});

describe('the reorder window', () => {
  const view = {
    inOrder: 12,
    here: Int16Array.of(MISSING, 1, EARLIER, MISSING),
    owed: Int16Array.of(0, NOBODY, NOBODY, NOBODY),
  };

  test('what is here is filled, what is missing a frame in its owner’s colour, and letters say the same', () => {
    const { brush, strokes } = countingBrush();
    drawWindow(brush, view, theme, { width: 200, height: 60 });
    const frames = strokes
      .filter(({ method }) => method === 'strokeRect')
      .map(({ colour, values }) => [colour, values[0]]);
    // ten in a row: two are through, then the window
    expect(frames).toEqual([
      ['route-0', 2 * 20 + 1.5],
      ['ink', 2 * 20],
    ]);
    expect(filled(strokes, 'route-1')).toEqual([[61, 1, 18, 18]]);
    expect(strokes.filter(({ method }) => method === 'fillText').map(({ values }) => values[0])).toEqual(['A', 'B']);
  });

  test('stands still while the in-order point moves along a row', () => {
    const placeOf = (inOrder: number, at: number): unknown => {
      const { brush, strokes } = countingBrush();
      const here = new Int16Array(8).fill(MISSING);
      here[at] = 1;
      drawWindow(brush, { inOrder, here, owed: here }, theme, { width: 200, height: 60 });
      return filled(strokes, 'route-1')[0];
    };
    expect(placeOf(12, 5)).toEqual(placeOf(15, 2));
  });

  test('draws no more than fits', () => {
    const here = new Int16Array(100_000).fill(3);
    const { brush, strokes } = countingBrush();
    drawWindow(brush, { inOrder: 0, here, owed: here }, theme, { width: 560, height: 256 });
    expect(strokes.length).toBeLessThanOrEqual(2 * Math.floor(560 / 5) * Math.floor(256 / 5) + 2);
  });
});
