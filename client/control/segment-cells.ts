// Which route brought what, small enough to be told: counted in cells, or one by one for a stretch, as runs of equals.
import { HeddleError } from '../../protocol/errors.ts';
import type { SegmentCounts } from '../core/segment-map.ts';
import type { Inspection } from '../io/report.ts';
import type { StartedTransfer } from '../transfer-controls.ts';
import { MOST_CELLS, MOST_EXACT_SEGMENTS } from './messages.ts';
import type { SegmentCell, SegmentMap, SegmentRuns } from './messages.ts';

type Sized = Pick<StartedTransfer, 'firstByte' | 'segmentBytes'>;

/** The wanted segments in at most MOST_CELLS cells; null until the size is known. */
export function segmentMapOf(sized: Sized, { report, transfer: { map } }: Inspection): SegmentMap | null {
  const wanted = wantedSegments(sized, report.bytes);
  if (wanted === undefined || map === undefined) return null;
  const { first, count } = wanted;
  const perCell = Math.max(1, Math.ceil(count / MOST_CELLS));
  const cells: SegmentCell[] = [];
  for (let at = 0; at * perCell < count; at += 1) {
    const counts = map.count(first + at * perCell, first + Math.min(count, (at + 1) * perCell));
    if (isEmpty(counts)) continue;
    const cell = cellOf(at, counts);
    const last = cells.at(-1);
    const isOneMore = last !== undefined && last.at + last.length === at && haveSameContent(last, cell);
    if (isOneMore) cells[cells.length - 1] = { ...last, length: last.length + 1 };
    else cells.push(cell);
  }
  return { first, count, perCell, cells };
}

/** Who brought each of the segments. Throws `usage` for a stretch that is none. */
export function segmentRunsOf(sized: Sized, inspection: Inspection, first: number, count: number): SegmentRuns {
  if (!(Number.isSafeInteger(first) && first >= 0)) throw new HeddleError('usage', `${first} is no segment`);
  if (!(Number.isSafeInteger(count) && count >= 1 && count <= MOST_EXACT_SEGMENTS)) {
    throw new HeddleError('usage', `${count} segments cannot be told at once, 1 to ${MOST_EXACT_SEGMENTS} can`);
  }
  const { report, transfer } = inspection;
  const wanted = wantedSegments(sized, report.bytes);
  const begin = Math.max(first, wanted?.first ?? first);
  const end = Math.max(begin, Math.min(first + count, wanted === undefined ? begin : wanted.first + wanted.count));
  const runs: [string | null, number][] = [];
  for (let index = begin; index < end; index += 1) {
    const owner = transfer.map?.ownerOf(index);
    const name = typeof owner === 'number' ? (report.routes[owner]?.name ?? null) : (owner ?? null);
    const last = runs.at(-1);
    if (last !== undefined && last[0] === name) last[1] += 1;
    else runs.push([name, 1]);
  }
  return { first: begin, count: end - begin, runs };
}

/** Whether two cells hold the same, wherever they are and however many they stand for. */
export function haveSameContent(one: SegmentCell, other: SegmentCell): boolean {
  const marks = one.earlier === other.earlier && one.hedged === other.hedged && one.corrupt === other.corrupt;
  return marks && one.by.every((segments, route) => segments === other.by[route]);
}

function wantedSegments(
  { firstByte, segmentBytes }: Sized,
  bytes: number | undefined,
): { readonly first: number; readonly count: number } | undefined {
  if (bytes === undefined) return undefined;
  const first = Math.floor(firstByte / segmentBytes);
  return { first, count: bytes === 0 ? 0 : Math.ceil((firstByte + bytes) / segmentBytes) - first };
}

function isEmpty({ by, earlier, hedged, spoilt }: SegmentCounts): boolean {
  return earlier + hedged + spoilt === 0 && by.every((segments) => segments === 0);
}

function cellOf(at: number, { by, earlier, hedged, spoilt }: SegmentCounts): SegmentCell {
  return {
    at,
    length: 1,
    by,
    ...(earlier > 0 ? { earlier } : {}),
    ...(hedged > 0 ? { hedged } : {}),
    ...(spoilt > 0 ? { corrupt: spoilt } : {}),
  };
}
