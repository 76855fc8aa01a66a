// What happened between two looks at a transfer, as events: what changed and nothing else. Pure.
import type { DetailEvent, RouteFigures, RouteState, SegmentCell, SegmentMap, TransferSnapshot } from './messages.ts';
import { haveSameContent } from './segment-cells.ts';

/** An event before it has a number, a time and a transfer. */
export type Untold<Event> = Event extends unknown ? Omit<Event, 'id' | 'at' | 'transfer'> : never;

type Change = Untold<Exclude<DetailEvent, { readonly type: 'ended' | 'lost' | 'raised' | 'warning' }>>;

/** A rank is told again when its score moved by so much. */
const SCORE_STEP = 0.01;

/** The events that lead from one snapshot to the next, of the same transfer. */
export function changesBetween(before: TransferSnapshot, now: TransferSnapshot): Change[] {
  if (!hasSameGround(before, now)) return [{ type: 'snapshot', snapshot: now }];
  const changes: Change[] = [];
  if (now.state !== before.state) changes.push({ type: 'state', state: now.state });
  if (differs(before.limits, now.limits)) changes.push({ type: 'limits', limits: now.limits });
  for (const [at, route] of now.routes.entries()) {
    const former = before.routes[at] ?? route;
    if (differs(standing(former), standing(route))) changes.push({ type: 'route', route });
    const { name: of, hedges, corrupt } = route;
    if (hedges > former.hedges) changes.push({ type: 'hedge', route: of, segments: hedges - former.hedges });
    if (corrupt > former.corrupt) changes.push({ type: 'corrupt', route: of, count: corrupt - former.corrupt });
  }
  const { pattern } = now;
  if (pattern !== null && pattern.epoch !== before.pattern?.epoch) changes.push({ type: 'pattern', pattern });
  const figures = now.routes.map(figuresOf);
  if (differs(before.routes.map(figuresOf), figures)) changes.push({ type: 'routes', routes: figures });
  const cells = changedCells(before.segments, now.segments);
  if (cells.length > 0) changes.push({ type: 'cells', cells });
  if (differs(before.progress, now.progress)) {
    changes.push({ type: 'progress', elapsedMs: now.elapsedMs, progress: now.progress });
  }
  return changes;
}

/** What the changes are relative to: the object, the routes and the cells. */
function hasSameGround(before: TransferSnapshot, now: TransferSnapshot): boolean {
  const { segments: one } = before;
  const { segments: other } = now;
  const sameCells =
    one === null || other === null
      ? one === other
      : one.first === other.first && one.count === other.count && one.perCell === other.perCell;
  const sameRoutes = before.routes.length === now.routes.length;
  return sameCells && sameRoutes && before.root === now.root && before.size === now.size && !isRolledBack(before, now);
}

/** It began anew: what was here is not. */
function isRolledBack(before: TransferSnapshot, now: TransferSnapshot): boolean {
  return now.progress.patterns < before.progress.patterns;
}

/** What of a route makes news: its figures change all the time, its rank a little. */
function standing(route: RouteState): unknown {
  const { state, preference, role, fault, isSetAside, sharesWith, hops, maxBytesPerSecond, ranking } = route;
  const rank = Math.round(ranking.score / SCORE_STEP);
  return { state, preference, role, fault, isSetAside, sharesWith, hops, maxBytesPerSecond, rank };
}

function figuresOf(route: RouteState): RouteFigures {
  const { name, share, bytesPerSecond, carriedBytesPerSecond, latencyMs, leastLatencyMs, bytes, segments } = route;
  const { hedges, corrupt, outBytes, windowBytes, connections } = route;
  const rates = { share, bytesPerSecond, carriedBytesPerSecond, latencyMs, leastLatencyMs };
  return { name, ...rates, bytes, segments, hedges, corrupt, outBytes, windowBytes, connections };
}

function changedCells(before: SegmentMap | null, now: SegmentMap | null): SegmentCell[] {
  const known = new Map((before?.cells ?? []).map((cell) => [cell.at, cell]));
  return (now?.cells ?? []).filter((cell) => {
    const former = known.get(cell.at);
    return former === undefined || former.length !== cell.length || !haveSameContent(former, cell);
  });
}

function differs(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) !== JSON.stringify(other);
}
