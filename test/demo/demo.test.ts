// `heddle demo` as its users run it, on a small object: what it says and how it ends, and that nothing is left behind, no
// file and no process, when it ends, is interrupted, or is killed.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { heddle, startProgram } from '../support/program.ts';

const isLinux = process.platform === 'linux';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heddle-demo-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('plays to its end: both faults, the figures, the comparison, and an empty folder', async () => {
  const { code, stdout, stderr } = await heddle(['demo', '--size', '4'], { env: environment() });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const said = stdout.toString();
  const inOrder = [
    /4\.0 MB from one origin over three relays/,
    /A near +40 Mbit\/s, +20 ms/,
    /B: a third has come: the link of mid slows from 25 to 5/,
    /A: half has come: the relay of near is killed/,
    /100 % .* pattern \d+/,
    /bytes +4\.0 MB, verified/,
    /root +sha256:[0-9a-f]{64}\n/,
    /time +\d+\.\d s, \d+(\.\d)? Mbit\/s/,
    /shares +A near +\d+\.\d %.*\n +B mid +\d+\.\d %.*\n +C far +\d+\.\d %/,
    /patterns +[1-9]/,
    /hedges +\d/,
    /waste +\d/,
    /One plain GET over near alone/,
    /heddle, 3 routes +█/,
    /plain GET, near alone +█/,
    /The same 4\.0 MB at \d+\.\d\d times/,
  ];
  let at = 0;
  for (const pattern of inOrder) {
    const found = said.slice(at).search(pattern);
    expect(found, `${pattern} is not in what follows:\n${said.slice(at)}`).toBeGreaterThanOrEqual(0);
    at += found;
  }
  expect(said).not.toContain('\u001b');
  expect(readdirSync(folder)).toEqual([]);
});

test('leaves the routes alone with --no-faults', async () => {
  const { code, stdout } = await heddle(['demo', '--size', '2', '--no-faults'], { env: environment() });
  expect(code).toBe(0);
  expect(stdout.toString()).not.toMatch(/has come|faults/);
});

test.each(['0', '-1', 'x', '1e9'])('refuses --size %s', async (size) => {
  const { code, stderr } = await heddle(['demo', `--size=${size}`], { env: environment() });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^heddle: --size is in megabytes, .* \(usage\)\n$/);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it in the middle and leaves nothing', async (signal) => {
  await using program = startProgram(['demo'], { env: environment() });
  await program.said(/ Mbit\/s +A/);
  const children = isLinux ? childrenOf(program.pid) : [];
  expect(children).toHaveLength(isLinux ? 4 : 0);
  program.signal(signal);
  const { code, stderr } = await program.ended;
  expect({ code, stderr }).toEqual({ code: 130, stderr: 'heddle: interrupted (aborted)\n' });
  expect(readdirSync(folder)).toEqual([]);
  await gone(children);
});

test('an interrupt while it is being set up leaves nothing either', async () => {
  await using program = startProgram(['demo'], { env: environment() });
  await program.said(/C far/);
  program.signal('SIGINT');
  expect((await program.ended).code).toBe(130);
  expect(readdirSync(folder)).toEqual([]);
});

test.skipIf(!isLinux)('its processes go when it is killed without a chance to end them', async () => {
  await using program = startProgram(['demo'], { env: environment() });
  await program.said(/ Mbit\/s +A/);
  const children = childrenOf(program.pid);
  expect(children).toHaveLength(4);
  await program.kill();
  await gone(children);
});

/** A temporary folder of its own, but the cache of compiled code that all runs share. */
function environment(): Record<string, string> {
  return { TMPDIR: folder, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') };
}

function childrenOf(pid: number): number[] {
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return pids === '' ? [] : pids.split(' ').map(Number);
}

/** Waits until the processes have ended; nobody tells us about processes that are not our own children. */
async function gone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) while (isRunning(pid)) await wait(10);
}

function isRunning(pid: number): boolean {
  try {
    // behind the name in parentheses stands the state; Z is one that only waits to be asked how it ended
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
