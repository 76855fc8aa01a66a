// Memory of sessions: clients that stop reading in the midst of much, and sessions that carried a little and are silent now.
// What a server holds for each is the growth of its process, and at Heddle's relay also what its buffers say.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { missingPrograms } from '../machine/programs.ts';
import { ownBytes, threadSeconds } from '../machine/usage.ts';
import { freePort, LOOPBACK, untilListening } from '../machine/ports.ts';
import { startHaproxy, startNginxRelay, startOrigin, startPushSource, startRelay, VIA } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Sample, Section } from './section.ts';
import type { Workbench } from './workbench.ts';

/** More than all buffers on the way hold. */
const STOPPED_BYTES = 1_000_000_000;
const IDLE_BYTES = 262_144;
/** A process that uses less than this of a core has done all it can, */
const QUIET_CORES = 0.02;
/** looked at this often, ms, */
const LOOK_MS = 500;
const MOST_LOOKS = 60;

/** How many sessions, and the bytes that each reads. */
type Load = { readonly sessions: number; readonly read: number };
type Held = LoopbackServer & { readonly admin?: string };

/** Measures what sessions hold. */
export async function memorySection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  const absence = (name: 'nginx' | 'haproxy'): string | undefined =>
    missingPrograms([name]).length === 0 ? undefined : 'absent';
  const relays = [
    { program: 'nginx', absent: absence('nginx'), start: startNginxRelay },
    { program: 'heddle relay', absent: undefined, start: startRelayWithMetrics },
    {
      program: 'haproxy',
      absent: absence('haproxy'),
      start: (scope: DisposableStack, on: Workbench, url: string) => startHaproxy(scope, on, url, false),
    },
  ];
  const cases = [
    { name: 'clients that stopped', bytes: STOPPED_BYTES, read: 1, sessions: 100 },
    { name: 'silent sessions', bytes: IDLE_BYTES, read: IDLE_BYTES, sessions: 1_000 },
  ];
  const object = bench.object(bench.effort.bytes);
  const measurables = cases.flatMap(({ name, bytes, ...load }): Measurable[] => [
    ...relays.map(({ program, absent, start }) => ({
      case: name,
      program,
      absent,
      measure: async () => {
        using scope = bench.teardown.scope();
        const source = await startPushSource(scope, bench);
        const server = await start(scope, bench, source.url);
        return await holding(bench, server, `${VIA}/v1/segments/${bytes}`, load);
      },
    })),
    ...(bytes === STOPPED_BYTES
      ? [
          {
            case: name,
            program: 'heddle origin',
            measure: async () => {
              using scope = bench.teardown.scope();
              const server = await startOrigin(scope, bench, object);
              return await holding(bench, server, `/v1/segments/${object.key}`, load);
            },
          },
        ]
      : []),
  ]);
  return {
    title: 'Memory of sessions',
    reading:
      'Sessions at one time on a new process; growth of its own memory from before the first to when it has nothing to do any ' +
      'more, for each. 100 clients stop with a gigabyte waiting for each; 1,000 sessions have carried 256 KiB and are silent. ' +
      '`npm run sessions` takes 10,000, of which less is what the runtime keeps free.',
    limits:
      'a stopped client costs what is held for it before its upstream is paused; of a silent one are left the objects of two sockets.',
    yardsticks: [
      { program: 'heddle relay', metric: 'bufferKilobytes', most: 2_000, cases: /stopped/ },
      { program: 'heddle relay', metric: 'sessionKilobytes', most: 2_000, cases: /stopped/ },
    ],
    metrics: [
      { key: 'sessionKilobytes', title: 'KB each', digits: 0, compare: true },
      { key: 'bufferKilobytes', title: 'KB of buffers each', digits: 0 },
    ],
    baseline: 'nginx',
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}

async function startRelayWithMetrics(scope: DisposableStack, bench: Workbench, upstream: string): Promise<Held> {
  const port = await freePort();
  const admin = `${LOOPBACK}:${port}`;
  return { ...(await startRelay(scope, bench, upstream, undefined, ['--admin', admin])), admin: `http://${admin}` };
}

async function holding(bench: Workbench, server: Held, path: string, load: Load): Promise<Sample> {
  using scope = bench.teardown.scope();
  // what every program makes at its first session is there before it counts
  await open(scope, bench, server, path, { ...load, sessions: 1 });
  const before = await settledBytes(server.pid);
  await open(scope, bench, server, path, load);
  const after = await settledBytes(server.pid);
  const buffers = server.admin === undefined ? undefined : await bufferBytes(server.admin);
  return {
    sessionKilobytes:
      after === undefined || before === undefined ? undefined : (after - before) / load.sessions / 1_000,
    bufferKilobytes: buffers === undefined ? undefined : buffers / (load.sessions + 1) / 1_000,
  };
}

async function open(
  scope: DisposableStack,
  bench: Workbench,
  { port }: LoopbackServer,
  path: string,
  { sessions, read }: Load,
): Promise<void> {
  const program = join(import.meta.dirname, 'holding-clients.ts');
  const argv = [process.execPath, program, String(port), path, String(sessions), String(read)];
  const clients = bench.start(scope, 'clients', argv);
  await untilListening(clients, () => readFileSync(clients.log, 'utf8').startsWith('open'));
}

/** What the process holds once it has nothing to do any more. */
async function settledBytes(pid: number): Promise<number | undefined> {
  let used = threadSeconds(pid) ?? 0;
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    await sleep(LOOK_MS);
    const now = threadSeconds(pid) ?? 0;
    if (now - used < (QUIET_CORES * LOOK_MS) / 1_000) break;
    used = now;
  }
  return ownBytes(pid);
}

async function bufferBytes(admin: string): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return Number(/^heddle_relay_buffer_bytes (\S+)$/m.exec(text)?.[1]);
}
