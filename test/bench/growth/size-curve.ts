// Growth with the size of one object: a part of a sparse file whose tree was made up, fetched by the client from an origin.
// What such an object needs before its first byte (manifest, proofs, the origin's start) must not grow with it.
import { closeSync, ftruncateSync, mkdirSync, openSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { hashSegment } from '../../../protocol/merkle.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { openDirBackend } from '../../../origin/dir-backend.ts';
import { INDEX_FILE } from '../../../origin/hash-index.ts';
import { IndexStore } from '../../../origin/index-store.ts';
import { placeOf } from '../../../origin/indexer.ts';
import { sha256 } from '../../../origin/sha256.ts';
import { startOrigin } from '../data-plane/loopback-servers.ts';
import { runClient } from '../data-plane/measure.ts';
import { threadSeconds, usageOf } from '../machine/usage.ts';
import type { ReferenceObject } from '../machine/work-folder.ts';
import { bytesText } from './amounts.ts';
import type { Curve, Point } from './curve.ts';
import type { GrowthBench } from './growth-bench.ts';
import { fillTree } from './tree-curve.ts';

/** Whole leaves, so that all of them hash alike. */
const SIZES = [1e8, 1e9, 1e10, 1e11].map(wholeLeaves);
const FULL_SIZES = [1e12].map(wholeLeaves);
/** The part that is fetched: the end, which is the farthest from what is stored first. */
const PART_BYTES = wholeLeaves(1e8);
const LONG_AGO = 1_600_000_000;

/** Measures objects. */
export async function sizeCurve({ bench, full }: GrowthBench): Promise<Curve> {
  const points: Point[] = [];
  for (const size of full ? [...SIZES, ...FULL_SIZES] : SIZES) points.push(await measureSize(bench, size));
  return {
    title: 'Size of one object',
    by: 'object',
    reading: `The last ${bytesText(PART_BYTES)} of a sparse file, verified, by \`heddle get --range\`; the programs' starts are in it.`,
    figures: [
      { title: 'client CPU-s', digits: 2 },
      { title: 'origin CPU-s', digits: 2 },
      { title: 'seconds', digits: 2 },
      { title: 'client peak MB', digits: 0 },
      { title: 'origin peak MB', digits: 0 },
    ],
    points,
  };
}

async function measureSize(bench: GrowthBench['bench'], size: number): Promise<Point> {
  using scope = bench.teardown.scope();
  const object = sparseObject(bench.newFolder('sparse'), size);
  await writeIndex(bench, object);
  const origin = await startOrigin(scope, bench, object);
  const before = threadSeconds(origin.pid) ?? Number.NaN;
  const range = `${size - PART_BYTES}-${size - 1}`;
  const get = bench.heddle(
    'get',
    object.key,
    '-o',
    '/dev/null',
    '--quiet',
    '--range',
    range,
    '--route',
    `way=${origin.url}`,
  );
  const run = await runClient(bench, get);
  const values = [
    run.cpuSeconds,
    (threadSeconds(origin.pid) ?? Number.NaN) - before,
    run.seconds,
    (run.peakBytes ?? Number.NaN) / 1e6,
    (usageOf(origin.pid)?.peakBytes ?? Number.NaN) / 1e6,
  ];
  return { at: bytesText(size), values };
}

function wholeLeaves(bytes: number): number {
  return Math.round(bytes / LEAF_BYTES) * LEAF_BYTES;
}

function sparseObject(folder: string, bytes: number): ReferenceObject {
  const served = join(folder, 'served');
  mkdirSync(served);
  const path = join(served, 'f');
  const file = openSync(path, 'wx');
  ftruncateSync(file, bytes);
  closeSync(file);
  utimesSync(path, LONG_AGO, LONG_AGO);
  return { folder: served, key: 'f', path, bytes, sha256: '' };
}

/** What hashing the file would leave in the origin's state, in a fraction of the time. */
async function writeIndex(bench: GrowthBench['bench'], { folder, key, bytes }: ReferenceObject): Promise<void> {
  const backend = await openDirBackend(folder);
  const stat = await backend.stat(key);
  await backend.close();
  const state = join(bench.folder, `origin-state-${bytes}`);
  mkdirSync(state, { mode: 0o700 });
  const store = new IndexStore(join(state, INDEX_FILE), Date.now());
  const zeros = hashSegment(new Uint8Array(LEAF_BYTES), sha256);
  fillTree(store, { place: placeOf(backend, key), version: stat?.version ?? '', size: bytes }, zeros);
  store.close();
}
