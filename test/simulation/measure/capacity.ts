// What the lines of a scenario can carry over time, as steps: bare from the second round trip on, or as so many TCP
// connections can, doubling every round trip in slow start and limited by loss. From the steps, the smallest time in
// which all of them carry the object. Formulas only; the TCP model stands in greedy.ts.
import { FIRST_WINDOW_BYTES } from '../network/congestion.ts';
import { PACKET_BYTES } from '../network/link.ts';
import { cubicWindow } from '../network/window-equation.ts';
import { lineRate } from '../scenario/scenario.ts';
import type { RouteScenario, Scenario } from '../scenario/scenario.ts';
import { throughBottlenecks } from './shared-capacity.ts';

/** From `atMs` on, `route` carries `rate` bytes of payload per ms. */
export type Step = { readonly atMs: number; readonly route: number; readonly rate: number };

const PAYLOAD_SHARE = PACKET_BYTES / 1_500;
/** Round trips before the first byte: the handshake, and the request. */
const FIRST_ROUND_TRIPS = 2;

/** Connections that a route may have: what more could not carry is not asked of anybody. */
export const MOST_CONNECTIONS = 16;

/** The state of a line between two events. */
type Line = {
  rateMbit: number;
  loss: number;
  rttMs: number;
  isSilent: boolean;
  isDead: boolean;
  isRefusing: boolean;
  readonly allowed: number;
};

/** A line changes. `beginsAfterMs`: it carries again, from so many ms later; undefined when it carried before, or does not. */
type Mark = { readonly atMs: number; readonly beginsAfterMs: number | undefined; readonly line: Line };

/** Capacity of every route in time order. `connections`: undefined for the bare line. */
export function capacitySteps(scenario: Scenario, connections: number | undefined): Step[] {
  const steps = scenario.routes.flatMap((route, index) => routeSteps(scenario, route, index, connections));
  steps.sort((a, b) => a.atMs - b.atMs);
  return throughBottlenecks(scenario, steps, PAYLOAD_SHARE);
}

/** Smallest time in which the routes together carry `bytes`, ms; infinite when they never do. */
export function timeToCarry(bytes: number, steps: readonly Step[]): number {
  const capacity: number[] = [];
  let at = 0;
  let sum = 0;
  let left = bytes;
  for (const step of steps) {
    const carried = sum * (step.atMs - at);
    if (carried >= left) break;
    left -= carried;
    at = step.atMs;
    capacity[step.route] = step.rate;
    sum = 0;
    for (const rate of capacity) sum += rate ?? 0;
  }
  return sum > 0 ? at + left / sum : Number.POSITIVE_INFINITY;
}

/** Bytes that the routes carry from `fromMs` to `toMs`. */
export function carriedBetween(fromMs: number, toMs: number, steps: readonly Step[]): number {
  const capacity: number[] = [];
  let at = 0;
  let bytes = 0;
  for (const step of [...steps, { atMs: toMs, route: -1, rate: 0 }]) {
    const overlapMs = Math.min(step.atMs, toMs) - Math.max(at, fromMs);
    for (const rate of capacity) if (overlapMs > 0) bytes += (rate ?? 0) * overlapMs;
    at = step.atMs;
    if (step.route >= 0) capacity[step.route] = step.rate;
  }
  return bytes;
}

/** Bytes per ms of every route at `ms`. */
export function ratesAt(ms: number, steps: readonly Step[]): number[] {
  const rates: number[] = [];
  for (const { atMs, route, rate } of steps) if (atMs <= ms) rates[route] = rate;
  return Array.from(rates, (rate) => rate ?? 0);
}

/** Bytes of payload per ms that a route carries at the start of a scenario once its windows have grown. */
export function routeRate(route: RouteScenario): number {
  return Math.min(bareRate(route, allowedRate(route)), (MOST_CONNECTIONS * lossLimited(route)) / route.rttMs);
}

function bareRate({ rateMbit, loss }: Pick<RouteScenario, 'rateMbit' | 'loss'>, allowed: number): number {
  return Math.min(allowed, lineRate(rateMbit) * PAYLOAD_SHARE * (1 - loss));
}

