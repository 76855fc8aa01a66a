// Growth with the objects of an origin: the first start (all are hashed), a restart (all are known), lookups, and pages of
// the list at its beginning and near its end.
import { closeSync, mkdirSync, openSync, utimesSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { drain } from '../data-plane/measure.ts';
import { median } from '../report/statistics.ts';
import { countText } from './amounts.ts';
import type { Curve } from './curve.ts';
import { pointsOf } from './growth-bench.ts';
import type { GrowthBench, Steps } from './growth-bench.ts';
import { answered, startIndexing } from './indexing-origin.ts';
import type { IndexingOrigin } from './indexing-origin.ts';
import { LONG_AGO } from './sparse-object.ts';

const OBJECTS: Steps = { normal: [1_000, 10_000, 50_000], full: [200_000, 1_000_000] };
const PER_FOLDER = 1_000;
const LOOKUPS = 300;
const HELLOS = 5;
const PAGES = 5;
const LISTED = 100;
/** Objects lie apart by this part of the catalog: never twice the same. */
const GOLDEN = 0.618_034;
const NAMES =
  'The names of a folder are read and sorted as a whole, in pieces; those of a large one are kept for some seconds.';

/** Measures catalogs of folders. */
export async function catalogCurve(growth: GrowthBench): Promise<Curve> {
  return await curveOf('Objects of an origin, a thousand to a folder', growth, PER_FOLDER);
}

/** Measures catalogs that are one folder. */
export async function flatCurve(growth: GrowthBench): Promise<Curve> {
  return await curveOf('Objects of an origin, all in one folder', growth, Number.POSITIVE_INFINITY);
}

async function curveOf(title: string, growth: GrowthBench, perFolder: number): Promise<Curve> {
  return {
    title,
    by: 'objects',
    text: countText,
    reading:
      'Small objects. The first start hashes each (a file opened, read, its row written); a restart compares each with the ' +
      'index. It listens before that is done. Lookups are manifests of objects spread over the catalog; a HELLO is a channel ' +
      'opened to one of them and its first segment; pages are of a hundred objects, late ones from near the end.',
    figures: [
      { title: 'first start, CPU ms/object', digits: 3, judged: true },
      { title: 'restart, CPU ms/object', digits: 3, judged: true },
      {
        title: 'listens after s',
        digits: 2,
        judged: true,
        because:
          'Up to 2,000 objects are hashed before; of more the first 2,000 are listed, for which all names of a folder are read.',
      },
      { title: 'lookup CPU ms', digits: 2, judged: true },
      { title: 'HELLO ms', digits: 1, judged: true },
      { title: 'first page ms', digits: 1, judged: true, because: NAMES },
      { title: 'late page ms', digits: 1, judged: true, because: NAMES },
      { title: 'peak MB', digits: 0, judged: true, because: NAMES },
    ],
    points: await pointsOf(growth, OBJECTS, (count, scope) => measureCatalog(growth.bench, count, perFolder, scope)),
  };
}

async function measureCatalog(
  bench: GrowthBench['bench'],
  count: number,
  perFolder: number,
  scope: DisposableStack,
): Promise<(number | undefined)[]> {
  const keyOf = (index: number): string => keyIn(perFolder, index);
  const folder = bench.newFolder('catalog', scope);
  const state = bench.newFolder('catalog-state', scope);
  const dir = join(folder, 'served');
  writeObjects(dir, count, keyOf);
  const first = await startIndexing(scope, bench, dir, state);
  await first.untilIndexed();
  const firstCpu = first.cpuSeconds();
  await first.stop();
  const again = await startIndexing(scope, bench, dir, state);
  await again.untilIndexed();
  const againCpu = again.cpuSeconds();
  const anywhere = (turn: number): string => keyOf(Math.floor(count * ((turn * GOLDEN) % 1)));
  for (let turn = 0; turn < LOOKUPS; turn += 1) await answered(`${again.url}/v1/manifests/${anywhere(turn)}`);
  const lookupMs = ((again.cpuSeconds() - againCpu) * 1_000) / LOOKUPS;
  const hellos: number[] = [];
  for (let turn = 0; turn < HELLOS; turn += 1) {
    hellos.push(await helloMs(bench, again, anywhere(LOOKUPS + turn)));
  }
  const page = async (after: string): Promise<number> => {
    const startedAt = performance.now();
    await answered(`${again.url}/v1/objects?limit=${LISTED}&after=${encodeURIComponent(after)}`);
    return performance.now() - startedAt;
  };
  const firstPage = await page('');
  const late: number[] = [];
  for (let turn = 1; turn <= PAGES; turn += 1) late.push(await page(keyOf(Math.max(0, count - turn * LISTED - 1))));
  const peak = again.peakMegabytes();
  await again.stop();
  return [
    (firstCpu * 1_000) / count,
    (againCpu * 1_000) / count,
    again.listenedAfter,
    lookupMs,
    median(hellos),
    firstPage,
    median(late),
    peak,
  ];
}

/** From connecting to the first segment of an object that nobody asked for before. */
async function helloMs(bench: GrowthBench['bench'], { port, pid, url }: IndexingOrigin, key: string): Promise<number> {
  const one = { streams: 1, segmentBytes: LEAF_BYTES, segments: 1 };
  const { answer } = await drain(bench, { type: 'channel', port, path: `/v1/segments/${key}`, ...one }, [
    { port, pid, url },
  ]);
  return answer.seconds * 1_000;
}

function keyIn(perFolder: number, index: number): string {
  const folder = Math.floor(index / perFolder);
  return `d${String(folder).padStart(4, '0')}/o${String(index % perFolder).padStart(7, '0')}`;
}

function writeObjects(dir: string, count: number, keyOf: (index: number) => string): void {
  for (let index = 0; index < count; index += 1) {
    const path = join(dir, keyOf(index));
    if (index === 0 || dirname(path) !== dirname(join(dir, keyOf(index - 1))))
      mkdirSync(dirname(path), { recursive: true });
    const file = openSync(path, 'wx');
    writeSync(file, `object ${index}`);
    closeSync(file);
    // a file of this moment would be waited for
    utimesSync(path, LONG_AGO, LONG_AGO);
  }
}
