// Relays: the same bytes through Heddle's relay, nginx and haproxy, from a source that pushes from memory into a client
// that throws them away.
import { missingPrograms } from '../machine/programs.ts';
import { drain } from './measure.ts';
import { startHaproxy, startNginxRelay, startPushSource, startRelay, VIA } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Section } from './section.ts';
import { THROUGHPUT_METRICS } from './throughput-metrics.ts';
import type { Workbench } from './workbench.ts';

const STREAMS = [1, 3, 50, 500];
const KINDS = [
  { name: 'upgrade', upgrade: true, folder: 'segments' },
  { name: 'GET', upgrade: false, folder: 'objects' },
] as const;

/** Measures relays. */
export async function relaySection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  using scope = bench.teardown.scope();
  const { url } = await startPushSource(scope, bench);
  const noNginx = absence('nginx');
  const noHaproxy = absence('haproxy');
  const relays: { program: string; absent: string | undefined; server: LoopbackServer | undefined }[] = [
    { program: 'heddle', absent: undefined, server: await startRelay(scope, bench, url) },
    {
      program: 'nginx',
      absent: noNginx,
      server: noNginx === undefined ? await startNginxRelay(scope, bench, url) : undefined,
    },
    ...(await Promise.all(
      [false, true].map(async (splice) => ({
        program: splice ? 'haproxy, splice' : 'haproxy',
        absent: noHaproxy,
        server: noHaproxy === undefined ? await startHaproxy(scope, bench, url, splice) : undefined,
      })),
    )),
  ];
  const measurables = KINDS.flatMap((kind) =>
    STREAMS.flatMap((streams) =>
      relays.map(({ program, absent, server }): Measurable => {
        const bytesPerStream = Math.round(bench.effort.bytes / streams);
        const path = `${VIA}/v1/${kind.folder}/${bytesPerStream}`;
        return {
          case: `${kind.name}, ${streams} ${streams === 1 ? 'stream' : 'streams'}`,
          program,
          absent,
          measure: async () => {
            if (server === undefined) return {};
            const order = {
              type: 'bytes',
              port: server.port,
              path,
              streams,
              upgrade: kind.upgrade,
              bytesPerStream,
            } as const;
            return (await drain(bench, order, [server])).sample;
          },
        };
      }),
    ),
  );
  return {
    title: 'Relay',
    reading:
      'CPU of the relay alone. Source, relay and client share the cores, so GB/s is that of the chain. Peak memory grows over ' +
      'the section. With 500 streams each carries little: the handshakes weigh as much as the bytes.',
    limits:
      'reading and writing by the kernel, which copies every byte twice; splice copies none. What Node adds is a callback for ' +
      'each read and each write, so it weighs most where reads are small: with many streams.',
    yardsticks: [
      { program: 'heddle', metric: 'cpuPerGigabyte', to: 'nginx', most: 1.1, cases: /^upgrade, (?:1|3|50) / },
      { program: 'heddle', metric: 'cpuPerGigabyte', to: 'nginx', most: 1.2, cases: /^GET, (?:1|3|50) / },
    ],
    metrics: THROUGHPUT_METRICS,
    baseline: 'nginx',
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}

function absence(program: 'nginx' | 'haproxy'): string | undefined {
  return missingPrograms([program]).length === 0 ? undefined : 'absent';
}
