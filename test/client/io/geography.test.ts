// Distances on the globe: known ones, the laws of a metric, and places that are none.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { distanceKilometres, parseCoordinates, pathKilometres } from '../../../client/io/geography.ts';
import type { Coordinates } from '../../../client/io/geography.ts';

const place: fc.Arbitrary<Coordinates> = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});
const frankfurt = parseCoordinates('50.1109,8.6821');
const singapore = parseCoordinates('1.3521, 103.8198');
const london = parseCoordinates('51.5074,-0.1278');

test('Frankfurt, Singapore and London are as far from each other as the atlas says', () => {
  expect(distanceKilometres(frankfurt, singapore)).toBeCloseTo(10_260, -2);
  expect(distanceKilometres(frankfurt, london)).toBeCloseTo(637, -1);
  expect(pathKilometres([london, frankfurt, singapore])).toBeCloseTo(10_897, -2);
});

test('it is a distance: none to itself, the same both ways, never longer than half way round, no shortcut by a detour', () => {
  fc.assert(
    fc.property(place, place, place, (a, b, c) => {
      const direct = distanceKilometres(a, b);
      expect(distanceKilometres(a, a)).toBe(0);
      expect(distanceKilometres(b, a)).toBeCloseTo(direct, 6);
      expect(direct).toBeLessThanOrEqual(20_016);
      expect(distanceKilometres(a, c) + distanceKilometres(c, b)).toBeGreaterThanOrEqual(direct - 1e-3);
    }),
  );
});

test('one place is no path', () => {
  expect(pathKilometres([])).toBeUndefined();
  expect(pathKilometres([frankfurt])).toBeUndefined();
});

test.each(['', '50', '50;8', '91,0', '0,181', '50,8,1', 'north,east'])('%j is no place', (text) => {
  expect(() => parseCoordinates(text)).toThrow(expect.objectContaining({ code: 'bad-configuration' }));
});
