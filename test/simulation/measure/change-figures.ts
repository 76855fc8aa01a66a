// What a sudden change of the routes costs: how long until the shares fit the new lines, what of the ideal the application
// gets in the ten seconds around it, and how long the in-order stream stands still.
import type { Scenario } from '../scenario/scenario.ts';
import { coreOf } from '../world/run.ts';
import { capacitySteps, carriedBetween, MOST_CONNECTIONS, ratesAt } from './capacity.ts';
import type { Step } from './capacity.ts';
import { BIN_MS } from './deliveries.ts';
import type { Deliveries } from './deliveries.ts';

/** One moment at which something changed. */
export type ChangeFigures = {
  readonly atMs: number;
  /** Until the shares stay within 5 % of the optimum; undefined when the next change comes too soon to tell. */
  readonly settledMs: number | undefined;
  /** Delivered, of what the ideal delivers, from 5 s before to 5 s after. */
  readonly goodput: number;
};

/** A pause of the in-order stream, and how long it may be. */
export type Standstill = { readonly fromMs: number; readonly ms: number; readonly allowedMs: number };

const AROUND_MS = 5_000;
/** Before that and after that windows grow and tails shrink. */
const BEGINNING_MS = 1_000;
const TAIL_MS = 1_500;
/** Of everything that comes: the distance of a route's part from its part of the optimum. */
const NEAR = 0.05;
/** Shares are those of so many ms. */
const SHARE_MS = 500;
const LEAST_SETTLING_MS = 2_500;
const LEAST_ALLOWED_MS = 250;
const ALLOWED_ROUND_TRIPS = 3;

/** Figures of every moment with an event that lies between the beginning and the tail. */
export function changesOf(scenario: Scenario, deliveries: Deliveries, endMs: number): ChangeFigures[] {
  const steps = capacitySteps(scenario, MOST_CONNECTIONS);
  const moments = [...new Set(scenario.events.map(({ atMs }) => atMs))].filter((atMs) => atMs < endMs - TAIL_MS);
  return moments.map((atMs, index) => {
    const untilMs = Math.min(moments[index + 1] ?? Number.POSITIVE_INFINITY, atMs + AROUND_MS, endMs - TAIL_MS);
    const settledMs = untilMs - atMs < LEAST_SETTLING_MS ? undefined : settled(atMs, untilMs, steps, deliveries);
    return { atMs, settledMs, goodput: goodputAround(atMs, endMs, steps, scenario, deliveries) };
  });
}

/** The pause that goes furthest beyond what is allowed, from the first change on; output in order only. */
export function longestStandstill(scenario: Scenario, { deliveredAt }: Deliveries): Standstill {
  const firstMs = Math.min(...scenario.events.map(({ atMs }) => atMs));
  const steps = capacitySteps(scenario, undefined);
  let longest: Standstill = { fromMs: 0, ms: 0, allowedMs: LEAST_ALLOWED_MS };
  for (const [index, atMs] of deliveredAt.entries()) {
    const fromMs = deliveredAt[index - 1] ?? atMs;
    if (atMs < firstMs || atMs - fromMs <= longest.ms) continue;
    longest = { fromMs, ms: atMs - fromMs, allowedMs: allowedPauseMs(scenario, ratesAt(atMs, steps)) };
  }
  return longest;
}

function allowedPauseMs({ routes }: Scenario, rates: readonly number[]): number {
  const surviving = routes.filter((_, index) => (rates[index] ?? 0) > 0);
  return Math.max(LEAST_ALLOWED_MS, ALLOWED_ROUND_TRIPS * Math.max(0, ...surviving.map(({ rttMs }) => rttMs)));
}

function settled(atMs: number, untilMs: number, steps: readonly Step[], deliveries: Deliveries): number {
  const optimum = sharesOf(ratesAt(untilMs - BIN_MS, steps));
  let settledMs = 0;
  for (let ms = atMs + BIN_MS; ms <= untilMs; ms += BIN_MS) {
    const brought = optimum.map((_, route) => deliveries.broughtBy(route, ms - SHARE_MS, ms));
    const shares = sharesOf(brought);
    if (optimum.some((share, route) => Math.abs(share - (shares[route] ?? 0)) > NEAR)) settledMs = ms - atMs;
  }
  return settledMs;
}

function sharesOf(parts: readonly number[]): number[] {
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => (sum > 0 ? part / sum : 0));
}

function goodputAround(
  atMs: number,
  endMs: number,
  steps: readonly Step[],
  scenario: Scenario,
  deliveries: Deliveries,
): number {
  const fromMs = Math.max(BEGINNING_MS, atMs - AROUND_MS);
  const toMs = Math.min(endMs - TAIL_MS, atMs + AROUND_MS);
  const delivered = deliveries.deliveredBetween(fromMs, toMs) * coreOf(scenario).segmentBytes;
  return delivered / carriedBetween(fromMs, toMs, steps);
}
