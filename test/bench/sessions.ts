// `npm run sessions`: one relay with many idle sessions and some active ones: user-space memory of an idle session, delay of
// the event loop, time of a scrape, and whether the active ones got what they were sent. Exits 1 above the lines.
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOptions, whole } from '../support/script-options.ts';
import { threadSeconds } from './machine/usage.ts';
import { ACTIVE, IDLE, IDLE_BYTES, PIECE_BYTES } from './sessions/load.ts';

/** The lines. */
const MOST_BYTES_PER_IDLE = 65_536;
const MOST_DELAY_MS = 50;
const MOST_SCRAPE_MS = 50;
/** The active ones must get this part of what they are sent. */
const LEAST_SHARE = 0.9;

/** Open files that the programs are allowed where the system lets them. A session of a relay takes two. */
const FILES = 65_536;
const FILES_BESIDE_SESSIONS = 100;
const CLI = join(import.meta.dirname, '../../client/cli.ts');
const SETTLE_MS = 10_000;
const SCRAPES = 20;
const SCRAPE_EVERY_MS = 200;

const {
  idle: wanted,
  active,
  seconds,
} = readOptions('npm run sessions --', {
  idle: whole(10_000, 'sessions that have carried something and are silent', 1),
  active: whole(500, 'sessions that carry something all the time', 1),
  seconds: whole(20, 'to look at the event loop', 1),
});

type Part = { readonly pid: number; line(): Promise<string>; ask(): Promise<string> };

using children = new DisposableStack();
process.once('exit', () => children.dispose());

const holder = start([join(import.meta.dirname, 'sessions/holder.ts')]);
const upstream = Number(await holder.line());
const relay = start([
  ...[CLI, 'relay', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--insecure-open'],
  ...['--upstream', `main=http://127.0.0.1:${upstream}`],
]);
const [, port = '', admin = ''] = / on http:\S+:(\d+) \(admin on (\S+)\)/.exec(await relay.line()) ?? [];

const files = filesAllowed(relay.pid);
const room = Math.floor((files - FILES_BESIDE_SESSIONS) / 2) - active;
const idle = Math.min(wanted, room);
if (idle < wanted) {
  const why = `a process may open ${files} files here (ulimit -Hn), and each session takes two`;
  console.log(`${idle} idle sessions instead of ${wanted} beside the ${active} active ones: ${why}`);
}

const actives = await crowd(ACTIVE, active, PIECE_BYTES);
await sleep(SETTLE_MS);
const before = memoryOf(relay.pid);
await crowd(IDLE, idle, IDLE_BYTES);
await sleep(SETTLE_MS);
const after = memoryOf(relay.pid);

// the delay is that of the time between two scrapes
await scrape();
const cpuBefore = cpuSeconds(relay.pid);
const [sentBefore, bytesBefore] = [Number(await holder.ask()), Number(await actives.ask())];
const startedAt = performance.now();
await sleep(seconds * 1_000);
const passed = (performance.now() - startedAt) / 1_000;
const sent = Number(await holder.ask()) - sentBefore;
const carried = Number(await actives.ask()) - bytesBefore;
const cores = (cpuSeconds(relay.pid) - cpuBefore) / passed;
const { delayMs } = await scrape();

const scrapeCpuBefore = cpuSeconds(relay.pid);
const scrapedAt = performance.now();
const scrapeMs: number[] = [];
for (let count = 0; count < SCRAPES; count += 1) {
  scrapeMs.push((await scrape()).ms);
  await sleep(SCRAPE_EVERY_MS);
}
const beside = (cores * (performance.now() - scrapedAt)) / 1_000;
const scrapeCpuMs = ((cpuSeconds(relay.pid) - scrapeCpuBefore - beside) / SCRAPES) * 1_000;
scrapeMs.sort((a, b) => a - b);
const [middle = Number.NaN, late = Number.NaN] = [scrapeMs[SCRAPES / 2], scrapeMs[Math.floor(SCRAPES * 0.95) - 1]];

const perIdle = (after - before) / idle;
const share = carried / sent;
console.log(
  `${idle} idle and ${active} active sessions on one relay, ${passed.toFixed(0)} s, ${cores.toFixed(2)} cores`,
);
const misses = [
  verdict('memory of an idle session', perIdle / 1_024, MOST_BYTES_PER_IDLE / 1_024, 'KB'),
  verdict('event-loop delay, 99th percentile', delayMs, MOST_DELAY_MS, 'ms'),
  verdict('scrape, 95th percentile', late, MOST_SCRAPE_MS, 'ms'),
  verdict('active sessions left without', 100 * (1 - share), 100 * (1 - LEAST_SHARE), '%'),
].filter((kept) => !kept).length;
console.log(
  `the relay: ${(before / 1e6).toFixed(0)} MB with the active, ${(after / 1e6).toFixed(0)} MB with all; scrape, median ` +
    `${middle.toFixed(1)} ms, of which ${scrapeCpuMs.toFixed(1)} ms of its processor; active sessions got ` +
    `${(carried / passed / 1e6).toFixed(1)} MB/s`,
);
process.exit(misses === 0 ? 0 : 1);

function verdict(what: string, value: number, most: number, unit: string): boolean {
  const kept = value <= most;
  console.log(`${kept ? 'ok  ' : 'MISS'} ${what}: ${value.toFixed(1)} ${unit} (at most ${most.toFixed(0)})`);
  return kept;
}

async function crowd(path: string, count: number, awaited: number): Promise<Part> {
  const part = start([join(import.meta.dirname, 'sessions/crowd.ts'), port, path, `${count}`, `${awaited}`]);
  if ((await part.line()) !== 'open') throw new Error('the sessions could not be opened');
  return part;
}

async function scrape(): Promise<{ ms: number; delayMs: number }> {
  const at = performance.now();
  const text = await (await fetch(`${admin}/metrics`)).text();
  const ms = performance.now() - at;
  return { ms, delayMs: Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]) * 1_000 };
}

/** A program of Node with enough open files. */
function start(args: readonly string[]): Part {
  const command = ['-c', `ulimit -n ${FILES} 2>/dev/null; exec "$@"`, 'sh', process.execPath, ...args];
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn('sh', command, {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.defer(() => child.kill('SIGKILL'));
  const lines: Interface = createInterface(child.stdout);
  const line = async (): Promise<string> => {
    const [text] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown];
    if (typeof text !== 'string') throw new Error(`${args[0]} ended`);
    return text;
  };
  const ask = (): Promise<string> => {
    child.stdin.write('\n');
    return line();
  };
  return { pid: child.pid ?? 0, line, ask };
}

/** Resident memory of its own, without files and what is shared; bytes. */
function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
}

function cpuSeconds(pid: number): number {
  return threadSeconds(pid) ?? Number.NaN;
}

function filesAllowed(pid: number): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? Number.NaN);
}
