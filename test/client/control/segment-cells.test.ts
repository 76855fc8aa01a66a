// The map of segments as it is told: cells count what they hold, runs say it one by one, and a million segments stay small.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MOST_CELLS } from '../../../client/control/messages.ts';
import { segmentMapOf, segmentRunsOf } from '../../../client/control/segment-cells.ts';
import { SegmentMap } from '../../../client/core/segment-map.ts';
import type { Inspection } from '../../../client/io/report.ts';

const SEGMENT = 32_768;
const NAMES = ['a', 'b', 'c'];
const sized = { firstByte: 0, segmentBytes: SEGMENT };

function inspectionOf(map: SegmentMap, bytes: number | undefined): Inspection {
  const report = { bytes, routes: NAMES.map((name) => ({ name })) };
  return { report, transfer: { map } } as unknown as Inspection;
}

test('cells and runs count the same segments, wherever the wanted bytes begin', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 0, max: 3 * SEGMENT }),
      fc.array(fc.tuple(fc.nat(5_000), fc.nat(NAMES.length)), { maxLength: 400 }),
      (count, firstByte, owners) => {
        const first = Math.floor(firstByte / SEGMENT);
        const end = first + count;
        const map = new SegmentMap(first, NAMES.length);
        for (const [at, owner] of owners.filter(([offset]) => offset < count)) {
          if (owner === NAMES.length) map.keep(first + at);
          else map.bring(first + at, owner);
        }
        const inspection = inspectionOf(map, end * SEGMENT - firstByte);
        const told = segmentMapOf({ firstByte, segmentBytes: SEGMENT }, inspection)!;
        expect(told).toMatchObject({ first, count });
        expect(told.perCell * MOST_CELLS).toBeGreaterThanOrEqual(count);
        const sums = [0, 0, 0, 0];
        for (const { length, by, earlier = 0 } of told.cells) {
          for (const [at, segments] of [...by, earlier].entries()) sums[at]! += length * segments;
        }
        const { runs } = segmentRunsOf({ firstByte, segmentBytes: SEGMENT }, inspection, first, count);
        const lengthOf = (name: string | null): number =>
          runs.filter(([who]) => who === name).reduce((sum, [, length]) => sum + length, 0);
        expect(sums).toEqual([...NAMES, 'earlier'].map(lengthOf));
        expect(runs.reduce((sum, [, length]) => sum + length, 0)).toBe(count);
      },
    ),
  );
});

test('what is not known is left out; equal cells are one', () => {
  const map = new SegmentMap(0, 3);
  for (const index of [0, 1, 2, 5]) map.bring(index, 1);
  map.spoil(7);
  map.hedge(8);
  const cell = { by: [0, 0, 0], length: 1 };
  expect(segmentMapOf(sized, inspectionOf(map, 10 * SEGMENT))?.cells).toEqual([
    { at: 0, length: 3, by: [0, 1, 0] },
    { at: 5, length: 1, by: [0, 1, 0] },
    { ...cell, at: 7, corrupt: 1 },
    { ...cell, at: 8, hedged: 1 },
  ]);
  expect(segmentMapOf(sized, inspectionOf(map, undefined))).toBeNull();
  expect(segmentMapOf(sized, inspectionOf(map, 0))?.cells).toEqual([]);
});

test('a million segments, finely interleaved, are told in less than 100 KB', () => {
  const map = new SegmentMap(0, 3);
  for (let index = 0; index < 1_000_000; index += 1) map.bring(index, (index * 7) % 3);
  const told = segmentMapOf(sized, inspectionOf(map, 1_000_000 * SEGMENT))!;
  expect(told.cells.length).toBeLessThanOrEqual(MOST_CELLS);
  expect(JSON.stringify(told).length).toBeLessThan(100_000);
});

test('a stretch that is none is refused', () => {
  const inspection = inspectionOf(new SegmentMap(0, 3), SEGMENT);
  for (const [first, count] of [
    [-1, 1],
    [0, 0],
    [0.5, 1],
    [0, 65_537],
  ] as const) {
    expect(() => segmentRunsOf(sized, inspection, first, count)).toThrow(expect.objectContaining({ code: 'usage' }));
  }
  expect(segmentRunsOf(sized, inspection, 5, 10)).toEqual({ first: 5, count: 0, runs: [] });
});
