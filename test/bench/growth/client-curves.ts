// Growth of the client alone: a process of its own that runs transfers with the library and keeps nothing, from an origin
// on the same machine. CPU of every byte and the memory of the process, by what grows.
import { drainClient } from '../data-plane/measure.ts';
import type { ClientOrder } from '../data-plane/client-order.ts';
import { LEAF_BYTES, LIMITS } from '../../../protocol/limits.ts';
import { bytesText, countText } from './amounts.ts';
import type { Curve, Figure } from './curve.ts';
import { pointsOf } from './growth-bench.ts';
import type { GrowthBench, Steps } from './growth-bench.ts';
import { startSparseOrigin, wholeLeaves } from './sparse-object.ts';

const SIZES: Steps = { normal: [1e6, 1e7, 1e8, 1e9, 1e10], full: [1e11] };
/** Segments of an object of BYTES: from the largest segments to the smallest. */
const SEGMENTS: Steps = { normal: [1, 2, 4, 8, 16, 32], full: [] };
const ROUTES: Steps = { normal: [1, 2, 4, 8, 16], full: [64] };
const CONCURRENT: Steps = { normal: [1, 4, 16, 64], full: [256] };
/** Moved for each point, together. */
const BYTES = wholeLeaves(1e9);
/** Each of many transfers takes at least so much. */
const LEAST_PER_TRANSFER = wholeLeaves(8e6);

type Part = Pick<ClientOrder, 'transfers' | 'concurrent' | 'segmentBytes' | 'end'> & { readonly routes: number };

/** Measures transfers by their bytes. */
export async function clientSizeCurve(growth: GrowthBench): Promise<Curve> {
  return {
    title: 'Client: bytes of one transfer',
    by: 'bytes',
    text: bytesText,
    reading:
      'A whole sparse object in segments of 32 KiB, small ones again and again: what a transfer costs to begin and to end is ' +
      'in the figures to the left.',
    figures: figures(
      'What is alive stays at 12 MB (after a collection, 1 to 10 GB); the heap of V8 grows into the room it has, and there ' +
        'are as many slabs as were needed at one time. A byte for each segment that came is 30 MB for a terabyte.',
    ),
    points: await pointsOf(growth, SIZES, async (bytes, scope) => {
      const size = wholeLeaves(bytes);
      const { server, object } = await startSparseOrigin(scope, growth.bench, size);
      const transfers = Math.max(1, Math.round(BYTES / 5 / size));
      const part = { transfers, concurrent: 1, segmentBytes: LEAF_BYTES, first: 0, end: size };
      return await valuesOf(growth, { ...part, key: object.key, routes: [server.url] });
    }),
  };
}

/** Measures transfers by their segments. */
export async function clientSegmentsCurve(growth: GrowthBench): Promise<Curve> {
  return await ofOneObject(growth, SEGMENTS, {
    title: 'Client: segments of one transfer',
    by: 'segments',
    text: (parts) => countText(Math.ceil(BYTES / LIMITS.maxSegmentBytes) * parts),
    reading: `${bytesText(BYTES)} in segments from 1 MiB to 32 KiB: the same bytes in more and more pieces.`,
    figures: figures(),
    part: (parts) => ({
      transfers: 1,
      concurrent: 1,
      segmentBytes: LIMITS.maxSegmentBytes / parts,
      end: BYTES,
      routes: 1,
    }),
  });
}

/** Measures transfers by their routes. */
export async function clientRoutesCurve(growth: GrowthBench): Promise<Curve> {
  return await ofOneObject(growth, ROUTES, {
    title: 'Client: routes of one transfer',
    by: 'routes',
    text: countText,
    reading: `${bytesText(BYTES)} over as many routes at one time, all to one origin on this machine: none is really faster.`,
    figures: figures(
      'Each channel has a slab that it reads into, and a window that may be outstanding.',
      'Every channel gets every pattern, and a read brings less where more connections share what comes.',
    ),
    part: (routes) => ({ transfers: 1, concurrent: 1, segmentBytes: LEAF_BYTES, end: BYTES, routes }),
  });
}

/** Measures processes by the transfers that they run at one time. */
export async function clientTransfersCurve(growth: GrowthBench): Promise<Curve> {
  return await ofOneObject(growth, CONCURRENT, {
    title: 'Client: transfers at one time in one process',
    by: 'transfers',
    text: countText,
    reading: `${bytesText(BYTES)} together, but ${bytesText(LEAST_PER_TRANSFER)} for each transfer at least. Memory is that of the process.`,
    figures: figures(
      'Every transfer has buffers and a thread of its own once it has moved 16 MB.',
      'Patterns, PINGs and ticks are so many per second of each transfer, and each takes longer; a loop that all share looks ' +
        'like a long path, so they open more connections than one would.',
    ),
    part: (concurrent) => {
      const end = Math.max(LEAST_PER_TRANSFER, wholeLeaves(BYTES / concurrent));
      return { transfers: concurrent, concurrent, segmentBytes: LEAF_BYTES, end, routes: 1 };
    },
  });
}

function figures(memory?: string, cpu?: string): Figure[] {
  return [
    { title: 'CPU-s/GB', digits: 2, judged: true, ...(cpu === undefined ? {} : { because: cpu }) },
    { title: 'GB/s', digits: 2 },
    { title: 'peak MB', digits: 0, judged: true, ...(memory === undefined ? {} : { because: memory }) },
  ];
}

async function ofOneObject(
  growth: GrowthBench,
  steps: Steps,
  { part, ...form }: Omit<Curve, 'points'> & { readonly part: (at: number) => Part },
): Promise<Curve> {
  using all = growth.bench.teardown.scope();
  const { server, object } = await startSparseOrigin(all, growth.bench, BYTES);
  const points = await pointsOf(growth, steps, (at) => {
    const { routes, ...rest } = part(at);
    return valuesOf(growth, {
      ...rest,
      key: object.key,
      first: 0,
      routes: Array.from({ length: routes }, () => server.url),
    });
  });
  return { ...form, points };
}

async function valuesOf({ bench }: GrowthBench, order: ClientOrder): Promise<(number | undefined)[]> {
  const { sample } = await drainClient(bench, order, []);
  return [sample.cpuPerGigabyte, sample.gigabytesPerSecond, sample.peakMegabytes];
}
