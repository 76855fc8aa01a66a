// Control under load: how long a PING takes to come back on a channel that is kept full, which is how long a new pattern
// takes to have an effect.
import { quantile } from '../report/statistics.ts';
import type { DrainOrder } from './drain-order.ts';
import { startOrigin, startRelay, VIA } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { drain } from './measure.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Section } from './section.ts';
import type { Workbench } from './workbench.ts';

const SEGMENT_BYTES = 32_768;
const PING_EVERY_MS = 5;
const WINDOW_BYTES = [262_144, 1_048_576, 4_194_304, undefined];

/** Measures PING to PONG by window. */
export async function controlSection(bench: Workbench, progress: (line: string) => void): Promise<Section> {
  using scope = bench.teardown.scope();
  const object = bench.object(bench.effort.bytes);
  const origin = await startOrigin(scope, bench, object);
  const relay = await startRelay(scope, bench, origin.url);
  const ways: { name: string; server: LoopbackServer; path: string }[] = [
    { name: 'no relay', server: origin, path: `/v1/segments/${object.key}` },
    { name: 'one relay', server: relay, path: `${VIA}/v1/segments/${object.key}` },
  ];
  const measurables = ways.flatMap(({ name, server, path }) =>
    WINDOW_BYTES.map((windowBytes): Measurable => {
      const order: DrainOrder = {
        type: 'channel',
        port: server.port,
        path,
        streams: 1,
        segmentBytes: SEGMENT_BYTES,
        segments: Math.floor(object.bytes / SEGMENT_BYTES),
        pingEveryMs: PING_EVERY_MS,
        ...(windowBytes === undefined ? {} : { windowSegments: windowBytes / SEGMENT_BYTES }),
      };
      return {
        case: name,
        program: windowBytes === undefined ? 'no window' : `window of ${windowBytes / 1024} KiB`,
        measure: async () => {
          const { answer, sample } = await drain(bench, order, [server]);
          return {
            medianMs: quantile(answer.pongMs, 0.5),
            highMs: quantile(answer.pongMs, 0.99),
            gigabytesPerSecond: sample['gigabytesPerSecond'],
          };
        },
      };
    }),
  );
  return {
    title: 'Control under load',
    reading: 'PING to PONG on the one channel that carries the data; what is outstanding has to pass first.',
    limits:
      'what is outstanding: without a window megabytes lie in the buffers of the kernel, and control waits behind them.',
    yardsticks: [
      { program: 'window of 1024 KiB', metric: 'medianMs', most: 2 },
      { program: 'window of 1024 KiB', metric: 'highMs', most: 15 },
    ],
    metrics: [
      { key: 'medianMs', title: 'median ms', digits: 2 },
      { key: 'highMs', title: '99th percentile ms', digits: 2 },
      { key: 'gigabytesPerSecond', title: 'GB/s', digits: 2 },
    ],
    baseline: undefined,
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}
