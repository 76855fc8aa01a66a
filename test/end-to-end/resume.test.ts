// Downloads that are interrupted and taken up again: the file is right, little is fetched twice, nothing is believed that
// is not proven, and one target has one writer.
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { PART_SUFFIX } from '../../client/io/file-sink.ts';
import { LOCK_SUFFIX } from '../../client/io/part-lock.ts';
import { RECORD_SUFFIX } from '../../client/io/part-record.ts';
import { interrupt, rightBytes } from '../chaos/interrupted.ts';
import type { Aftermath } from '../chaos/interrupted.ts';
import { objectBytes, sha256Of } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { lastLine, startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZE = 12_000_000;
const BYTES_PER_SECOND = 6_000_000;
const content = objectBytes(SIZE, 45);
const owned = new AsyncDisposableStack();
let world: World;
let routes: string[];

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content, 'b.bin': objectBytes(SIZE, 46) }));
  const megabitsPerSecond = (BYTES_PER_SECOND * 8) / 1e6;
  const link = owned.use(await startLink({ target: { port: world.origin.port }, megabitsPerSecond, delayMs: 10 }));
  routes = ['--route', `one=http://127.0.0.1:${link.port}`];
});
afterAll(() => owned.disposeAsync());

function killed(name: string, killAfterMs: readonly number[]): Promise<Aftermath> {
  const output = world.output(name);
  return interrupt({ key: 'a.bin', content, output, routes, bytesPerSecond: BYTES_PER_SECOND, killAfterMs });
}

/** Waits for the record of `output` to hold more than its first line: by then something is sure. */
async function recorded(program: Program, output: string): Promise<void> {
  for (;;) {
    const record = await readFile(output + PART_SUFFIX + RECORD_SUFFIX).catch(() => Buffer.alloc(0));
    const line = record.indexOf('\n');
    if (!program.running || (line >= 0 && record.length > line + 1)) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}

describe('killed', { timeout: 60_000 }, () => {
  test.each([[[300]], [[1_700]], [[1_300, 1_100]], [[0]]])(
    'after %j ms: the rest is fetched, not all of it',
    async (ms) => {
      const result = await killed(`killed-${ms.join('-')}.bin`, ms);
      expect(result.right).toBe(true);
      expect(result.fetchedAgain).toBeLessThanOrEqual(result.allowed);
      expect(result.resumed).toBeLessThanOrEqual(result.had);
      expect(await world.outputs()).not.toContain(`killed-${ms.join('-')}.bin${PART_SUFFIX}${LOCK_SUFFIX}`);
    },
  );

  test('interrupted by hand, nothing that was there is fetched again', async () => {
    const output = world.output('stopped.bin');
    await using program = startProgram(['get', 'a.bin', '-o', output, '--json', ...routes]);
    await recorded(program, output);
    program.signal('SIGINT');
    expect(await program.ended).toMatchObject({ code: 130 });
    const had = await rightBytes(output + PART_SUFFIX, content);
    expect(had).toBeGreaterThan(0);
    const outcome = await heddle(['get', 'a.bin', '-o', output, '--json', ...routes]);
    expect(outcome.code).toBe(0);
    expect(lastLine(outcome)).toMatchObject({ resumedBytes: had });
    expect(sha256Of(await readFile(output))).toBe(sha256Of(content));
  });
});

describe('what was left', { timeout: 60_000 }, () => {
  /** Leaves something recorded behind, and what a resumed transfer of it says. */
  async function leave(output: string): Promise<void> {
    await using program = startProgram(['get', 'a.bin', '-o', output, '--json', ...routes]);
    await recorded(program, output);
    await program.kill();
  }

  test('is proven again: bytes that changed on disk are fetched', async () => {
    const output = world.output('bent.bin');
    await leave(output);
    const part = await readFile(output + PART_SUFFIX);
    part.fill(0x55, 0, 500_000);
    await writeFile(output + PART_SUFFIX, part);
    const outcome = await heddle(['get', 'a.bin', '-o', output, '--json', ...routes]);
    expect(outcome.code).toBe(0);
    expect(sha256Of(await readFile(output))).toBe(sha256Of(content));
    expect(lastLine(outcome).resumedBytes).toBeGreaterThan(0);
  });

  test('of another object, another version or under another root, is not used', async () => {
    const output = world.output('other.bin');
    await leave(output);
    const other = await heddle(['get', 'b.bin', '-o', output, '--json', ...routes]);
    expect(other.code).toBe(0);
    expect(lastLine(other)).toMatchObject({ resumedBytes: 0 });
    expect(sha256Of(await readFile(output))).toBe(sha256Of(objectBytes(SIZE, 46)));

    await using own = await startWorld({ 'a.bin': content });
    const way = ['--route', `own=${own.origin.url}`];
    await leave(output);
    const newer = objectBytes(SIZE, 47);
    await writeFile(`${own.objects}/a.bin`, newer);
    const changed = await heddle(['get', 'a.bin', '-o', output, '--json', ...way]);
    expect(changed).toMatchObject({ code: 0 });
    expect(lastLine(changed)).toMatchObject({ resumedBytes: 0 });
    expect(sha256Of(await readFile(output))).toBe(sha256Of(newer));

    await leave(output);
    const root = `sha256:${'1'.repeat(64)}`;
    const pinned = await heddle(['get', 'a.bin', '-o', output, '--json', '--root', root, ...routes]);
    expect(pinned.code).toBe(4);
    expect(await world.outputs()).not.toContain(`other.bin${PART_SUFFIX}`);
  });

  test('serves transfers with segments of another size, and ranges do not mix with the whole', async () => {
    const output = world.output('size.bin');
    await leave(output);
    const range = await heddle(['get', 'a.bin', '-o', output, '--json', '--range', '100-5000000', ...routes]);
    expect(lastLine(range)).toMatchObject({ bytes: 4_999_901, resumedBytes: 0 });
    expect(Buffer.compare(await readFile(output), content.subarray(100, 5_000_001))).toBe(0);
    await leave(output);
    const outcome = await heddle(['get', 'a.bin', '-o', output, '--json', '--segment', '131072', ...routes]);
    expect(outcome.code).toBe(0);
    expect(lastLine(outcome).resumedBytes).toBeGreaterThan(0);
    expect(sha256Of(await readFile(output))).toBe(sha256Of(content));
  });
});

test('a second process on the same target is refused, and the first is not disturbed', async () => {
  const output = world.output('two.bin');
  await using first = startProgram(['get', 'a.bin', '-o', output, '--json', ...routes]);
  await recorded(first, output);
  const second = await heddle(['get', 'a.bin', '-o', output, ...routes]);
  expect(second.code).toBe(6);
  expect(second.stderr).toMatch(
    /^heddle: [^\n]*two\.bin\.part is being written by another transfer[^\n]*\(local-io\)\n$/,
  );
  expect((await first.ended).code).toBe(0);
  expect(sha256Of(await readFile(output))).toBe(sha256Of(content));
});
