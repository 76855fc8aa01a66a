// A transfer as the control interface shows it: what its report, the core's snapshot and the core's memory say, in the
// words and units of messages.ts. Pure: no clock, nothing kept.
import { ERROR_CODES } from '../../protocol/errors.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Inspection, RouteReport } from '../io/report.ts';
import type { StartedTransfer } from '../transfer-controls.ts';
import { MOST_LEAD_TOLD } from './messages.ts';
import type { Fault, Limits, PatternPicture, PatternRun, Progress, RouteState, TransferSnapshot } from './messages.ts';
import { segmentMapOf } from './segment-cells.ts';

/** What is shown of a transfer itself, apart from who it is and whether it goes on. */
export type Picture = Omit<
  TransferSnapshot,
  'id' | 'key' | 'target' | 'output' | 'state' | 'fault' | 'startedAt' | 'elapsedMs'
> & { readonly isPaused: boolean };

/** The whole picture. */
export function pictureOf(started: StartedTransfer, inspection: Inspection): Picture {
  const { report, snapshot } = inspection;
  const { segmentBytes } = started;
  return {
    isPaused: snapshot.isPaused,
    progress: progressOf(started, inspection),
    root: report.vouching.root ?? null,
    size: snapshot.size ?? null,
    segmentBytes,
    reorderLimitBytes: started.reorderBytes,
    limits: limitsOf(inspection),
    routes: report.routes.map((route) => routeStateOf(started, report.routes, route)),
    pattern: patternOf(inspection),
    segments: segmentMapOf(started, inspection),
  };
}

/** The figures alone. */
export function progressOf({ firstByte, segmentBytes }: StartedTransfer, { report, snapshot }: Inspection): Progress {
  const { bytes, receivedBytes, resumedBytes } = report;
  const end = bytes === undefined ? Number.POSITIVE_INFINITY : firstByte + bytes;
  return {
    bytes: bytes ?? null,
    receivedBytes,
    resumedBytes,
    bytesPerSecond: Math.round(report.routes.reduce((sum, route) => sum + route.rateBytesPerSecond, 0)),
    inOrderBytes: Math.max(firstByte, Math.min(end, snapshot.takenPoint * segmentBytes)),
    reorderBytes: snapshot.inMemory * segmentBytes,
    wasteBytes: snapshot.counters.wasteBytes,
    hedges: snapshot.counters.hedges,
    corrupt: snapshot.counters.corrupt,
    patterns: snapshot.counters.patterns,
    cost: snapshot.cost,
  };
}

/** The limits of the whole transfer. */
function limitsOf({ snapshot }: Inspection): Limits {
  return { maxBytesPerSecond: snapshot.maxBytesPerSecond ?? null, costBudget: snapshot.costBudget ?? null };
}

function routeStateOf(started: StartedTransfer, all: readonly RouteReport[], route: RouteReport): RouteState {
  const { baseUrl, mirror } = started.routes[route.index] ?? {};
  return {
    name: route.name,
    share: route.share,
    bytesPerSecond: Math.round(route.rateBytesPerSecond),
    carriedBytesPerSecond: Math.round(route.carriedBytesPerSecond),
    latencyMs: route.latencyMs ?? null,
    leastLatencyMs: route.latencyMs === undefined ? null : route.rttMs,
    bytes: route.payloadBytes,
    segments: route.segments,
    hedges: route.hedges,
    corrupt: route.corrupt,
    outBytes: Math.round(route.outBytes),
    windowBytes: Math.round(route.windowBytes),
    connections: route.channels.length,
    // neither user and password nor a query, which may be as secret
    url: baseUrl === undefined ? '' : baseUrl.origin + baseUrl.pathname,
    mirror: mirror !== undefined,
    state: route.state,
    preference: route.preference,
    role: route.role,
    fault: faultOf(route),
    isSetAside: route.isSetAside,
    sharesWith: route.sharesWith.flatMap((index) => all[index]?.name ?? []),
    hops: route.hops ?? null,
    maxBytesPerSecond: route.maxBytesPerSecond ?? null,
    quotaLeftBytes: route.quotaLeftBytes ?? null,
    ranking: {
      score: route.ranking.score,
      parts: route.ranking.parts.map((part) => ({ ...part, value: part.value ?? null })),
    },
  };
}

function faultOf({ reason, why }: RouteReport): Fault | null {
  return reason === undefined ? null : { code: reason, message: why ?? ERROR_CODES[reason].text };
}

function patternOf({ report, snapshot, transfer }: Inspection): PatternPicture | null {
  const { epoch, from, to, lead, cycle } = snapshot.pattern;
  if (epoch === 0) return null;
  const nameOf = (channel: number): string | null =>
    report.routes[transfer.routeOfChannel(channel) ?? -1]?.name ?? null;
  return {
    epoch,
    from,
    to: snapshot.size === undefined ? null : to,
    leadLength: lead.length,
    lead: runsOf(lead.subarray(0, MOST_LEAD_TOLD), nameOf),
    cycle: runsOf(cycle, nameOf),
  };
}

function runsOf(elements: Pattern['lead'], nameOf: (channel: number) => string | null): PatternRun[] {
  const runs: [string | null, number][] = [];
  for (const channel of elements) {
    const name = nameOf(channel);
    const last = runs.at(-1);
    if (last !== undefined && last[0] === name) last[1] += 1;
    else runs.push([name, 1]);
  }
  return runs;
}
