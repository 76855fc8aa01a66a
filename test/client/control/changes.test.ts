// The events between two looks: who knew the first and follows them knows the second.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changesBetween } from '../../../client/control/changes.ts';
import type { RouteState, SegmentCell, SegmentMap, TransferSnapshot } from '../../../client/control/messages.ts';

const COUNT = 20;
const NAMES = ['a', 'b'];

/** For each cell of the map: which route brought it (-1: none), and whether it was asked for twice. */
type Cells = readonly { readonly owner: number; readonly hedged: boolean }[];

type Moment = {
  readonly cells: Cells;
  readonly routes: readonly Pick<
    RouteState,
    'state' | 'preference' | 'bytes' | 'hedges' | 'corrupt' | 'maxBytesPerSecond'
  >[];
  readonly state: 'running' | 'paused';
  readonly cap: number | null;
  readonly epoch: number;
  readonly receivedBytes: number;
};

const moments: fc.Arbitrary<Moment> = fc.record({
  cells: fc.array(fc.record({ owner: fc.integer({ min: 0, max: 1 }), hedged: fc.boolean() }), {
    minLength: COUNT,
    maxLength: COUNT,
  }),
  routes: fc.tuple(
    ...NAMES.map(() =>
      fc.record({
        state: fc.constantFrom<RouteState['state']>('active', 'stalled', 'excluded'),
        preference: fc.constantFrom<RouteState['preference']>('prefer', 'normal', 'exclude'),
        bytes: fc.nat(100),
        hedges: fc.nat(3),
        corrupt: fc.nat(2),
        maxBytesPerSecond: fc.constantFrom(null, 5_000),
      }),
    ),
  ),
  state: fc.constantFrom('running', 'paused'),
  cap: fc.constantFrom(null, 1_000, 2_000),
  epoch: fc.nat(3),
  receivedBytes: fc.nat(1_000),
});

function mapOf(cells: Cells): SegmentMap {
  const runs: SegmentCell[] = [];
  for (const [at, { owner, hedged }] of cells.entries()) {
    const cell = { by: NAMES.map((_, route) => (route === owner ? 3 : 0)), ...(hedged ? { hedged: 1 } : {}) };
    const last = runs.at(-1);
    if (
      last !== undefined &&
      JSON.stringify({ ...last, at: 0, length: 0 }) === JSON.stringify({ at: 0, length: 0, ...cell })
    ) {
      runs[runs.length - 1] = { ...last, length: last.length + 1 };
    } else runs.push({ at, length: 1, ...cell });
  }
  return { first: 0, count: 3 * COUNT, perCell: 3, cells: runs };
}

function snapshotOf(moment: Moment): TransferSnapshot {
  const { cells, routes, state, cap, epoch, receivedBytes } = moment;
  const figures = { share: 0, bytesPerSecond: 0, carriedBytesPerSecond: 0, latencyMs: null, leastLatencyMs: null };
  const still = { segments: 0, outBytes: 0, windowBytes: 0, connections: 1 };
  const standing = {
    url: '',
    mirror: false,
    role: 'active',
    fault: null,
    isSetAside: false,
    sharesWith: [],
    hops: 1,
  } as const;
  return {
    ...{ id: '1', key: 'k', target: null, output: 'order', state, fault: null, startedAt: 0, elapsedMs: receivedBytes },
    progress: {
      ...{
        bytes: 100,
        receivedBytes,
        resumedBytes: 0,
        bytesPerSecond: 0,
        inOrderBytes: 0,
        reorderBytes: 0,
        wasteBytes: 0,
      },
      ...{ hedges: 0, corrupt: 0, patterns: 3, cost: 0 },
    },
    ...{ root: null, size: 100, segmentBytes: 1, reorderLimitBytes: 10 },
    limits: { maxBytesPerSecond: cap, costBudget: null },
    routes: routes.map((route, at) => ({
      ...{
        name: NAMES[at]!,
        ...figures,
        ...still,
        ...standing,
        quotaLeftBytes: null,
        ranking: { score: 0.5, parts: [] },
      },
      ...route,
    })),
    pattern: { epoch, from: 0, to: 5, leadLength: 1, lead: [['a', epoch]], cycle: [] },
    segments: mapOf(cells),
  };
}

/** What a page does with the events. */
function follow(known: TransferSnapshot, events: ReturnType<typeof changesBetween>): TransferSnapshot {
  let now = known;
  for (const event of events) {
    if (event.type === 'snapshot') now = event.snapshot;
    else if (event.type === 'state') now = { ...now, state: event.state };
    else if (event.type === 'limits') now = { ...now, limits: event.limits };
    else if (event.type === 'pattern') now = { ...now, pattern: event.pattern };
    else if (event.type === 'progress') now = { ...now, elapsedMs: event.elapsedMs, progress: event.progress };
    else if (event.type === 'route') {
      now = { ...now, routes: now.routes.map((route) => (route.name === event.route.name ? event.route : route)) };
    } else if (event.type === 'routes') {
      now = { ...now, routes: now.routes.map((route, at) => ({ ...route, ...event.routes[at] })) };
    } else if (event.type === 'cells' && now.segments !== null) {
      const cells = [...expanded(now.segments.cells), ...expanded(event.cells)];
      const newest = [...new Map(cells.map((cell) => [cell.at, cell])).values()].sort((a, b) => a.at - b.at);
      now = { ...now, segments: { ...now.segments, cells: newest } };
    }
  }
  return now;
}

function expanded(cells: readonly SegmentCell[]): SegmentCell[] {
  return cells.flatMap((cell) =>
    Array.from({ length: cell.length }, (_, by) => ({ ...cell, at: cell.at + by, length: 1 })),
  );
}

function comparable(snapshot: TransferSnapshot): unknown {
  return { ...snapshot, segments: { ...snapshot.segments, cells: expanded(snapshot.segments?.cells ?? []) } };
}

test('followed from one moment lead to the next', () => {
  fc.assert(
    fc.property(moments, moments, (one, other) => {
      const [before, now] = [snapshotOf(one), snapshotOf(other)];
      expect(comparable(follow(before, changesBetween(before, now)))).toEqual(comparable(now));
    }),
  );
});

test('are none when nothing happened, and count what is new', () => {
  fc.assert(
    fc.property(moments, (moment) => {
      const before = snapshotOf(moment);
      expect(changesBetween(before, before)).toEqual([]);
      const [first, ...rest] = moment.routes;
      const now = snapshotOf({
        ...moment,
        routes: [{ ...first!, hedges: first!.hedges + 2, corrupt: first!.corrupt + 1 }, ...rest],
      });
      const types = changesBetween(before, now);
      expect(types).toContainEqual({ type: 'hedge', route: 'a', segments: 2 });
      expect(types).toContainEqual({ type: 'corrupt', route: 'a', count: 1 });
    }),
  );
});

test('begin anew with another object, another grid, a route more, or when it all began again', () => {
  const before = snapshotOf(fc.sample(moments, { numRuns: 1, seed: 1 })[0]!);
  const grid = { ...before.segments!, perCell: 4 };
  const again = { ...before.progress, patterns: 1 };
  for (const now of [
    { ...before, routes: [...before.routes, { ...before.routes[0]!, name: 'c' }] },
    { ...before, root: 'sha256:x' },
    { ...before, segments: grid },
    { ...before, progress: again },
  ]) {
    expect(changesBetween(before, now)).toEqual([{ type: 'snapshot', snapshot: now }]);
  }
});
