// What a scenario allows at best: the fluid sum of the lines' capacities from the second round trip on, and what TCP can
// carry: a greedy flow without limits on every route, under the same line and the same model, redialled at once after
// every fault; from the same flows, the best single route.
import { Agenda } from '../agenda.ts';
import { Flow } from '../network/flow.ts';
import { PACKET_BYTES } from '../network/link.ts';
import { Random } from '../random.ts';
import { lineRate } from '../scenario/scenario.ts';
import type { RouteChange, RouteScenario, Scenario } from '../scenario/scenario.ts';
import { Path } from '../world/path.ts';

/** ms that each bound allows. Infinite where it is never reached. */
export type Ideal = {
  readonly fluidMs: number;
  readonly tcpMs: number;
  readonly bestSingleMs: number;
  /** Place of the best single route. */
  readonly bestSingle: number;
};

const PAYLOAD_SHARE = PACKET_BYTES / 1_500;
const FIRST_ROUND_TRIPS = 2;
/** Nothing takes longer than this, ms. */
const HORIZON_MS = 600_000;
const REFILL_BYTES = 1_048_576;

/** The bounds of `scenario`; `connections` greedy flows per route. */
export function idealOf(scenario: Scenario, seed: number, connections = 1): Ideal {
  const sinkMs = scenario.sinkRate === undefined ? 0 : scenario.bytes / scenario.sinkRate;
  const { tcpMs, bestSingleMs, bestSingle } = tcpIdeal(scenario, seed, connections);
  return {
    fluidMs: Math.max(sinkMs, fluidIdeal(scenario)),
    tcpMs: Math.max(sinkMs, tcpMs),
    bestSingleMs: Math.max(sinkMs, bestSingleMs),
    bestSingle,
  };
}

/** Smallest T so that the capacities of all routes, each from its second round trip on, sum to the object. */
export function fluidIdeal(scenario: Scenario): number {
  const steps = scenario.routes.flatMap((route, index) => capacitySteps(scenario, route, index));
  steps.sort((a, b) => a.atMs - b.atMs);
  let at = 0;
  let sum = 0;
  let left = scenario.bytes;
  const capacity = scenario.routes.map(() => 0);
  for (const step of steps) {
    const carried = sum * (step.atMs - at);
    if (carried >= left) break;
    left -= carried;
    at = step.atMs;
    capacity[step.route] = step.rate;
    sum = capacity.reduce((a, b) => a + b, 0);
  }
  return sum > 0 ? at + left / sum : Number.POSITIVE_INFINITY;
}

type Step = { readonly atMs: number; readonly route: number; readonly rate: number };

/** When the capacity of a route changes, and to what: bytes per ms of payload. */
function capacitySteps(scenario: Scenario, route: RouteScenario, index: number): Step[] {
  let { rateMbit, loss, rttMs } = route;
  let isSilent = false;
  let isDead = false;
  let isRefusing = false;
  const startMs = FIRST_ROUND_TRIPS * rttMs;
  const rate = (): number => (isSilent || isDead ? 0 : lineRate(rateMbit) * PAYLOAD_SHARE * (1 - loss));
  const steps = [{ atMs: startMs, route: index, rate: rate() }];
  for (const { atMs, change } of scenario.events.filter((event) => event.route === index)) {
    const wasDead = isDead;
    if (change.type === 'rate') rateMbit = change.rateMbit;
    if (change.type === 'loss') loss = change.loss;
    if (change.type === 'rtt') rttMs = change.rttMs;
    if (change.type === 'blackhole' || change.type === 'recover') isSilent = change.type === 'blackhole';
    if (change.type === 'refuse' || change.type === 'accept') isRefusing = change.type === 'refuse';
    if (change.type === 'kill' || (isRefusing && isEnd(change.type))) isDead = true;
    if (change.type === 'restart' || change.type === 'accept') isDead = isRefusing;
    const delayMs = wasDead && !isDead ? FIRST_ROUND_TRIPS * rttMs : 0;
    steps.push({ atMs: Math.max(startMs, atMs + delayMs), route: index, rate: rate() });
  }
  return steps;
}

/** Connections end with this change. */
function isEnd(type: RouteChange['type']): boolean {
  return type === 'kill' || type === 'reset' || type === 'hang';
}

/** After this change a new connection is better than what there was. */
function isBeginning(type: RouteChange['type']): boolean {
  return type === 'restart' || type === 'reset' || type === 'hang' || type === 'recover' || type === 'accept';
}

function tcpIdeal(scenario: Scenario, seed: number, connections: number): Omit<Ideal, 'fluidMs'> {
  const agenda = new Agenda({ steps: 50_000_000, ms: HORIZON_MS });
  const random = new Random(seed).fork('ideal');
  const carried = scenario.routes.map(() => 0);
  let tcpMs = Number.POSITIVE_INFINITY;
  let bestSingle = -1;
  const count = (route: number, bytes: number): void => {
    carried[route] = (carried[route] ?? 0) + bytes;
    const sum = carried.reduce((a, b) => a + b, 0);
    if (tcpMs === Number.POSITIVE_INFINITY && sum >= scenario.bytes) tcpMs = agenda.now;
    if ((carried[route] ?? 0) >= scenario.bytes) bestSingle = route;
  };
  for (const [index, route] of scenario.routes.entries()) {
    const events = scenario.events.filter((event) => event.route === index);
    greedyRoute(agenda, new Path(agenda, random, route), connections, events, (bytes) => count(index, bytes));
  }
  let isOver = false;
  agenda.at(HORIZON_MS - 1, () => (isOver = true));
  agenda.run(
    () => bestSingle >= 0 || isOver,
    () => 'greedy flows',
  );
  return { tcpMs, bestSingleMs: bestSingle >= 0 ? agenda.now : Number.POSITIVE_INFINITY, bestSingle };
}

/** Keeps greedy flows on `path`, and opens new ones whenever the old may have died or backed off. */
function greedyRoute(
  agenda: Agenda,
  path: Path,
  connections: number,
  events: Scenario['events'],
  carried: (bytes: number) => void,
): void {
  let flows: Flow[] = [];
  const end = (): void => {
    for (const flow of flows) flow.close();
    flows = [];
  };
  const begin = (): void => {
    const { rttMs } = path.route;
    agenda.after(1.5 * rttMs, () => {
      if (!path.isServing || path.refusing !== undefined) return;
      end();
      for (let at = 0; at < connections; at += 1) flows.push(greedyFlow(agenda, path, rttMs, carried));
    });
  };
  const happen = (change: RouteChange): void => {
    path.apply(change);
    if (isEnd(change.type)) end();
    if (isBeginning(change.type) && (change.type !== 'accept' || flows.length === 0)) begin();
  };
  for (const { atMs, change } of events) agenda.at(atMs, () => happen(change));
  begin();
}

function greedyFlow(agenda: Agenda, path: Path, rttMs: number, received: (bytes: number) => void): Flow {
  const flow: Flow = new Flow(agenda, path.link, path.congestion(), rttMs, {
    received,
    drained: () => {
      if (flow.unsentBytes < REFILL_BYTES) flow.write(REFILL_BYTES);
    },
  });
  flow.write(REFILL_BYTES);
  return flow;
}
