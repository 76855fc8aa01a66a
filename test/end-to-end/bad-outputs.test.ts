// Outputs that fail, and transfers that are interrupted: each ends with the documented exit code and one clear line, and
// what is left behind is what the next transfer goes on with, or nothing.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, open, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { expectOneLine } from '../support/one-line.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Outcome, Program } from '../support/program.ts';
import { startRelayProgram } from '../support/servers.ts';
import { WireLog } from '../support/wire-log.ts';
import { startWireTap } from '../support/wire-tap.ts';
import { lastLine, startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZE = 3_000_000;
const owned = new AsyncDisposableStack();
let world: World;
/** A link to the origin of 1 MB/s: the object takes three seconds. */
let thin: ShapedLink;
/** NAME=BASEURL of a route through a relay. */
let route: string;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': objectBytes(SIZE, 1) }));
  thin = owned.use(await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 8, delayMs: 1 }));
  const relay = owned.use(await startRelayProgram({ main: world.origin.url }));
  route = `r=${relay.url}/v1/via/main`;
});
afterAll(() => owned.disposeAsync());

const isRoot = process.getuid?.() === 0;

describe('outputs that fail', () => {
  test('a folder that may not be written', async () => {
    // permissions mean nothing to root, but even root cannot create files in /sys
    const folder = isRoot && existsSync('/sys/kernel') ? '/sys/kernel' : world.output('closed');
    if (!isRoot) {
      await mkdir(folder);
      await chmod(folder, 0o500);
    }
    expectOneLine(await get('-o', `${folder}/out.bin`), 6);
  });

  test.skipIf(!existsSync('/dev/full'))('a full device, by name', async () => {
    expectOneLine(await get('-o', '/dev/full'), 6);
  });

  test.skipIf(!existsSync('/dev/full'))('a full device, as standard output', async () => {
    await using full = await open('/dev/full', 'w');
    expectOneLine(await heddle(['get', 'a.bin', '--route', route], { stdout: full.fd }), 6);
  });

  test.skipIf(!canMount())(`a full disk${canMount() ? '' : ' (skipped: needs root and tmpfs)'}`, async () => {
    const disk = world.folder.file('disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const outcome = await get('-o', `${disk}/out.bin`);
      expectOneLine(outcome, 6);
      expect(outcome.stderr).toMatch(/the disk is full/);
      expect(execFileSync('ls', ['-A', disk]).toString()).toBe('');
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('a reader that leaves', async () => {
    await using program = startProgram(['get', 'a.bin', '--route', route], { stdout: 'leave' });
    program.child.stdout?.once('data', () => program.child.stdout?.destroy());
    expectOneLine(await program.ended, 6);
  });

  test('a reader of --json that leaves changes nothing for the file', async () => {
    const target = world.output('whole.bin');
    const args = ['get', 'a.bin', '-o', target, '--json', '--route', route];
    await using program = startProgram(args, { stdout: 'leave' });
    program.child.stdout?.destroy();
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
    expect((await world.read('whole.bin')).equals(objectBytes(SIZE, 1))).toBe(true);
  });

  test('an old file keeps its content when the transfer fails', async () => {
    await writeFile(world.output('old.bin'), 'precious');
    const outcome = await heddle(['get', 'b.bin', '-o', world.output('old.bin'), '--route', route]);
    expectOneLine(outcome, 5);
    expect((await world.read('old.bin')).toString()).toBe('precious');
  });

  function get(...more: readonly string[]): Promise<Outcome> {
    return heddle(['get', 'a.bin', '--route', route, ...more]);
  }
});

describe('interrupted', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s in the middle: exit 130 at once, one line, and left is what the next one goes on with',
    async (signal) => {
      await using program = await halfway('collect', '-o', world.output('half.bin'));
      program.signal(signal);
      expectOneLine(await program.ended, 130);
      const left = (await world.outputs()).filter((name) => name.startsWith('half.bin'));
      expect(left).toEqual(['half.bin.part', 'half.bin.part.record']);
    },
  );

  test('though the reader does not read', async () => {
    await using program = await halfway('leave');
    program.signal('SIGINT');
    const { promise, resolve } = Promise.withResolvers<number | null>();
    program.child.once('exit', resolve);
    expect(await promise).toBe(130);
    expect(program.stderr).toMatch(/^heddle: [^\n]+\n$/);
  });

  test('also as the last line of --json', async () => {
    await using program = await halfway('collect', '-o', world.output('half.bin'), '--json');
    program.signal('SIGINT');
    const outcome = await program.ended;
    expect(outcome).toMatchObject({ code: 130, stderr: '' });
    expect(lastLine(outcome)).toMatchObject({ type: 'error', code: 'aborted' });
  });

  /** A transfer of which a part has come, over a link too thin for the rest. */
  async function halfway(stdout: 'collect' | 'leave', ...more: readonly string[]): Promise<Program> {
    const log = new WireLog();
    const tap = owned.use(await startWireTap('thin', thin.port, log));
    const program = startProgram(['get', 'a.bin', '--route', `r=${tap.url}`, ...more], { stdout });
    await Promise.race([log.segmentsFrom('thin', 5), program.ended]);
    return program;
  }
});

function canMount(): boolean {
  if (!isRoot) return false;
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
