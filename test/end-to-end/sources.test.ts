// Where the bytes may come from: two origins with copies of one object and no relay, two origins behind three relays, a
// direct route beside relayed ones, chains of relays, and routes bound to local addresses.
import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import { startOriginProgram, startRelayProgram } from '../support/servers.ts';
import type { ServerProgram } from '../support/servers.ts';
import { undisturbed, watched } from '../support/undisturbed.ts';
import { numberOf, WireLog } from '../support/wire-log.ts';
import { startWireTap } from '../support/wire-tap.ts';
import { lastLine, routeOf, startWorld } from '../support/world.ts';
import type { LastLine, World } from '../support/world.ts';

const SIZE = 12_000_000;
const SEGMENTS = Math.ceil(SIZE / 32_768);
const content = objectBytes(SIZE, 21);
const owned = new AsyncDisposableStack();
let world: World;
/** A second origin, with a key of its own, that holds a copy. */
let copy: ServerProgram;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'films/a.bin': content }));
  const objects = world.folder.file('copies');
  await mkdir(`${objects}/films`, { recursive: true });
  await writeFile(`${objects}/films/a.bin`, content);
  copy = owned.use(await startOriginProgram({ dir: objects, state: world.folder.file('state-of-copy') }));
});
afterAll(() => owned.disposeAsync());

test('two origins with copies of one object, and no relay', async () => {
  const { log, done } = await downloaded('copies.bin', { one: world.origin.url, two: copy.url });
  expectPromises(log, done, ['one', 'two']);
  for (const name of ['one', 'two']) expect(routeOf(done, name).share).toBeGreaterThan(0.2);
});

test('the last line of --json says what the contract says, and its numbers agree', async () => {
  const { done } = await downloaded('contract.bin', { one: world.origin.url, two: copy.url });
  expect(done).toEqual({
    type: 'done',
    key: 'films/a.bin',
    bytes: SIZE,
    seconds: expect.any(Number),
    root: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    verified: true,
    patterns: expect.any(Number),
    wasteBytes: expect.any(Number),
    hedges: expect.any(Number),
    firstByteSeconds: expect.any(Number),
    resumedBytes: 0,
    routes: ['one', 'two'].map((name) =>
      expect.objectContaining({
        name,
        bytes: expect.any(Number),
        segments: expect.any(Number),
        corrupt: 0,
        state: 'active',
      }),
    ),
  });
  const sum = (part: 'bytes' | 'segments' | 'share'): number =>
    done.routes.reduce((all, route) => all + route[part], 0);
  expect(sum('bytes')).toBe(SIZE);
  expect(sum('segments')).toBe(SEGMENTS);
  expect(sum('share')).toBeCloseTo(1, 3);
  expect(done.firstByteSeconds).toBeLessThan(done.seconds);
  for (const { name, bytes } of done.routes) expect(bytes / SIZE).toBeCloseTo(routeOf(done, name).share, 3);
});

test('two origins behind three relays', async () => {
  await using stack = new AsyncDisposableStack();
  const upstreams = [world.origin.url, copy.url, world.origin.url];
  const relays = await Promise.all(upstreams.map((main) => startRelayProgram({ main })));
  const [a, b, c] = relays.map((relay) => `${stack.use(relay).url}/v1/via/main`);
  const { log, done } = await downloaded('relayed.bin', { a: a!, b: b!, c: c! });
  expectPromises(log, done, ['a', 'b', 'c']);
  for (const name of ['a', 'b', 'c']) expect(routeOf(done, name).share).toBeGreaterThan(0.1);
});

test('one direct route beside a relay and a chain of two', async () => {
  await using far = await startRelayProgram({ main: world.origin.url });
  await using near = await startRelayProgram({ far: far.url });
  const { log, done } = await downloaded('mixed.bin', {
    direct: copy.url,
    one: `${far.url}/v1/via/main`,
    two: `${near.url}/v1/via/far/v1/via/main`,
  });
  expectPromises(log, done, ['direct', 'one', 'two']);
  for (const name of ['direct', 'one', 'two']) expect(routeOf(done, name).share).toBeGreaterThan(0.1);
  expect(log.channels('two')[0]?.path).toBe('/v1/via/far/v1/via/main/v1/segments/films/a.bin');
});

test('routes bound to local addresses leave from there, in arguments and in a configuration', async () => {
  const log = new WireLog();
  await using tap = await startWireTap('here', world.origin.port, log);
  const config = world.folder.file('routes.yaml');
  const lines = ['routes:', '  - name: four', `    url: ${tap.url}`, '    localAddress: 127.0.0.4'];
  await writeFile(config, lines.join('\n'));
  const flags = [
    '--config',
    config,
    '--route',
    `two=${tap.url}#local=127.0.0.2`,
    '--route',
    `three=${tap.url}#local=127.0.0.3`,
  ];
  const outcome = await heddle(['get', 'films/a.bin', '-o', world.output('bound.bin'), '--json', ...flags]);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect((await world.read('bound.bin')).equals(content)).toBe(true);
  expect(lastLine(outcome).routes.map(({ name }) => name)).toEqual(['four', 'two', 'three']);
  expect(new Set(log.channels().map(({ localAddress }) => localAddress.replace('::ffff:', '')))).toEqual(
    new Set(['127.0.0.2', '127.0.0.3', '127.0.0.4']),
  );
});

type Download = { readonly log: WireLog; readonly done: LastLine };

/** Downloads over taps and links of 48 Mbit/s and 10 ms in front of these base URLs, and compares the bytes. */
function downloaded(name: string, urls: Readonly<Record<string, string>>): Promise<Download> {
  return undisturbed(async () => {
    await using stack = new AsyncDisposableStack();
    const log = new WireLog();
    const flags: string[] = [];
    for (const [route, url] of Object.entries(urls)) {
      const { port, pathname } = new URL(url);
      const link = stack.use(await startLink({ target: { port: Number(port) }, megabitsPerSecond: 48, delayMs: 5 }));
      const tap = stack.use(await startWireTap(route, link.port, log));
      flags.push('--route', `${route}=${tap.url}${pathname === '/' ? '' : pathname}`);
    }
    const args = ['get', 'films/a.bin', '-o', world.output(name), '--json', ...flags];
    const { value: outcome, steady } = await watched(log, () => heddle(args));
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect((await world.read(name)).equals(content)).toBe(true);
    return { value: { log, done: lastLine(outcome) }, steady };
  });
}

/** Every route carried segments, together the object, nearly all by pattern, next to nothing twice. */
function expectPromises(log: WireLog, done: LastLine, routes: readonly string[]): void {
  const segments = log.frames('segment');
  expect(new Set(segments.map(({ frame }) => frame.index)).size).toBe(SEGMENTS);
  expect(segments.length / SEGMENTS).toBeLessThanOrEqual(1.02);
  expect(segments.filter(({ frame }) => frame.by === 'pattern').length / segments.length).toBeGreaterThanOrEqual(0.95);
  for (const route of routes) {
    const carried = segments.filter(({ line }) => line.tap === route);
    expect(carried.length).toBeGreaterThan(0);
    expect(routeOf(done, route)).toMatchObject({ state: 'active', corrupt: 0 });
  }
  const channelOfNumber = new Map(log.channels().map((line) => [numberOf(line), line.tap]));
  expect(new Set(channelOfNumber.values())).toEqual(new Set(routes));
  expect(log.lines.filter(({ fault }) => fault !== undefined)).toEqual([]);
}
