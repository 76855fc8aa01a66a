// Growth of an origin's first start with the bytes that it has to hash: a sparse file that nothing is known of, until the
// origin says that all is indexed, or for as long as shows what the rest of a very large one takes.
import { setTimeout as sleep } from 'node:timers/promises';
import { wholeLeaves, sparseObject } from './sparse-object.ts';
import { bytesText } from './amounts.ts';
import type { Workbench } from '../data-plane/workbench.ts';
import type { Curve, Point } from './curve.ts';
import { pointsOf } from './growth-bench.ts';
import type { GrowthBench, Steps } from './growth-bench.ts';
import { startIndexing } from './indexing-origin.ts';
import type { IndexingOrigin } from './indexing-origin.ts';

/** ms between two looks at what was read. */
const LOOK_MS = 50;
/** The smallest is read in one piece; below that the start of the program is all that is seen. */
const SIZES: Steps = { normal: [1e8, 1e9, 1e10, 1e12], full: [1e11] };
/** The largest that is hashed to its end; of larger ones a part, after a start that is not counted. */
const WHOLE_BYTES = 1e11;
const PART_BYTES = 2e10;
const WARM_BYTES = 2e9;

/** Measures first starts. */
export async function hashCurve({ bench, ...growth }: GrowthBench): Promise<Curve> {
  return {
    title: 'Bytes that an origin hashes at its first start',
    by: 'object',
    text: bytesText,
    reading:
      'Reading a sparse file takes the kernel little time and the disk none: this is the cost of hashing, on two threads by ' +
      'default. Above 1 GB the origin listens before it has begun; what is asked for meanwhile is hashed first. Of 1 TB 20 GB ' +
      'are hashed, behind the first two: every MiB is read, hashed and stored in the same way, whatever came before it; what ' +
      'grows is the tree, 64 bytes on the disk for each leaf and one open node for each of its levels.',
    figures: [
      { title: 'CPU-s/GB', digits: 3, judged: true },
      { title: 'GB/s', digits: 2 },
      { title: 'listens after s', digits: 2, judged: true, because: 'Up to 1 GB it waits until all is hashed.' },
      { title: 'minutes for 1 TB', digits: 0 },
      { title: 'peak MB', digits: 0, judged: true },
    ],
    points: await pointsOf({ bench, ...growth }, SIZES, (bytes, scope) => measured(bench, wholeLeaves(bytes), scope)),
  };
}

async function measured(bench: Workbench, size: number, scope: DisposableStack): Promise<Point['values']> {
  const { folder: dir } = sparseObject(bench.newFolder('hash', scope), size);
  const startedAt = performance.now();
  const origin = await startIndexing(scope, bench, dir, bench.newFolder('hash-state', scope));
  const { gigabytes, seconds, cpuSeconds } =
    size > WHOLE_BYTES ? await partOf(origin) : await wholeOf(origin, size, startedAt);
  const minutesForTerabyte = ((seconds / gigabytes) * 1_000) / 60;
  const rates = [cpuSeconds / gigabytes, gigabytes / seconds];
  const values = [...rates, origin.listenedAfter, minutesForTerabyte, origin.peakMegabytes()];
  await origin.stop();
  return values;
}

type Hashed = { readonly gigabytes: number; readonly seconds: number; readonly cpuSeconds: number };

async function wholeOf(origin: IndexingOrigin, size: number, startedAt: number): Promise<Hashed> {
  await origin.untilIndexed();
  const seconds = (performance.now() - startedAt) / 1_000;
  return { gigabytes: size / 1e9, seconds, cpuSeconds: origin.cpuSeconds() };
}

/** What lies between two of its reads: leaves are hashed as they are read, and a few MiB wait. */
async function partOf(origin: IndexingOrigin): Promise<Hashed> {
  await untilRead(origin, WARM_BYTES);
  const before = { read: origin.readBytes(), cpu: origin.cpuSeconds(), at: performance.now() };
  await untilRead(origin, WARM_BYTES + PART_BYTES);
  return {
    gigabytes: (origin.readBytes() - before.read) / 1e9,
    seconds: (performance.now() - before.at) / 1_000,
    cpuSeconds: origin.cpuSeconds() - before.cpu,
  };
}

async function untilRead(origin: IndexingOrigin, bytes: number): Promise<void> {
  // where the system does not say what was read, it is not a number and never less
  while (origin.readBytes() < bytes) await sleep(LOOK_MS);
}
