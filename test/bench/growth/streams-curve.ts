// Growth with the transfers at one time: an origin and a relay that carry the same bytes to more and more of them.
import type { DrainOrder } from '../data-plane/drain-order.ts';
import { startOrigin, startPushSource, startRelay, VIA } from '../data-plane/loopback-servers.ts';
import type { LoopbackServer } from '../data-plane/loopback-servers.ts';
import { drain } from '../data-plane/measure.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { countText } from './amounts.ts';
import type { Curve, Figure } from './curve.ts';
import { pointsOf } from './growth-bench.ts';
import type { GrowthBench, Steps } from './growth-bench.ts';

const STREAMS: Steps = { normal: [1, 10, 100, 500], full: [2_000] };
const FIGURES: readonly Figure[] = [
  {
    title: 'CPU-s/GB',
    digits: 3,
    judged: true,
    because: 'Reads and writes are smaller where more streams share the buffers, and beginning a session weighs more.',
  },
  { title: 'GB/s', digits: 2 },
  { title: 'peak MB', digits: 0, judged: true, because: 'Each stream has buffers of its own while it carries.' },
];
const READING =
  'The same bytes in all, but 4 MB for each stream at least: what is fixed per session (handshake, HELLO, first proof, about ' +
  'a millisecond of a cold process) weighs more to the right. Memory is the largest resident size so far.';
const LEAST_PER_STREAM = 4_000_000;

type StreamCase = { readonly server: LoopbackServer; order(streams: number): DrainOrder };

/** Measures an origin by its channels. */
export async function originStreamsCurve(growth: GrowthBench): Promise<Curve> {
  const { bench } = growth;
  using scope = bench.teardown.scope();
  const object = bench.object(bench.effort.bytes);
  const server = await startOrigin(scope, bench, object);
  const order = (streams: number): DrainOrder => ({
    type: 'channel',
    port: server.port,
    path: `/v1/segments/${object.key}`,
    streams,
    segmentBytes: LEAF_BYTES,
    segments: Math.floor(Math.max(object.bytes / streams, LEAST_PER_STREAM) / LEAF_BYTES),
  });
  return await curveOf('Transfers at one time, origin', { server, order }, growth);
}

/** Measures a relay by its sessions. */
export async function relayStreamsCurve(growth: GrowthBench): Promise<Curve> {
  const { bench } = growth;
  using scope = bench.teardown.scope();
  const server = await startRelay(scope, bench, (await startPushSource(scope, bench)).url);
  const order = (streams: number): DrainOrder => {
    const bytesPerStream = Math.round(Math.max(bench.effort.bytes / streams, LEAST_PER_STREAM));
    const path = `${VIA}/v1/segments/${bytesPerStream}`;
    return { type: 'bytes', upgrade: true, port: server.port, path, streams, bytesPerStream };
  };
  return await curveOf('Transfers at one time, relay', { server, order }, growth);
}

async function curveOf(title: string, { server, order }: StreamCase, growth: GrowthBench): Promise<Curve> {
  // once for nothing: what is measured first would pay for the start
  await drain(growth.bench, order(1), [server]);
  const points = await pointsOf(growth, STREAMS, async (streams) => {
    const { sample } = await drain(growth.bench, order(streams), [server]);
    return [sample.cpuPerGigabyte, sample.gigabytesPerSecond, sample.peakMegabytes];
  });
  return { title, by: 'streams', text: countText, reading: READING, figures: FIGURES, points };
}
