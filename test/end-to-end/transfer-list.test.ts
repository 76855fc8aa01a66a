// Transfers steered in code, over real connections: a pause stops the bytes, an excluded route is left alone, a limit
// holds, what was cancelled can be resumed; and a list shows them all and tells what happens.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { createTransferList } from '../../client/control.ts';
import { createClient } from '../../client/index.ts';
import type { Client, ControlEvent, RunningTransfer } from '../../client/index.ts';
import { eventually, settled } from '../support/eventually.ts';
import { startNginx, startPython } from '../support/mirrors.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZE = 6_000_001;
const content = objectBytes(SIZE, 71);
const owned = new AsyncDisposableStack();
let world: World;
/** Two links of 2 MB/s to the origin: a transfer over them can be caught in the middle. */
let links: ShapedLink[];
let client: Client;
const transfers = createTransferList();

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
  const target = { port: world.origin.port };
  links = await Promise.all([1, 2].map(() => startLink({ target, megabitsPerSecond: 16, delayMs: 2 })));
  const routes = links.map((link, at) => ({ name: `r${at}`, url: `http://127.0.0.1:${owned.use(link).port}` }));
  client = createClient({ routes, transfers });
});
afterAll(() => owned.disposeAsync());

/** Waits until so many bytes are here. */
async function caught(running: RunningTransfer, bytes: number): Promise<void> {
  const received = (): number => {
    try {
      return running.report().receivedBytes;
    } catch {
      return 0;
    }
  };
  await eventually(() => received() >= bytes);
}

