// Growth with the size of one object: its end, fetched from a sparse file through a relay. What an object needs before its
// first byte (manifest, proofs, the origin's start) must not grow with it, and no byte of a large one may cost more.
import { drainClient, timeToFirstByte } from '../data-plane/measure.ts';
import { startRelay, VIA } from '../data-plane/loopback-servers.ts';
import { usageOf } from '../machine/usage.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { median } from '../report/statistics.ts';
import { bytesText } from './amounts.ts';
import type { Curve } from './curve.ts';
import { pointsOf } from './growth-bench.ts';
import type { GrowthBench, Steps } from './growth-bench.ts';
import { startSparseOrigin, wholeLeaves } from './sparse-object.ts';

const SIZES: Steps = { normal: [1e6, 1e7, 1e8, 1e9, 1e10, 1e11], full: [1e12] };
/** What is fetched of one: the end, which is the farthest from what is stored first. */
const PART_BYTES = 1e8;
/** Small ones are fetched so often that as many bytes come. */
const BYTES = 2e8;
const FIRST_BYTES = 5;

/** Measures objects. */
export async function sizeCurve(growth: GrowthBench): Promise<Curve> {
  return {
    title: 'Size of one object',
    by: 'object',
    text: bytesText,
    reading:
      `The last ${bytesText(PART_BYTES)} of a sparse file, or all of it, through a relay and verified, by the library in a warm ` +
      'process, again and again. First byte: of the last megabyte, by `heddle get --range` through the relay, start included.',
    figures: [
      {
        title: 'client CPU-s/GB',
        digits: 2,
        judged: true,
      },
      { title: 'relay CPU-s/GB', digits: 2, judged: true },
      { title: 'origin CPU-s/GB', digits: 2, judged: true },
      { title: 'first byte s', digits: 2, judged: true },
      { title: 'client peak MB', digits: 0, judged: true },
      { title: 'origin peak MB', digits: 0, judged: true },
    ],
    points: await pointsOf(growth, SIZES, (size, scope) => measureSize(growth, wholeLeaves(size), scope)),
  };
}

async function measureSize({ bench }: GrowthBench, size: number, scope: DisposableStack) {
  const { server: origin, object } = await startSparseOrigin(scope, bench, size);
  const relay = await startRelay(scope, bench, origin.url);
  const route = `${relay.url}${VIA}`;
  const part = Math.min(size, wholeLeaves(PART_BYTES));
  const transfers = Math.ceil(BYTES / part);
  const order = { key: object.key, segmentBytes: LEAF_BYTES, first: size - part, end: size, transfers, concurrent: 1 };
  const { sample, serversCpu } = await drainClient(bench, { ...order, routes: [route] }, [relay, origin]);
  const range = `${Math.max(0, size - 1_048_576)}-${size - 1}`;
  const get = bench.heddle('get', object.key, '-o', '-', '--quiet', '--range', range, '--route', `way=${route}`);
  const firsts: number[] = [];
  for (let turn = 0; turn < FIRST_BYTES; turn += 1) firsts.push(await timeToFirstByte(bench, get));
  const originPeak = (usageOf(origin.pid)?.peakBytes ?? Number.NaN) / 1e6;
  return [sample.cpuPerGigabyte, ...serversCpu, median(firsts), sample.peakMegabytes, originPeak];
}
