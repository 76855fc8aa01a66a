// Growth of an origin's first start with the bytes that it has to hash: a sparse file that nothing is known of, until the
// origin says that all is indexed.
import { wholeLeaves, sparseObject } from './sparse-object.ts';
import { bytesText } from './amounts.ts';
import type { Curve } from './curve.ts';
import { pointsOf } from './growth-bench.ts';
import type { GrowthBench, Steps } from './growth-bench.ts';
import { startIndexing } from './indexing-origin.ts';

/** The smallest is read in one piece; below that the start of the program is all that is seen. */
const SIZES: Steps = { normal: [1e8, 1e9, 1e10], full: [1e11] };

/** Measures first starts. */
export async function hashCurve({ bench, ...growth }: GrowthBench): Promise<Curve> {
  return {
    title: 'Bytes that an origin hashes at its first start',
    by: 'object',
    text: bytesText,
    reading:
      'Reading a sparse file takes the kernel little time and the disk none: this is the cost of hashing, on two threads by ' +
      'default. Above 1 GB the origin listens before it has begun; what is asked for meanwhile is hashed first.',
    figures: [
      { title: 'CPU-s/GB', digits: 3, judged: true },
      { title: 'GB/s', digits: 2 },
      { title: 'listens after s', digits: 2, judged: true, because: 'Up to 1 GB it waits until all is hashed.' },
      { title: 'minutes for 1 TB', digits: 0 },
      { title: 'peak MB', digits: 0, judged: true },
    ],
    points: await pointsOf({ bench, ...growth }, SIZES, async (bytes, scope) => {
      const folder = bench.newFolder('hash', scope);
      const size = wholeLeaves(bytes);
      const { folder: dir } = sparseObject(folder, size);
      const startedAt = performance.now();
      const origin = await startIndexing(scope, bench, dir, bench.newFolder('hash-state', scope));
      await origin.untilIndexed();
      const seconds = (performance.now() - startedAt) / 1_000;
      const gigabytes = size / 1e9;
      const minutesForTerabyte = ((seconds / gigabytes) * 1_000) / 60;
      const values = [origin.cpuSeconds() / gigabytes, gigabytes / seconds, origin.listenedAfter, minutesForTerabyte];
      const peak = origin.peakMegabytes();
      await origin.stop();
      return [...values, peak];
    }),
  };
}