describe('a running download', () => {
  test('paused, gets what was asked for and nothing more; resumed, is the object', async () => {
    const running = client.download('a.bin', world.output('paused.bin'));
    await caught(running, 1_000_000);
    running.pause();
    const before = running.report();
    const asked = before.routes.reduce((sum, { outBytes }) => sum + outBytes, 0);
    const received = await settled(() => running.report().receivedBytes);
    // of a segment per route a part was here already
    expect(received - before.receivedBytes).toBeLessThanOrEqual(asked + 2 * 32_768);
    expect(received).toBeLessThan(SIZE);
    const rest = links.map((link) => link.carriedBytes.down);
    expect(await settled(() => running.report().receivedBytes)).toBe(received);
    // nothing but PONGs comes
    for (const [at, link] of links.entries()) expect(link.carriedBytes.down - (rest[at] ?? 0)).toBeLessThan(10_000);
    running.resume();
    await running.done;
    expect((await world.read('paused.bin')).equals(content)).toBe(true);
  });

  test('without an excluded route, which finishes what it was asked for, comes over the other', async () => {
    const running = client.download('a.bin', world.output('excluded.bin'));
    await caught(running, 500_000);
    running.prefer('r1', 'exclude');
    await eventually(() => running.report().routes[1]?.channels.length === 0);
    const { payloadBytes } = running.report().routes[1]!;
    expect(() => running.prefer('r0', 'exclude')).toThrow(expect.objectContaining({ code: 'usage' }));
    const { routes } = await running.done;
    expect(routes[1]).toMatchObject({ payloadBytes, state: 'excluded', preference: 'exclude' });
    expect(routes[0]?.payloadBytes).toBe(SIZE - payloadBytes);
    expect((await world.read('excluded.bin')).equals(content)).toBe(true);
  });

  test('keeps to a limit of all routes together, and takes all there is when it is lifted', async () => {
    const running = client.download('a.bin', world.output('limited.bin'));
    const bytesPerSecond = 1_000_000;
    running.limitRate(bytesPerSecond);
    await caught(running, 300_000);
    const from = running.report();
    await caught(running, 1_500_000);
    const to = running.report();
    const rate = (1_000 * (to.receivedBytes - from.receivedBytes)) / (to.elapsedMs - from.elapsedMs);
    expect(rate).toBeLessThan(1.15 * bytesPerSecond);
    running.limitRate(undefined);
    await running.done;
    expect((await world.read('limited.bin')).equals(content)).toBe(true);
  });

  test('cancelled, rejects and leaves what came; begun again, goes on from there', async () => {
    const running = client.download('a.bin', world.output('cancelled.bin'));
    await caught(running, 2_000_000);
    running.cancel();
    await expect(running.done).rejects.toMatchObject({ code: 'aborted' });
    expect(await world.outputs()).toContain('cancelled.bin.part');
    expect(transfers.list()[0]?.summary()).toMatchObject({ state: 'cancelled', fault: { code: 'aborted' } });
    const again = await client.download('a.bin', world.output('cancelled.bin')).done;
    expect(again.resumedBytes).toBeGreaterThan(1_000_000);
    expect((await world.read('cancelled.bin')).equals(content)).toBe(true);
    const map = transfers.list()[0]?.snapshot().segments;
    const earlier = map?.cells.reduce((sum, cell) => sum + cell.length * (cell.earlier ?? 0), 0) ?? 0;
    expect(earlier * 32_768).toBe(again.resumedBytes);
  });

  test.each([
    ['with ranges', startNginx],
    ['without ranges', startPython],
  ])('from a mirror %s stands still as well, and goes on', async (how, start) => {
    await using mirror = await start(world.objects);
    await using link = await startLink({ target: { port: mirror.port }, megabitsPerSecond: 32, delayMs: 2 });
    const mirrors = [{ name: 'm', url: `http://127.0.0.1:${link.port}/a.bin` }];
    const running = createClient({ routes: [], mirrors }).download('a.bin', world.output(how));
    await caught(running, 1_000_000);
    running.pause();
    const received = await settled(() => running.report().receivedBytes);
    expect(received).toBeLessThan(SIZE);
    running.resume();
    await running.done;
    expect((await world.read(how)).equals(content)).toBe(true);
  });

  test('refuses what makes no sense', async () => {
    const running = client.get('a.bin');
    const usage = expect.objectContaining({ code: 'usage' });
    expect(() => running.prefer('nobody', 'prefer')).toThrow(usage);
    expect(() => running.limitRate(12)).toThrow(usage);
    expect(() => running.limitRate(Number.NaN)).toThrow(usage);
    expect(() => running.limitRate(5_000, 'nobody')).toThrow(usage);
    expect(() => running.limitCost(-1)).toThrow(usage);
    expect(() => running.raise([{ first: 5, last: 2 }])).toThrow(usage);
    running.cancel();
    await expect(running.done).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('the list', () => {
  test('shows a transfer while it runs and when it has ended, in plain JSON', async () => {
    const running = client.download('a.bin', world.output('listed.bin'));
    await caught(running, 1_000_000);
    const [tracked] = transfers.list();
    expect(tracked?.summary()).toMatchObject({ key: 'a.bin', state: 'running', target: world.output('listed.bin') });
    const now = tracked?.snapshot();
    expect(JSON.parse(JSON.stringify(now))).toEqual(now);
    expect(now).toMatchObject({
      size: SIZE,
      segmentBytes: 32_768,
      output: 'any',
      root: expect.stringContaining('sha256:'),
    });
    expect(now?.routes.map(({ name }) => name)).toEqual(['r0', 'r1']);
    for (const { ranking } of now?.routes ?? []) {
      expect(ranking.parts.reduce((sum, { points }) => sum + points, 0)).toBeCloseTo(ranking.score);
    }
    const { lead = [], leadLength, cycle = [] } = now?.pattern ?? {};
    expect(lead.reduce((sum, [, length]) => sum + length, 0)).toBe(Math.min(512, leadLength ?? 0));
    expect([...lead, ...cycle].map(([name]) => name)).toContain('r0');
    const { first, count, runs } = tracked!.segments(0, 65_536);
    expect({ first, count }).toEqual({ first: 0, count: 184 });
    expect(new Set(runs.map(([name]) => name))).toEqual(new Set(['r0', 'r1', null]));
    await running.done;
    const last = tracked!.snapshot();
    expect(last).toMatchObject({ state: 'done', fault: null, progress: { receivedBytes: SIZE, inOrderBytes: SIZE } });
    const total = last.segments?.cells.reduce((sum, { length, by }) => sum + length * by.reduce((a, b) => a + b), 0);
    expect(total).toBe(184);
    expect(() => tracked?.pause()).toThrow(expect.objectContaining({ code: 'refused' }));
    expect(transfers.get(tracked!.id)).toBe(tracked);
  });

  test('tells what happens to one: everything, the changes, the end; and to all', async () => {
    const stop = new AbortController();
    const overview: ControlEvent[] = [];
    const overall = (async () => {
      for await (const event of transfers.events(stop.signal)) overview.push(event);
    })();
    await eventually(() => overview.length > 0);
    const running = client.download('a.bin', world.output('told.bin'));
    await eventually(() => overview.some(({ type }) => type === 'started'));
    const { id } = transfers.list()[0]!;
    const events: ControlEvent[] = [];
    const detail = (async () => {
      for await (const event of transfers.eventsOf(id)) events.push(event);
    })();
    await caught(running, 1_000_000);
    running.pause();
    await eventually(() => events.some((event) => event.type === 'state' && event.state === 'paused'));
    running.limitRate(50_000_000);
    running.prefer('r0', 'prefer');
    running.resume();
    await running.done;
    await detail;
    expect(events[0]).toMatchObject({ type: 'snapshot', snapshot: { id, key: 'a.bin' } });
    expect(events.at(-1)).toMatchObject({ type: 'ended', summary: { state: 'done' } });
    const types = new Set(events.map(({ type }) => type));
    for (const type of ['state', 'limits', 'route', 'pattern', 'routes', 'cells', 'progress'])
      expect(types).toContain(type);
    expect(events.every(({ transfer }) => transfer === id)).toBe(true);
    const ids = events.map((event) => event.id);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    await eventually(() => overview.some(({ type }) => type === 'ended'));
    stop.abort();
    await overall;
    expect(overview[0]).toMatchObject({ type: 'transfers', transfer: '' });
    expect(overview.filter(({ type }) => type === 'state')).not.toEqual([]);
    expect(overview.filter(({ type }) => type === 'progress')).not.toEqual([]);
  });

  test('that is not there costs nothing: no map, nothing kept', async () => {
    const plain = createClient({ routes: [{ name: 'direct', url: world.origin.url }] });
    const before = transfers.list().length;
    const running = plain.download('a.bin', world.output('plain.bin'));
    await running.done;
    expect(transfers.list()).toHaveLength(before);
  });
});
