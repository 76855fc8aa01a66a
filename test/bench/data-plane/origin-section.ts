// Origins: the same file from the page cache and from the disk by nginx with sendfile, by Heddle's plain HTTP, and by
// Heddle's channels; beside them the writing of so many bytes that lie in memory anyway.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, missingPrograms } from '../machine/programs.ts';
import type { ReferenceObject } from '../machine/work-folder.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { drain } from './measure.ts';
import type { DrainOrder } from './drain-order.ts';
import { startNginxFiles, startOrigin, startPushSource } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Row, Section } from './section.ts';
import { THROUGHPUT_METRICS } from './throughput-metrics.ts';
import type { Workbench } from './workbench.ts';

const STREAMS = [1, 3, 50, 500];
const SEGMENT_BYTES = [32_768, 65_536, 262_144, 1_048_576];
const DISK_SEGMENT_BYTES = [32_768, 1_048_576];
/** As much at once as a channel of the origin writes, from as much memory as it keeps blocks in. */
const WRITES = ['--piece', '262144', '--memory', '16777216'];
/** What statfs says of file systems in memory. */
const MEMORY_TYPE = 0x0102_1994;

type Served = { readonly nginx: LoopbackServer | undefined; readonly heddle: LoopbackServer };

/** Measures origins. */
export async function originSection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  const object = bench.object(bench.effort.bytes);
  const rows = [...(await fromMemory(bench, object, progress)), ...(await fromDisk(bench, object, progress))];
  return {
    title: 'Origin',
    reading:
      'CPU of the origin alone, the file in memory unless said; several streams read the same beginning of it, so reads can be ' +
      'shared. nginx hands pages to the kernel without looking at them. "writes alone" pushes what lies in its memory: no ' +
      'program that reads into buffers can do with less. "from disk": the page cache was emptied of the file before.',
    limits:
      'two copies by the kernel, out of the page cache and into the socket, where sendfile makes one; then a frame and a ' +
      'decision for each segment, which large segments have fewer of. Streams that read the same share the reads.',
    yardsticks: [
      {
        program: 'heddle, 32 KiB segments',
        metric: 'cpuPerGigabyte',
        most: 0.45,
        cases: /^(?:1|3|50) streams?$/,
      },
      {
        program: 'heddle, 32 KiB segments',
        metric: 'cpuPerGigabyte',
        to: 'writes alone',
        most: 1.3,
        cases: /^50 streams$/,
      },
    ],
    metrics: THROUGHPUT_METRICS,
    baseline: 'nginx',
    rows,
  };
}

async function fromMemory(bench: Workbench, object: ReferenceObject, progress: (line: string) => void): Promise<Row[]> {
  using scope = bench.teardown.scope();
  const served = await serve(scope, bench, object);
  const memory = await startPushSource(scope, bench, undefined, WRITES);
  const measurables = STREAMS.flatMap((streams) => {
    const bytesPerStream = bytesOf(bench, streams);
    const pushed: DrainOrder = {
      type: 'bytes',
      port: memory.port,
      path: `/${bytesPerStream}`,
      streams,
      upgrade: true,
      bytesPerStream,
    };
    const name = `${streams} ${streams === 1 ? 'stream' : 'streams'}`;
    return [
      ...programs(bench, { name, streams, object, segments: SEGMENT_BYTES }, served),
      { case: name, program: 'writes alone', measure: async () => (await drain(bench, pushed, [memory])).sample },
    ];
  });
  return await takeTurns(measurables, bench.effort.repetitions, progress);
}

async function fromDisk(bench: Workbench, object: ReferenceObject, progress: (line: string) => void): Promise<Row[]> {
  using scope = bench.teardown.scope();
  const name = 'from disk, 1 stream';
  const folder = mkdtempSync(join(tmpdir(), 'heddle-bench-disk-'));
  scope.defer(() => rmSync(folder, { recursive: true, force: true }));
  if (statfsSync(folder).type === MEMORY_TYPE) {
    return [{ case: name, program: 'all', samples: [], absent: 'temporary files are kept in memory here' }];
  }
  const forget = findProgram('dd');
  if (forget === undefined) return [{ case: name, program: 'all', samples: [], absent: 'there is no dd' }];
  const path = join(folder, object.key);
  copyFileSync(object.path, path);
  const served = await serve(scope, bench, { ...object, folder, path });
  const measurables = programs(bench, { name, streams: 1, object, segments: DISK_SEGMENT_BYTES }, served).map(
    (measurable) => ({
      ...measurable,
      measure: async () => {
        // dd asks the system to forget the pages of the file, and copies nothing
        spawnSync(forget, [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
        return await measurable.measure();
      },
    }),
  );
  return await takeTurns(measurables, bench.effort.repetitions, progress);
}

async function serve(scope: DisposableStack, bench: Workbench, object: ReferenceObject): Promise<Served> {
  const isThere = missingPrograms(['nginx']).length === 0;
  return {
    nginx: isThere ? await startNginxFiles(scope, bench, object) : undefined,
    heddle: await startOrigin(scope, bench, object),
  };
}

/** The case of one number of streams by every program. */
function programs(
  bench: Workbench,
  about: {
    readonly name: string;
    readonly streams: number;
    readonly object: ReferenceObject;
    readonly segments: readonly number[];
  },
  { nginx, heddle }: Served,
): Measurable[] {
  const { name, streams, object, segments } = about;
  const bytesPerStream = bytesOf(bench, streams);
  const range = { type: 'range', streams, bytesPerStream } as const;
  const measured = (program: string, server: LoopbackServer | undefined, order: DrainOrder): Measurable => ({
    case: name,
    program,
    absent: server === undefined ? 'absent' : undefined,
    measure: async () => (server === undefined ? {} : (await drain(bench, order, [server])).sample),
  });
  return [
    measured('nginx', nginx, { ...range, port: nginx?.port ?? 0, path: `/${object.key}` }),
    measured('heddle GET', heddle, { ...range, port: heddle.port, path: `/v1/objects/${object.key}` }),
    ...segments.map((segmentBytes) =>
      measured(`heddle, ${segmentBytes / 1024} KiB segments`, heddle, {
        type: 'channel',
        port: heddle.port,
        path: `/v1/segments/${object.key}`,
        streams,
        segmentBytes,
        segments: Math.max(1, Math.floor(bytesPerStream / segmentBytes)),
      }),
    ),
  ];
}

function bytesOf(bench: Workbench, streams: number): number {
  return Math.floor(bench.effort.bytes / streams / LEAF_BYTES) * LEAF_BYTES;
}
