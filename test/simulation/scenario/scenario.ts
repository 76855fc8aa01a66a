// What is simulated: an object, routes, what happens to them, the sink and the client's options. Plain values; stories
// (story.ts) and random draws (random-scenario.ts) make them.
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { Demand } from '../../../client/core/messages.ts';
import type { CoreOptions } from '../../../client/core/options.ts';
import type { RouteTerms } from '../../../client/core/route-terms.ts';

/** One route at the start. Rates in Mbit/s on the line, times in ms, probabilities 0…1. */
export type RouteScenario = {
  readonly name: string;
  readonly rateMbit: number;
  readonly rttMs: number;
  /** Uniform, ± one way. */
  readonly jitterMs: number;
  readonly loss: number;
  /** Burst loss per packet: enter the bad state, leave it, loss in it. */
  readonly burst: { readonly enter: number; readonly leave: number; readonly loss: number } | undefined;
  /** Drop-tail buffer at the starting rate; its bytes stay when the rate changes. */
  readonly bufferMs: number;
  readonly congestion: 'cubic' | 'bbr';
  /** Bytes that relays and kernels take beyond one congestion window: they cannot be called back. */
  readonly heldInPathBytes: number;
  /** Fraction of the segments that arrive wrong. */
  readonly corrupt: number;
  /** Parts of the object that the source holds, as fractions [from, to). */
  readonly holds: readonly (readonly [number, number])[];
  /** What its HELLO says that it holds, when that is a lie. */
  readonly claims?: readonly (readonly [number, number])[];
  /** Bytes per ms that the source sends over all connections; undefined: what the line takes. */
  readonly cappedRate?: number;
  /** Names of the bottlenecks that it shares with other routes, or with other clients. */
  readonly over: readonly string[];
  /** How PINGs are answered: truly, not at all, or after so many ms more. */
  readonly pong: 'true' | 'never' | number;
  /** What the client is told of it before. */
  readonly terms?: RouteTerms;
};

/** What happens to a route. */
export type RouteChange =
  | { readonly type: 'rate'; readonly rateMbit: number }
  | { readonly type: 'rtt'; readonly rttMs: number }
  | { readonly type: 'jitter'; readonly jitterMs: number }
  | { readonly type: 'loss'; readonly loss: number }
  /** Silence both ways, in flight as well, until `recover`. */
  | { readonly type: 'blackhole' }
  | { readonly type: 'recover' }
  /** The relay's process ends: connections are reset, dials refused until `restart`. */
  | { readonly type: 'kill' }
  | { readonly type: 'restart' }
  /** All connections are reset once; dials work. */
  | { readonly type: 'reset' }
  /** All connections fall silent for good though the line is well; new ones work. */
  | { readonly type: 'hang' }
  | { readonly type: 'corrupt'; readonly corrupt: number }
  /** Upgrades are answered with a refusal from now on. */
  | { readonly type: 'refuse'; readonly code: ErrorCode; readonly retryAfterMs: number | undefined }
  | { readonly type: 'accept' };

/** A line that several routes lead over, behind their own. */
export type Bottleneck = {
  readonly name: string;
  readonly rateMbit: number;
  readonly bufferMs: number;
  /** One for all clients (a relay's link), or one per client (its last mile). */
  readonly perClient: boolean;
};

export type ScenarioEvent = { readonly atMs: number; readonly route: number; readonly change: RouteChange };

/** One transfer to simulate. */
export type Scenario = {
  readonly name: string;
  readonly bytes: number;
  readonly routes: readonly RouteScenario[];
  readonly events: readonly ScenarioEvent[];
  /** What the user says meanwhile. */
  readonly demands?: readonly { readonly atMs: number; readonly demand: Demand }[];
  readonly bottlenecks?: readonly Bottleneck[];
  /** Clients that fetch the object over the same relays, one more every `apartMs`. */
  readonly clients?: { readonly count: number; readonly apartMs: number };
  /** 'send': everything is raised at the first HELLO, so that nothing is left to patterns but the first flight. */
  readonly requests?: 'pattern' | 'send';
  /** Bytes per ms that the sink takes; undefined: all it is given. */
  readonly sinkRate: number | undefined;
  /** What differs from the core's defaults. */
  readonly core: Partial<CoreOptions>;
};

/** A steady clean route behind a relay; the buffer is a router's: at least 100 ms, at least one round trip. */
export function steadyRoute(name: string, rateMbit: number, rttMs: number): RouteScenario {
  return {
    name,
    rateMbit,
    rttMs,
    jitterMs: 0,
    loss: 0,
    burst: undefined,
    bufferMs: Math.max(100, rttMs),
    congestion: 'cubic',
    heldInPathBytes: 2_097_152,
    corrupt: 0,
    holds: [[0, 1]],
    over: [],
    pong: 'true',
  };
}

/** Bytes per ms on the line of a rate in Mbit/s. */
export function lineRate(mbit: number): number {
  return mbit * 125;
}

/** Mbit/s on the line of so many bytes per ms. */
export function mbitOf(rate: number): number {
  return rate / 125;
}

/** True when nothing goes wrong in `scenario`: no event, no corruption, nothing missing or limited, an unlimited sink. */
export function isFaultFree({ core, events, routes, sinkRate }: Scenario): boolean {
  const isSound = (route: RouteScenario): boolean =>
    route.corrupt === 0 &&
    route.pong === 'true' &&
    !isLimited(route) &&
    route.holds.some(([from, to]) => from === 0 && to === 1);
  const isUnbounded = sinkRate === undefined && core.costBudget === undefined;
  return events.length === 0 && isUnbounded && routes.every(isSound);
}

function isLimited({ terms }: RouteScenario): boolean {
  return terms?.quotaBytes !== undefined || terms?.maxBytesPerSecond !== undefined;
}
