// Measuring one thing once: a drained stream with the CPU of the servers in between, or a client program with its own.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../machine/child.ts';
import type { Child, Exit } from '../machine/child.ts';
import { findProgram } from '../machine/programs.ts';
import { descendantsOf, threadSeconds, usageOf, usageOfAll } from '../machine/usage.ts';
import type { ClientAnswer, ClientOrder } from './client-order.ts';
import type { DrainAnswer, DrainOrder } from './drain-order.ts';
import { environmentOf } from './workbench.ts';
import type { Workbench } from './workbench.ts';
import type { LoopbackServer } from './loopback-servers.ts';

/** What THROUGHPUT_METRICS show. */
export type ThroughputSample = {
  readonly gigabytesPerSecond: number;
  readonly cpuPerGigabyte: number | undefined;
  readonly peakMegabytes: number | undefined;
};

/** A client program that has run. */
export type ClientRun = {
  readonly seconds: number;
  /** Of the program and all it started. */
  readonly cpuSeconds: number | undefined;
  readonly peakBytes: number | undefined;
  /** Of each group of servers meanwhile. */
  readonly serverSeconds: readonly (number | undefined)[];
};

const DRAIN = join(import.meta.dirname, 'drain.ts');
const CLIENT = join(import.meta.dirname, 'client-load.ts');
const LOOK_MS = 20;
/** A client that takes longer is ended. */
const LIMIT_MS = 60_000;
/** And more for each gigabyte. */
const LIMIT_MS_PER_GIGABYTE = 20_000;
/** Runs the arguments and writes what they have used to descriptor 3. Only bash counts finer than in hundredths. */
const SHELL = findProgram('bash') ?? 'sh';
const TIMED = '"$@"; code=$?; times >&3; exit $code';

/** Drains, and says what the `servers` used for it. */
export async function drain(
  bench: Workbench,
  order: DrainOrder,
  servers: readonly LoopbackServer[],
): Promise<{ readonly answer: DrainAnswer; readonly sample: ThroughputSample }> {
  using scope = bench.teardown.scope();
  const before = secondsOf(servers);
  const child = bench.start(scope, 'drain', [process.execPath, DRAIN, JSON.stringify(order)]);
  const perStream = order.type === 'channel' ? order.segments * order.segmentBytes : order.bytesPerStream;
  await succeeds(child, limitMs((order.streams * perStream) / 1e9));
  const answer = JSON.parse(readFileSync(child.log, 'utf8')) as DrainAnswer;
  const gigabytes = answer.bytes / 1e9;
  const after = secondsOf(servers);
  const used = difference(after, before);
  const peak = usageOfAll(servers.map(({ pid }) => pid))?.peakBytes;
  const sample = {
    gigabytesPerSecond: gigabytes / answer.seconds,
    cpuPerGigabyte: used === undefined ? undefined : used / gigabytes,
    peakMegabytes: peak === undefined ? undefined : peak / 1e6,
  };
  return { answer, sample };
}

/** Runs transfers with the library in a process of their own; `serversCpu`: CPU-s/GB of each of the `servers` meanwhile. */
export async function drainClient(
  bench: Workbench,
  order: ClientOrder,
  servers: readonly LoopbackServer[],
): Promise<{ readonly sample: ThroughputSample; readonly serversCpu: readonly (number | undefined)[] }> {
  using scope = bench.teardown.scope();
  const before = servers.map((server) => secondsOf([server]));
  const child = bench.start(scope, 'client', [process.execPath, CLIENT, JSON.stringify(order)]);
  const gigabytes = (order.transfers * (order.end - order.first)) / 1e9;
  await succeeds(child, limitMs(gigabytes));
  const answer = JSON.parse(readFileSync(child.log, 'utf8')) as ClientAnswer;
  const sample = {
    gigabytesPerSecond: gigabytes / answer.seconds,
    cpuPerGigabyte: answer.cpuSeconds / gigabytes,
    peakMegabytes: answer.peakBytes / 1e6,
  };
  const serversCpu = servers.map((server, at) => {
    const used = difference(secondsOf([server]), before[at]);
    return used === undefined ? undefined : used / (gigabytes + answer.warmingBytes / 1e9);
  });
  return { sample, serversCpu };
}

