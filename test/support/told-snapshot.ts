// Snapshots of transfers that never ran, as the control interface would tell them: for drawing, not for sums.
import type { PatternRun, RouteState, SegmentCell, TransferSnapshot } from '../../client/control/messages.ts';
import type { PlainRequest } from '../../client/control/plain-request.ts';

/** A route with what is not told filled in. */
export function toldRoute(name: string, told: Partial<RouteState> = {}): RouteState {
  return {
    name,
    url: `http://relay-${name}.example:9001/v1/via/main`,
    mirror: false,
    state: 'active',
    preference: 'normal',
    role: 'active',
    fault: null,
    isSetAside: false,
    sharesWith: [],
    hops: 1,
    maxBytesPerSecond: null,
    quotaLeftBytes: null,
    ranking: {
      score: 0.7,
      parts: [
        { part: 'throughput', value: 3e6, grade: 0.8, weight: 0.5, points: 0.4 },
        { part: 'latency', value: 40, grade: 0.6, weight: 0.5, points: 0.3 },
      ],
    },
    share: 0.3,
    bytesPerSecond: 3e6,
    carriedBytesPerSecond: 3e6,
    latencyMs: 42,
    leastLatencyMs: 40,
    bytes: 1e7,
    segments: 300,
    hedges: 0,
    corrupt: 0,
    outBytes: 400_000,
    windowBytes: 900_000,
    connections: 1,
    ...told,
  };
}

/** A running transfer of `segments` segments, `share` of them here, dealt among `routes` by `cycle`. */
export function toldSnapshot(
  segments: number,
  share: number,
  routes: readonly RouteState[],
  cycle: readonly PatternRun[],
  told: Partial<TransferSnapshot> = {},
): TransferSnapshot {
  const segmentBytes = 32_768;
  const bytes = segments * segmentBytes;
  const here = Math.floor(segments * share);
  const perCell = Math.max(1, Math.ceil(segments / 1_024));
  return {
    id: 't1',
    key: 'models/large.bin',
    target: 'large.bin',
    output: 'order',
    state: 'running',
    fault: null,
    startedAt: 1_700_000_000_000,
    elapsedMs: 4_000,
    progress: {
      bytes,
      receivedBytes: here * segmentBytes,
      resumedBytes: 0,
      bytesPerSecond: routes.reduce((sum, route) => sum + route.bytesPerSecond, 0),
      inOrderBytes: here * segmentBytes,
      reorderBytes: 0,
      wasteBytes: 65_536,
      hedges: 2,
      corrupt: 1,
      patterns: 17,
      cost: 0,
    },
    root: `sha256:${'ab'.repeat(32)}`,
    size: bytes,
    segmentBytes,
    reorderLimitBytes: 33_554_432,
    limits: { maxBytesPerSecond: null, costBudget: null },
    routes,
    pattern: { epoch: 17, from: here, to: segments, leadLength: 0, lead: [], cycle },
    segments: { first: 0, count: segments, perCell, cells: cellsOf(segments, here, perCell, routes) },
    ...told,
  };
}

/** Full cells whose parts follow the routes' shares, varied along the object; the last is half full. */
function cellsOf(segments: number, here: number, perCell: number, routes: readonly RouteState[]): SegmentCell[] {
  const cells: SegmentCell[] = [];
  for (let at = 0; at * perCell < here; at += 1) {
    const full = Math.min(perCell, segments - at * perCell, here - at * perCell);
    const by = routes.map(() => 0);
    if (full === 1) by[at % routes.length] = 1;
    else {
      let left = full;
      for (const [place, route] of routes.entries()) {
        const wave = 1 + 0.3 * Math.sin(at / 40 + place);
        by[place] = place === routes.length - 1 ? left : Math.min(left, Math.round(full * route.share * wave));
        left -= by[place] ?? 0;
      }
    }
    cells.push({
      at,
      length: 1,
      by,
      ...(at % 97 === 50 ? { hedged: 1 } : {}),
      ...(at % 331 === 200 ? { corrupt: 1 } : {}),
    });
  }
  return cells;
}

/** A request that the proxy passes on: what is not said is that of a download that runs. */
export function toldRequest(id: string, told: Partial<PlainRequest> = {}): PlainRequest {
  return {
    id,
    type: 'request',
    method: 'GET',
    target: 'http://other.example/page.html',
    state: 'running',
    fault: null,
    status: 200,
    receivedBytes: 12_000,
    sentBytes: null,
    startedAt: 1_700_000_000_000,
    elapsedMs: 1_500,
    ...told,
  };
}
