// Control under load, on the one channel that carries the data and is kept full: how long a PING takes to come back, which
// is the way of a frame to an origin that acts on it and back, and how long a new pattern takes to show at the client.
import { quantile } from '../report/statistics.ts';
import type { DrainOrder } from './drain-order.ts';
import { startOrigin, startRelay, VIA } from './loopback-servers.ts';
import type { LoopbackServer } from './loopback-servers.ts';
import { drain } from './measure.ts';
import { takeTurns } from './section.ts';
import type { Measurable, Section } from './section.ts';
import type { Workbench } from './workbench.ts';

const SEGMENT_BYTES = 32_768;
/** Within what an origin lets a client send. */
const STEER_EVERY_MS = 6;
const WINDOW_BYTES = [262_144, 1_048_576, 4_194_304, undefined];

/** Measures both by window. */
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
        steerEveryMs: STEER_EVERY_MS,
        ...(windowBytes === undefined ? {} : { windowSegments: windowBytes / SEGMENT_BYTES }),
      };
      return {
        case: name,
        program: windowBytes === undefined ? 'no window' : `window of ${windowBytes / 1024} KiB`,
        measure: async () => {
          const { answer, sample } = await drain(bench, order, [server]);
          return {
            effectMs: quantile(answer.effectMs, 0.5),
            highEffectMs: quantile(answer.effectMs, 0.99),
            pongMs: quantile(answer.pongMs, 0.5),
            highPongMs: quantile(answer.pongMs, 0.99),
            gigabytesPerSecond: sample['gigabytesPerSecond'],
          };
        },
      };
    }),
  );
  return {
    title: 'Control under load',
    reading:
      'On the one channel that carries the data, a new pattern with a PING behind it every 6 ms. Pattern: from its writing at ' +
      'the client to the end of the first segment sent under it: all that was outstanding has to pass before.',
    limits:
      'what is outstanding: without a window megabytes lie in the buffers of the kernel, and control waits behind them.',
    yardsticks: [
      { program: 'window of 1024 KiB', metric: 'effectMs', most: 2 },
      { program: 'window of 1024 KiB', metric: 'highEffectMs', most: 15 },
    ],
    metrics: [
      { key: 'effectMs', title: 'pattern, median ms', digits: 2 },
      { key: 'highEffectMs', title: '99 % ms', digits: 2 },
      { key: 'pongMs', title: 'PING, median ms', digits: 2 },
      { key: 'highPongMs', title: '99 % ms', digits: 2 },
      { key: 'gigabytesPerSecond', title: 'GB/s', digits: 2 },
    ],
    baseline: undefined,
    rows: await takeTurns(measurables, bench.effort.repetitions, progress),
  };
}
