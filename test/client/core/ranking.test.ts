// The score of a route: between 0 and 1, the sum of its parts, never lower for a better fact, and weights decide what
// counts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { RANKING_PARTS, rankRoutes } from '../../../client/core/ranking.ts';
import type { RankingFacts, RankingWeights } from '../../../client/core/ranking.ts';

const amount = (max: number): fc.Arbitrary<number | undefined> =>
  fc.option(fc.double({ min: 0, max, noNaN: true }), { nil: undefined });

const factsArbitrary: fc.Arbitrary<RankingFacts> = fc.record({
  rank: amount(1),
  bytesPerSecond: amount(1e9),
  rttMs: amount(2_000),
  hops: amount(8),
  distanceKilometres: amount(20_000),
  costPerGigabyte: amount(5),
});

const weight = fc.double({ min: 0, max: 10, noNaN: true });
const weightsArbitrary: fc.Arbitrary<RankingWeights> = fc.record({
  externalWeight: weight,
  throughputWeight: weight,
  latencyWeight: weight,
  hopsWeight: weight,
  distanceWeight: weight,
  costWeight: weight,
});

const NOTHING: RankingWeights = {
  externalWeight: 0,
  throughputWeight: 0,
  latencyWeight: 0,
  hopsWeight: 0,
  distanceWeight: 0,
  costWeight: 0,
};

test('a score lies between 0 and 1 and is the sum of its parts', () => {
  fc.assert(
    fc.property(fc.array(factsArbitrary, { minLength: 1, maxLength: 9 }), weightsArbitrary, (routes, weights) => {
      const scores = rankRoutes(routes, weights);
      expect(scores).toHaveLength(routes.length);
      for (const { score, parts } of scores) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1 + 1e-9);
        expect(parts.map(({ part }) => part)).toEqual(RANKING_PARTS);
        expect(parts.reduce((sum, { points }) => sum + points, 0)).toBeCloseTo(score, 9);
      }
    }),
  );
});

test.each([
  ['rank', 1],
  ['bytesPerSecond', 1],
  ['rttMs', -1],
  ['hops', -1],
  ['distanceKilometres', -1],
  ['costPerGigabyte', -1],
] as const)('a better %s never lowers the score, and never raises that of another route', (fact, direction) => {
  const pair = fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }));
  fc.assert(
    fc.property(factsArbitrary, factsArbitrary, weightsArbitrary, pair, (facts, other, weights, [a, b]) => {
      const scoresAt = (value: number): number[] => {
        return rankRoutes([{ ...facts, [fact]: value }, other], weights).map(({ score }) => score);
      };
      const [worse = 0, better = 0] = [a, b].sort((x, y) => direction * (x - y));
      const [before = 0, otherBefore = 0] = scoresAt(worse);
      const [after = 0, otherAfter = 0] = scoresAt(better);
      expect(after).toBeGreaterThanOrEqual(before - 1e-9);
      expect(otherAfter).toBeLessThanOrEqual(otherBefore + 1e-9);
    }),
  );
});

test('a single weight ranks by its part alone', () => {
  const near = { rttMs: 10, costPerGigabyte: 1 };
  const cheap = { rttMs: 200, costPerGigabyte: 0 };
  const [byLatency, other] = rankRoutes([near, cheap], { ...NOTHING, latencyWeight: 1 });
  expect(byLatency?.score).toBeGreaterThan(other?.score ?? 1);
  const [dear, free] = rankRoutes([near, cheap], { ...NOTHING, costWeight: 1 });
  expect(free?.score).toBeGreaterThan(dear?.score ?? 1);
  expect(free?.score).toBe(1);
});

describe('with the default weights', () => {
  const score = (...routes: RankingFacts[]): number[] => rankRoutes(routes, CORE_DEFAULTS).map((each) => each.score);

  test('ten times the throughput outweighs a round trip of 200 ms', () => {
    const [fast = 0, near = 0] = score({ bytesPerSecond: 1e7, rttMs: 210 }, { bytesPerSecond: 1e6, rttMs: 10 });
    expect(fast).toBeGreaterThan(near);
  });

  test('what nothing is known of stands between a good and a bad route', () => {
    const [good = 0, unknown = 0, bad = 0] = score(
      { bytesPerSecond: 1e7, rttMs: 10 },
      {},
      { bytesPerSecond: 1e5, rttMs: 400 },
    );
    expect(good).toBeGreaterThan(unknown);
    expect(unknown).toBeGreaterThan(bad);
  });

  test('a rank from outside decides between routes that are alike', () => {
    const [first = 0, second = 0] = score({ rank: 1, rttMs: 20 }, { rank: 0, rttMs: 20 });
    expect(first).toBeGreaterThan(second);
  });
});
