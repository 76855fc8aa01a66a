// Figures from marks and arrivals: when the first byte was there, how long nothing came, how full the routes were around
// a change. Pure.
import { capacityBetween } from './fluid-ideal.ts';
import type { AfterKill } from './fluid-ideal.ts';
import type { Mark } from './in-order.ts';
import type { Arrival } from './network.ts';
import type { Scenario } from './scenario.ts';

/** How the output grew. Seconds; undefined where nothing came. */
export type ProgressFigures = {
  readonly firstByteSeconds: number | undefined;
  /** The longest time without a further byte, between the first byte and the last (or the end, if it stayed incomplete). */
  readonly longestStallSeconds: number | undefined;
  readonly stallAtSeconds: number | undefined;
};

const WINDOW_SECONDS = 10;

/** Figures of an output of `objectBytes` whose client ended at `wallSeconds`. */
export function progressFigures(marks: readonly Mark[], objectBytes: number, wallSeconds: number): ProgressFigures {
  const [first] = marks;
  const last = marks.at(-1);
  if (first === undefined || last === undefined) {
    return { firstByteSeconds: undefined, longestStallSeconds: undefined, stallAtSeconds: undefined };
  }
  const times = marks.map(({ atSeconds }) => atSeconds);
  if (last.bytes < objectBytes) times.push(wallSeconds);
  let longest = 0;
  let at = first.atSeconds;
  for (const [index, time] of times.entries()) {
    const before = times[index - 1] ?? time;
    if (time - before <= longest) continue;
    longest = time - before;
    at = before;
  }
  return { firstByteSeconds: first.atSeconds, longestStallSeconds: longest, stallAtSeconds: at };
}

/**
 * The worst of all changes: what arrived in the 10 s around it, as a fraction of what the routes could carry then.
 * Undefined without a change during the run.
 */
export function worstAroundChanges(
  scenario: Scenario,
  afterKill: AfterKill,
  arrivals: readonly Arrival[],
  wallSeconds: number,
): number | undefined {
  const fractions = scenario.events
    .filter(({ atSeconds }) => atSeconds < wallSeconds)
    .map(({ atSeconds }) => {
      const from = Math.max(0, atSeconds - WINDOW_SECONDS / 2);
      const to = Math.min(wallSeconds, atSeconds + WINDOW_SECONDS / 2);
      const capacity = capacityBetween(scenario, afterKill, from, to) * 125_000;
      return capacity === 0 ? 1 : (arrivedBy(arrivals, to) - arrivedBy(arrivals, from)) / capacity;
    });
  return fractions.length === 0 ? undefined : Math.min(...fractions);
}

/** Payload that had arrived by a time; straight lines between the samples. */
function arrivedBy(arrivals: readonly Arrival[], seconds: number): number {
  const after = arrivals.findIndex(({ atSeconds }) => atSeconds >= seconds);
  const right = arrivals[after];
  if (right === undefined) return arrivals.at(-1)?.payloadBytes ?? 0;
  const left = arrivals[after - 1] ?? { atSeconds: 0, payloadBytes: 0 };
  const part = (seconds - left.atSeconds) / Math.max(1e-9, right.atSeconds - left.atSeconds);
  return left.payloadBytes + part * (right.payloadBytes - left.payloadBytes);
}
