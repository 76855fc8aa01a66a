// A made-up report of a transfer for what shows it: two routes, the second of which is down.
import { RouteTally } from '../../client/core/tally.ts';
import type { RouteReport, SessionReport } from '../../client/io/report.ts';
import type { Pattern } from '../../protocol/pattern.ts';

/** A report in the middle of a transfer; `changes` replace what stands here. */
export function reportWith(changes: Partial<SessionReport> = {}): SessionReport {
  const routes = [
    routeWith({ index: 0, name: 'near', rateBytesPerSecond: 5e6, share: 0.75, payloadBytes: 7_500_000 }),
    routeWith({ index: 1, name: 'far', state: 'down', share: 0.25, payloadBytes: 2_500_000, channels: [] }),
  ];
  return {
    key: 'demo.bin',
    bytes: 20_000_000,
    receivedBytes: 10_000_000,
    resumedBytes: 0,
    elapsedMs: 2_000,
    firstByteMs: 40,
    manifest: undefined,
    vouching: { verified: false, root: undefined, checks: [], announced: [] },
    patterns: 7,
    wasteBytes: 200_000,
    hedges: 3,
    hedgedBytes: 0,
    stalls: { count: 0, ms: 0 },
    waitingBytes: 0,
    pattern: patternOf([], []),
    takenPoint: 0,
    highestSeen: 10,
    routes,
    ...changes,
  };
}

/** A pattern of channel numbers. */
export function patternOf(lead: readonly number[], cycle: readonly number[], from = 0, to = 100): Pattern {
  return { epoch: 1, from, to, lead: Uint16Array.from(lead), cycle: Uint16Array.from(cycle) };
}

/** A route in use, with one channel whose number is one more than its place. */
export function routeWith(changes: Partial<RouteReport>): RouteReport {
  const index = changes.index ?? 0;
  return {
    index,
    name: 'route',
    savedBytes: 0,
    state: 'active',
    role: 'active',
    preference: 'normal',
    isSetAside: false,
    sharesWith: [],
    ranking: { score: 0.5, parts: [] },
    reason: undefined,
    rateBytesPerSecond: 0,
    carriedBytesPerSecond: 0,
    hops: 1,
    rttMs: 20,
    latencyMs: 25,
    windowBytes: 100_000,
    slowStart: false,
    outBytes: 0,
    share: 0,
    payloadBytes: 0,
    patternBytes: 0,
    quotaLeftBytes: undefined,
    maxBytesPerSecond: undefined,
    segments: 0,
    hedges: 0,
    corrupt: 0,
    counts: new RouteTally().read(),
    channels: [{ number: index + 1, state: 'open' }],
    ...changes,
  };
}
