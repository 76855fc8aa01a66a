// Origins: the same file from the page cache by nginx with sendfile, by Heddle's plain HTTP, and by Heddle's channels.
import { missingPrograms } from '../machine/programs.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { drain } from './measure.ts';
import type { DrainOrder } from './drain-order.ts';
import { startNginxFiles, startOrigin } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Section } from './section.ts';
import { THROUGHPUT_METRICS } from './throughput-metrics.ts';
import type { Workbench } from './workbench.ts';

const STREAMS = [1, 3, 50];
const SEGMENT_BYTES = [32_768, 262_144, 1_048_576];

/** Measures origins. */
export async function originSection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  using scope = bench.teardown.scope();
  const object = bench.object(bench.effort.bytes);
  const absent = missingPrograms(['nginx']).length === 0 ? undefined : 'absent';
  const nginx = absent === undefined ? await startNginxFiles(scope, bench, object) : undefined;
  const heddle = await startOrigin(scope, bench, object);
  const measured = (
    program: string,
    streams: number,
    server: LoopbackServer | undefined,
    order: DrainOrder,
  ): Measurable => ({
    case: `${streams} ${streams === 1 ? 'stream' : 'streams'}`,
    program,
    absent: server === undefined ? absent : undefined,
    measure: async () => (server === undefined ? {} : (await drain(bench, order, [server])).sample),
  });
  const measurables = STREAMS.flatMap((streams) => {
    const bytesPerStream = Math.floor(bench.effort.bytes / streams / LEAF_BYTES) * LEAF_BYTES;
    const range = { type: 'range', streams, bytesPerStream } as const;
    return [
      measured('nginx', streams, nginx, { ...range, port: nginx?.port ?? 0, path: `/${object.key}` }),
      measured('heddle GET', streams, heddle, { ...range, port: heddle.port, path: `/v1/objects/${object.key}` }),
      ...SEGMENT_BYTES.map((segmentBytes) =>
        measured(`heddle, ${segmentBytes / 1024} KiB segments`, streams, heddle, {
          type: 'channel',
          port: heddle.port,
          path: `/v1/segments/${object.key}`,
          streams,
          segmentBytes,
          segments: Math.max(1, Math.floor(bytesPerStream / segmentBytes)),
        }),
      ),
    ];
  });
  return {
    title: 'Origin',
    reading:
      'CPU of the origin alone, the file in memory; several streams read the same beginning of it, so reads can be shared. ' +
      'nginx hands pages to the kernel without looking at them.',
    metrics: THROUGHPUT_METRICS,
    baseline: 'nginx',
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}
