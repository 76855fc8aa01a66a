// Every size at which something could be off by one, whole and in ranges, into a file and in order, over two relays: what
// arrives is compared with the object byte for byte.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import { startRelayProgram } from '../support/servers.ts';
import { lastLine, startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SEGMENT = 32_768;
const SIZES = [
  0,
  1,
  SEGMENT - 1,
  SEGMENT,
  SEGMENT + 1,
  5 * SEGMENT - 1,
  5 * SEGMENT,
  5 * SEGMENT + 1,
  64 * SEGMENT,
  999_983,
];
/** The size on which ranges are tried: 31 segments, the last one short. */
const SIZE = 999_983;
const RANGES: readonly (readonly [number, number | undefined])[] = [
  [0, 0],
  [0, SEGMENT - 1],
  [0, SEGMENT],
  [1, 1],
  [SEGMENT - 1, SEGMENT],
  [SEGMENT, 2 * SEGMENT - 1],
  [SEGMENT + 1, 3 * SEGMENT - 2],
  [7, 5 * SEGMENT + 7],
  [SIZE - 1, SIZE - 1],
  [SIZE - SEGMENT, undefined],
  [30 * SEGMENT, undefined],
  [30 * SEGMENT - 1, undefined],
  [0, SIZE + 5],
  [500_000, 10 * SIZE],
];

const nameOf = (size: number): string => `sizes/${size}.bin`;
const contentOf = (size: number): Buffer => objectBytes(size, 100 + size);

let world: World;
let routes: string[];
const owned = new AsyncDisposableStack();

beforeAll(async () => {
  world = owned.use(await startWorld(Object.fromEntries(SIZES.map((size) => [nameOf(size), contentOf(size)]))));
  const relays = await Promise.all([1, 2].map(() => startRelayProgram({ main: world.origin.url })));
  routes = relays.flatMap((relay, at) => ['--route', `r${at}=${owned.use(relay).url}/v1/via/main`]);
});
afterAll(() => owned.disposeAsync());

test.each(SIZES)('an object of %i bytes arrives, in a file and to standard output', async (size) => {
  const name = `${size}.bin`;
  const [intoFile, inOrder] = await Promise.all([
    heddle(['get', nameOf(size), '-o', world.output(name), '--json', ...routes]),
    heddle(['get', nameOf(size), '--json', ...routes]),
  ]);
  const done = { type: 'done', key: nameOf(size), bytes: size, verified: true };
  expect(intoFile).toMatchObject({ code: 0, stderr: '' });
  expect(lastLine(intoFile)).toMatchObject(done);
  expect((await world.read(name)).equals(contentOf(size))).toBe(true);
  expect(await world.outputs()).not.toContain(`${name}.part`);
  expect(inOrder.code).toBe(0);
  expect(inOrder.stdout.equals(contentOf(size))).toBe(true);
  expect(lastLine(inOrder, 'stderr')).toMatchObject(done);
});

test.each(RANGES)('bytes %i to %s arrive, in a file and to standard output', async (first, last) => {
  const expected = contentOf(SIZE).subarray(first, last === undefined ? undefined : last + 1);
  const name = `range-${first}-${last}`;
  const range = ['--range', `${first}-${last ?? ''}`];
  const [intoFile, inOrder] = await Promise.all([
    heddle(['get', nameOf(SIZE), '-o', world.output(name), '--json', ...range, ...routes]),
    heddle(['get', nameOf(SIZE), '-o', '-', '--quiet', ...range, ...routes]),
  ]);
  expect(intoFile).toMatchObject({ code: 0, stderr: '' });
  expect(lastLine(intoFile)).toMatchObject({ type: 'done', bytes: expected.length });
  expect((await world.read(name)).equals(expected)).toBe(true);
  expect(inOrder).toMatchObject({ code: 0, stderr: '' });
  expect(inOrder.stdout.equals(expected)).toBe(true);
});

test('into a pipe with a name, in order', async () => {
  const pipe = world.output('pipe');
  execFileSync('mkfifo', [pipe]);
  const args = ['get', nameOf(SIZE), '-o', pipe, '--json', ...routes];
  const [outcome, received] = await Promise.all([heddle(args), readFile(pipe)]);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(received.equals(contentOf(SIZE))).toBe(true);
});

test.each([65_536, 262_144, 1_048_576])('segments of %i bytes bring the same bytes', async (segment) => {
  const args = ['get', nameOf(SIZE), '--segment', String(segment), '--json', '--range', '70000-'];
  const outcome = await heddle([...args, ...routes]);
  expect(outcome.code).toBe(0);
  expect(outcome.stdout.equals(contentOf(SIZE).subarray(70_000))).toBe(true);
  const segments = lastLine(outcome, 'stderr').routes.reduce((sum, route) => sum + route.segments, 0);
  expect(segments).toBe(Math.ceil(SIZE / segment) - Math.floor(70_000 / segment));
});