/** Runs a client program to its end and measures time, CPU (that of groups of servers, too) and memory. Throws when it fails. */
export async function runClient(
  bench: Workbench,
  argv: readonly string[],
  servers: readonly (readonly LoopbackServer[])[] = [],
): Promise<ClientRun> {
  using scope = bench.teardown.scope();
  const cwd = bench.newFolder('client');
  const timesFile = join(cwd, 'times');
  const before = servers.map(secondsOf);
  const discard = openSync('/dev/null', 'w');
  scope.defer(() => closeSync(discard));
  const startedAt = performance.now();
  const shell = [SHELL, '-c', `exec 3>'${timesFile}'; ${TIMED}`, 'sh', ...argv];
  const child = startChild(scope, {
    argv: shell,
    cwd,
    log: join(cwd, 'log'),
    stdout: discard,
    env: environmentOf(cwd),
  });
  const peaks = new Map<number, number>();
  const watch = setInterval(() => {
    for (const pid of descendantsOf(child.pid)) {
      // One that has just ended has no size any more.
      peaks.set(pid, Math.max(peaks.get(pid) ?? 0, usageOf(pid)?.peakBytes ?? 0));
    }
  }, LOOK_MS);
  scope.defer(() => clearInterval(watch));
  const { atMs } = await succeeds(child);
  const peak = [...peaks.values()].reduce((sum, bytes) => sum + bytes, 0);
  return {
    seconds: (atMs - startedAt) / 1_000,
    cpuSeconds: childSeconds(readFileSync(timesFile, 'utf8')),
    peakBytes: peak === 0 ? undefined : peak,
    serverSeconds: servers.map((group, at) => difference(secondsOf(group), before[at])),
  };
}

/** Seconds from the start of a program to its end, nothing in between. Throws when it fails. */
export async function timeToExit(bench: Workbench, argv: readonly string[]): Promise<number> {
  using scope = bench.teardown.scope();
  const cwd = bench.newFolder('client');
  const startedAt = performance.now();
  const child = startChild(scope, { argv, cwd, log: join(cwd, 'log'), env: environmentOf(cwd) });
  const { atMs } = await succeeds(child);
  return (atMs - startedAt) / 1_000;
}

/** Seconds from the start of a program to its first byte on standard output; it is ended then. */
export async function timeToFirstByte(bench: Workbench, argv: readonly string[]): Promise<number> {
  const [command = '', ...args] = argv;
  using scope = bench.teardown.scope();
  const cwd = bench.newFolder('client');
  const startedAt = performance.now();
  const env = { ...process.env, ...environmentOf(cwd) };
  const client = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'ignore'] });
  scope.defer(() => client.kill('SIGKILL'));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  client.stdout.once('data', () => resolve((performance.now() - startedAt) / 1_000));
  client.once('exit', (code) => reject(new Error(`exit ${code} before the first byte`))).once('error', reject);
  return await promise;
}

/** The children's user and system time that `times` of a shell printed on its second line. */
export function childSeconds(text: string): number | undefined {
  const [, line = ''] = text.trim().split('\n');
  const parts = [...line.matchAll(/(\d+)m([\d.]+)s/g)];
  return parts.length < 2
    ? undefined
    : parts.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
}

/** Waits for the end; throws unless it was a good one. */
async function succeeds(child: Child, withinMs: number = LIMIT_MS): Promise<Exit> {
  const exit = await child.endsWithin(withinMs);
  const fault = child.faultOf(exit);
  if (fault !== undefined) throw new Error(fault);
  return exit;
}

function limitMs(gigabytes: number): number {
  return LIMIT_MS + LIMIT_MS_PER_GIGABYTE * gigabytes;
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}

function secondsOf(servers: readonly LoopbackServer[]): number | undefined {
  const all = servers.map(({ pid }) => threadSeconds(pid));
  return all.includes(undefined) ? undefined : all.reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0);
}
