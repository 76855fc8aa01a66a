// Ranking: how good a route is to have, as a number between 0 and 1 with its reasons. Six parts, each with a weight that
// is an option: a rank given from outside, throughput, latency, hops, distance and cost. Pure; whether a route is in use
// is the source scheduler's business.
// Invariant: a fact that gets better never lowers its route's score; what is not known counts half.

/** What is known of a route. Anything may be missing. */
export type RankingFacts = {
  /** Rank from outside: 0 the worst, 1 the best. */
  readonly rank?: number | undefined;
  /** Measured, or remembered from before. */
  readonly bytesPerSecond?: number | undefined;
  readonly rttMs?: number | undefined;
  /** Relays and other network hops on the way. */
  readonly hops?: number | undefined;
  readonly distanceKilometres?: number | undefined;
  readonly costPerGigabyte?: number | undefined;
};

/** How much each part counts, relative to the others; 0 leaves it out. */
export type RankingWeights = {
  readonly externalWeight: number;
  readonly throughputWeight: number;
  readonly latencyWeight: number;
  readonly hopsWeight: number;
  readonly distanceWeight: number;
  readonly costWeight: number;
};

/** The parts of a score, in the order in which they are told. */
export const RANKING_PARTS = ['external', 'throughput', 'latency', 'hops', 'distance', 'cost'] as const;
export type RankingPart = (typeof RANKING_PARTS)[number];

/** One part of a score: `points` of the score come from it. */
export type ScorePart = {
  readonly part: RankingPart;
  /** The fact itself, in its own unit; undefined when it is not known. */
  readonly value: number | undefined;
  /** 0 the worst, 1 the best; half when nothing is known. */
  readonly grade: number;
  readonly weight: number;
  readonly points: number;
};

/** A route's score and what it is made of: the points sum to it. */
export type RouteScore = { readonly score: number; readonly parts: readonly ScorePart[] };

const UNKNOWN_GRADE = 0.5;
/** Round trip that halves the grade, ms: half way round a continent and back. */
const HALF_RTT_MS = 100;
/** Hops that halve the grade: a chain of two relays. */
const HALF_HOPS = 2;
/** Distance that halves the grade: an ocean. */
const HALF_KILOMETRES = 5_000;
/** Price that halves the grade, per GB: what clouds take for traffic, in their own currency. */
const HALF_COST = 0.1;

/** Scores of all routes, in their order. Throughput is graded against the best of them, the rest by fixed measures. */
export function rankRoutes(routes: readonly RankingFacts[], weights: RankingWeights): RouteScore[] {
  const best = Math.max(0, ...routes.map((facts) => cleaned(facts.bytesPerSecond) ?? 0));
  return routes.map((facts) => scoreOf(facts, best, weights));
}

function scoreOf(facts: RankingFacts, bestRate: number, weights: RankingWeights): RouteScore {
  const { externalWeight, throughputWeight, latencyWeight, hopsWeight, distanceWeight, costWeight } = weights;
  const graded: [RankingPart, number | undefined, number, (value: number) => number][] = [
    ['external', facts.rank, externalWeight, (rank) => Math.min(1, rank)],
    ['throughput', facts.bytesPerSecond, throughputWeight, (rate) => (bestRate > 0 ? rate / bestRate : UNKNOWN_GRADE)],
    ['latency', facts.rttMs, latencyWeight, (ms) => halving(ms, HALF_RTT_MS)],
    ['hops', facts.hops, hopsWeight, (hops) => halving(hops, HALF_HOPS)],
    ['distance', facts.distanceKilometres, distanceWeight, (far) => halving(far, HALF_KILOMETRES)],
    ['cost', facts.costPerGigabyte, costWeight, (cost) => halving(cost, HALF_COST)],
  ];
  const sum = graded.reduce((total, [, , weight]) => total + Math.max(0, weight), 0);
  const parts = graded.map(([part, raw, weight, gradeOf]): ScorePart => {
    const value = cleaned(raw);
    const grade = value === undefined ? UNKNOWN_GRADE : gradeOf(value);
    return { part, value, grade, weight, points: sum > 0 ? (grade * Math.max(0, weight)) / sum : 0 };
  });
  return { score: parts.reduce((total, { points }) => total + points, 0), parts };
}

/** 1 at nothing, one half at `half`, ever less beyond. */
function halving(value: number, half: number): number {
  return half / (half + value);
}

function cleaned(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : Math.max(0, value);
}
