// What repair costs when a route corrupts, and an object that changes under way, begun again where that was chosen.
import { rename, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';
import { startRewriting } from '../support/false-relay.ts';
import { objectBytes, sha256Of } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import { startOriginProgram } from '../support/servers.ts';
import { WireLog } from '../support/wire-log.ts';
import { startWireTap } from '../support/wire-tap.ts';
import { lastLine, routeOf, startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZE = 12_000_000;
/** Nodes of the page that an origin sends behind its HELLO. */
const FIRST_PAGE_BYTES = 64 * HASH_BYTES;
const content = objectBytes(SIZE, 61);
const changed = objectBytes(SIZE + 77, 62);
const owned = new AsyncDisposableStack();
let world: World;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
});
afterAll(() => owned.disposeAsync());

test('one of four routes corrupts a tenth: it alone is blamed, each bad segment comes once more, proofs are small', async () => {
  await using stack = new AsyncDisposableStack();
  const log = new WireLog();
  const bent: number[] = [];
  let passed = 0;
  const liar = stack.use(
    await startRewriting(world.origin.port, () => (frame) => {
      if (frame.type !== 'segment') return [frame];
      passed += 1;
      if (passed % 20 > 2 || passed % 20 === 0) return [frame];
      bent.push(frame.index);
      return [{ ...frame, payload: frame.payload.map((byte, at) => (at === 100 ? byte ^ 1 : byte)) }];
    }),
  );
  const routes: string[] = [];
  for (const [name, port] of [
    ['liar', liar.port],
    ...['h1', 'h2', 'h3'].map((at) => [at, world.origin.port]),
  ] as const) {
    const link = stack.use(await startLink({ target: { port: Number(port) }, megabitsPerSecond: 24, delayMs: 8 }));
    const tap = stack.use(await startWireTap(String(name), link.port, log));
    routes.push('--route', `${name}=${tap.url}`);
  }
  const outcome = await heddle(['get', 'a.bin', '-o', world.output('out.bin'), '--json', ...routes]);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(sha256Of(await world.read('out.bin'))).toBe(sha256Of(content));

  const done = lastLine(outcome);
  expect(routeOf(done, 'liar')).toMatchObject({ state: 'excluded' });
  expect(routeOf(done, 'liar').corrupt).toBeGreaterThanOrEqual(2);
  for (const name of ['h1', 'h2', 'h3']) expect(routeOf(done, name)).toMatchObject({ corrupt: 0, state: 'active' });

  const came = log.frames('segment');
  const badOnes = came.filter(({ frame, line }) => line.tap === 'liar' && bent.includes(frame.index));
  const bad = new Set(badOnes.map(({ frame }) => frame.index));
  const again = came.filter(({ frame, line }) => line.tap !== 'liar' && bad.has(frame.index));
  expect(again.length / badOnes.length).toBeLessThanOrEqual(1.05);
  // each connection begins with a small page; how many there are is not what this is about
  const asked = log.frames('proof').filter(({ frame }) => frame.page.nodes.length > FIRST_PAGE_BYTES);
  const proofBytes = asked.reduce((sum, { frame: { page } }) => sum + page.nodes.length + page.path.length, 0);
  expect(proofBytes).toBeLessThanOrEqual(0.004 * SIZE);
});

describe('an object that is replaced while it is fetched', { timeout: 60_000 }, () => {
  /** Fetches over a link that takes seconds; the object is replaced once some of it came, and what follows is told. */
  async function fetchChanging(output: string, ...more: readonly string[]) {
    await using own = await startWorld({ 'a.bin': content });
    const link = await startLink({ target: { port: own.origin.port }, megabitsPerSecond: 40, delayMs: 5 });
    await using stack = new AsyncDisposableStack();
    stack.use(link);
    const log = new WireLog();
    const tap = stack.use(await startWireTap('one', link.port, log));
    const path = output === '-' ? '-' : own.output(output);
    const args = ['get', 'a.bin', '-o', path, '--json', ...more, '--route', `one=${tap.url}`];
    const program = stack.use(startProgram(args));
    await log.segmentsFrom('one', 60);
    await writeFile(own.folder.file('next'), changed);
    await rename(own.folder.file('next'), `${own.objects}/a.bin`);
    // as a deployment would: the new version is served by a new process
    await own.origin.program.kill();
    const { port } = own.origin;
    stack.use(await startOriginProgram({ dir: own.objects, state: own.state, port }));
    const outcome = await program.ended;
    const left = await own.outputs();
    return { outcome, left, bytes: output === '-' ? outcome.stdout : await own.read(output).catch(() => undefined) };
  }

  test('is begun again where that was chosen: the new version, whole', async () => {
    const { outcome, left, bytes } = await fetchChanging('new.bin', '--if-changed', 'restart');
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(sha256Of(bytes ?? Buffer.of())).toBe(sha256Of(changed));
    expect(lastLine(outcome)).toMatchObject({ bytes: changed.length, resumedBytes: 0 });
    expect(left).toEqual(['new.bin']);
  });

  test('is an error otherwise, and nothing is left', async () => {
    const { outcome, left } = await fetchChanging('old.bin');
    expect(outcome.code).toBe(4);
    expect(lastLine(outcome).code).toMatch(/^(root-mismatch|object-changed)$/);
    expect(left).toEqual([]);
  });

  test('is an error in any case when some of it is out: what is out is of the old version alone', async () => {
    const { outcome, bytes } = await fetchChanging('-', '--if-changed', 'restart');
    expect(outcome.code).toBe(4);
    expect(bytes?.length).toBeGreaterThan(0);
    expect(content.subarray(0, bytes?.length).equals(bytes ?? Buffer.of())).toBe(true);
  });

  test('a choice that is none is a mistake of usage', async () => {
    const args = ['get', 'a.bin', '-o', world.output('x'), '--if-changed', 'maybe', '--route', `a=${world.origin.url}`];
    expect(await heddle(args)).toMatchObject({ code: 1 });
  });
});
