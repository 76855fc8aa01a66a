// `heddle routes` and the memory of routes, by processes: every route is looked at, ranked with reasons; what a download
// found is remembered for the next, unless nobody wants that.
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { objectBytes } from '../support/object-bytes.ts';
import { startProgram } from '../support/program.ts';
import { refusingPort, startRelayProgram } from '../support/servers.ts';
import type { ServerProgram } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const opened = new AsyncDisposableStack();
let world: World;
let relay: ServerProgram;
let dead: number;
let ways: string[];

beforeAll(async () => {
  world = opened.use(await startWorld({ 'big.bin': objectBytes(4_000_000, 7) }));
  relay = opened.use(await startRelayProgram({ main: world.origin.url }));
  dead = await refusingPort();
  ways = [`direct=${world.origin.url}`, `eu=${relay.url}/v1/via/main`].flatMap((way) => ['--route', way]);
});

afterAll(() => opened.disposeAsync());

type Line = {
  readonly name: string;
  readonly works: boolean;
  readonly rttSeconds: number | null;
  readonly bytesPerSecond: number | null;
  readonly hops: number;
  readonly score: number;
  readonly parts: readonly { readonly part: string; readonly value: number | null; readonly points: number }[];
  readonly code?: string;
};

async function routes(...args: readonly string[]): Promise<{ code: number | null; lines: Line[]; stderr: string }> {
  const { code, stdout, stderr } = await startProgram(['routes', '--json', '--no-memory', ...args]).ended;
  const lines = stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  return { code, lines, stderr };
}

test('every route is looked at and ranked; the points sum to the score, the best comes first, the dead last', async () => {
  const { code, lines } = await routes(...ways, '--route', `dead=http://127.0.0.1:${dead}`);
  expect(code).toBe(0);
  expect(lines.map(({ name }) => name).toSorted()).toEqual(['dead', 'direct', 'eu']);
  expect(lines.at(-1)).toMatchObject({ name: 'dead', works: false, rttSeconds: null, code: 'unreachable' });
  for (const { score, parts } of lines) {
    expect(parts.reduce((sum, { points }) => sum + points, 0)).toBeCloseTo(score, 9);
  }
  expect(lines[0]!.score).toBeGreaterThanOrEqual(lines[1]!.score);
  expect(lines.find(({ name }) => name === 'eu')).toMatchObject({ works: true, hops: 1, bytesPerSecond: null });
  expect(lines.find(({ name }) => name === 'direct')).toMatchObject({ works: true, hops: 0 });
});

test('with a key it says what each carries', async () => {
  const { code, lines } = await routes('big.bin', '--bytes', '1000000', ...ways);
  expect(code).toBe(0);
  for (const { bytesPerSecond } of lines) expect(bytesPerSecond).toBeGreaterThan(0);
});

test('configuration decides: weights, prices, places, and a ranking service', async () => {
  const service = createServer((_, response) => void response.end('{"ranks":{"eu":1,"direct":0}}')).listen(0);
  opened.defer(() => void service.close());
  await once(service, 'listening');
  const config = world.folder.file('client.yaml');
  await writeFile(
    config,
    [
      'place: 50.11,8.68',
      'routes:',
      `  - { name: direct, url: ${world.origin.url}, costPerGigabyte: 0.1, places: ["1.35,103.82"] }`,
      `  - { name: eu, url: ${relay.url}/v1/via/main, hops: 3 }`,
      'ranking:',
      `  service: http://127.0.0.1:${(service.address() as AddressInfo).port}/`,
      '  throughputWeight: 0',
      '  latencyWeight: 0',
    ].join('\n'),
  );
  const { lines, stderr } = await routes('--config', config);
  expect(stderr).toBe('');
  expect(lines.map(({ name }) => name)).toEqual(['eu', 'direct']);
  const valueOf = (at: number, name: string): unknown => lines[at]?.parts.find(({ part }) => part === name)?.value;
  expect(valueOf(0, 'external')).toBe(1);
  expect(valueOf(0, 'hops')).toBe(4);
  expect(valueOf(1, 'cost')).toBe(0.1);
  expect(valueOf(1, 'distance')).toBeCloseTo(10_260, -2);
});

test('people get a line per route with its reasons; exit code 3 when none answers', async () => {
  const { code, stdout } = await startProgram(['routes', ...ways]).ended;
  expect(code).toBe(0);
  expect(stdout.toString()).toMatch(/^ 1\. \S+ +0\.\d\d = 0\.\d\d external \(unknown\) \+ 0\.\d\d throughput/);
  const none = await startProgram(['routes', '--route', `dead=http://127.0.0.1:${dead}`]).ended;
  expect(none.code).toBe(3);
  expect(none.stdout.toString()).toContain('does not answer');
});

test('a download remembers what its routes carried; --no-memory leaves no trace', async () => {
  const state = world.folder.file('memory');
  const get = (...more: readonly string[]): ReturnType<typeof startProgram> =>
    startProgram(['get', 'big.bin', '-o', world.output('copy'), '--quiet', ...ways, ...more], {
      env: { XDG_STATE_HOME: state },
    });
  expect((await get('--no-memory').ended).code).toBe(0);
  await expect(readFile(`${state}/heddle/routes.json`)).rejects.toThrow('ENOENT');
  expect((await get().ended).code).toBe(0);
  const { routes: remembered } = JSON.parse(await readFile(`${state}/heddle/routes.json`, 'utf8')) as {
    routes: Record<string, { bytesPerSecond: number; rttMs: number }>;
  };
  expect(Object.keys(remembered).length).toBeGreaterThan(0);
  expect((await get().ended).code, 'and the next begins with it').toBe(0);
});