/** Bytes per ms that its source sends, and that the client may ask for. */
export function allowedRate({ cappedRate, terms }: RouteScenario): number {
  return Math.min(
    cappedRate ?? Number.POSITIVE_INFINITY,
    (terms?.maxBytesPerSecond ?? Number.POSITIVE_INFINITY) / 1_000,
  );
}

/** Bytes per round trip of one connection. */
function lossLimited({ loss, rttMs }: Pick<RouteScenario, 'loss' | 'rttMs'>): number {
  return cubicWindow(loss, rttMs) * PACKET_BYTES;
}

function routeSteps(scenario: Scenario, route: RouteScenario, index: number, connections: number | undefined): Step[] {
  const { rateMbit, loss, rttMs } = route;
  const allowed = allowedRate(route);
  const line: Line = { rateMbit, loss, rttMs, isSilent: false, isDead: false, isRefusing: false, allowed };
  const marks: Mark[] = [{ atMs: 0, beginsAfterMs: FIRST_ROUND_TRIPS * rttMs, line: { ...line } }];
  for (const { atMs, change } of scenario.events.filter((event) => event.route === index)) {
    const wasDead = line.isDead;
    const carried = carries(line);
    if (change.type === 'rate') line.rateMbit = change.rateMbit;
    if (change.type === 'loss') line.loss = change.loss;
    if (change.type === 'rtt') line.rttMs = change.rttMs;
    if (change.type === 'blackhole' || change.type === 'recover') line.isSilent = change.type === 'blackhole';
    if (change.type === 'refuse' || change.type === 'accept') line.isRefusing = change.type === 'refuse';
    const isEnd = change.type === 'kill' || change.type === 'reset' || change.type === 'hang';
    if (change.type === 'kill' || (line.isRefusing && isEnd)) line.isDead = true;
    if (change.type === 'restart' || change.type === 'accept') line.isDead = line.isRefusing;
    const isFresh = !carried && carries(line);
    const beginsAfterMs = isFresh ? (wasDead ? FIRST_ROUND_TRIPS * line.rttMs : 0) : undefined;
    marks.push({ atMs, beginsAfterMs, line: { ...line } });
  }
  return marks.flatMap((mark, at) => {
    const untilMs = marks[at + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    return lineSteps(mark, untilMs, marks, at, index, connections);
  });
}

/** The steps between one mark and the next: silence, the ramp of what was last begun afresh, the rate. */
function lineSteps(
  mark: Mark,
  untilMs: number,
  marks: readonly Mark[],
  at: number,
  route: number,
  connections: number | undefined,
): Step[] {
  const { line } = mark;
  if (!carries(line)) return [{ atMs: mark.atMs, route, rate: 0 }];
  const begun = marks.slice(0, at + 1).findLast(({ beginsAfterMs }) => beginsAfterMs !== undefined) ?? mark;
  const beginMs = begun.atMs + (begun.beginsAfterMs ?? 0);
  const full = bareRate(line, line.allowed);
  const steps: Step[] = begun === mark ? [{ atMs: mark.atMs, route, rate: 0 }] : [];
  if (connections === undefined) return [...steps, ...within([{ atMs: beginMs, route, rate: full }], mark, untilMs)];
  const most = Math.min(full, (connections * lossLimited(line)) / line.rttMs);
  let rate = 0;
  const ramp: Step[] = [];
  for (let round = 0; rate < most; round += 1) {
    rate = Math.min(most, (connections * FIRST_WINDOW_BYTES * 2 ** round) / line.rttMs);
    ramp.push({ atMs: beginMs + round * line.rttMs, route, rate });
  }
  return [...steps, ...within(ramp, mark, untilMs)];
}

/** Of `steps`, those of the time from `mark` until `untilMs`, and what was in force before as of `mark`. */
function within(steps: readonly Step[], mark: Mark, untilMs: number): Step[] {
  const before = steps.findLast(({ atMs }) => atMs <= mark.atMs);
  const inside = steps.filter(({ atMs }) => atMs > mark.atMs && atMs < untilMs);
  return before === undefined ? inside : [{ ...before, atMs: mark.atMs }, ...inside];
}

function carries({ isSilent, isDead }: Line): boolean {
  return !isSilent && !isDead;
}
