// Growth with the leaves of one object: building its tree and taking proof pages from it, by the index itself, fed with
// made-up leaves instead of a terabyte of bytes.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { IndexStore } from '../../../origin/index-store.ts';
import { HASH_BYTES, LEAF_BYTES, LIMITS } from '../../../protocol/limits.ts';
import { nodeCountOf } from '../../../protocol/merkle.ts';
import { median } from '../report/statistics.ts';
import { bytesText } from './amounts.ts';
import type { Curve, Point } from './curve.ts';
import type { GrowthBench } from './growth-bench.ts';

const SIZES = [1e9, 1e10, 1e11];
const FULL_SIZES = [1e12];
/** Leaves handed over at once: those of 32 MiB, as the indexer does. */
const LEAVES_AT_ONCE = 1_024;
const PAGES = 200;
/** The level of segments of 1 MiB. */
const COARSE_LEVEL = 5;

/** Measures trees. */
export async function treeCurve({ bench, full }: GrowthBench): Promise<Curve> {
  const sizes = full ? [...SIZES, ...FULL_SIZES] : SIZES;
  return {
    title: 'Tree of one object',
    by: 'object',
    reading:
      'Nodes above the leaves are hashed and stored, the leaves themselves are made up. A page of 128 nodes with its path is ' +
      'a few rows, whatever the size of the object; nobody ever holds a whole level.',
    figures: [
      { title: 'µs/leaf', digits: 2 },
      { title: 'leaves', digits: 0 },
      { title: 'index MB/TB', digits: 0 },
      { title: 'page µs', digits: 0 },
      { title: 'page µs, 1 MiB segments', digits: 0 },
      { title: 'page bytes', digits: 0 },
    ],
    points: sizes.map((size) => measureTree(bench.newFolder('tree'), size)),
  };
}

function measureTree(folder: string, size: number): Point {
  const file = join(folder, 'index.sqlite');
  const store = new IndexStore(file, 0);
  const leaves = Math.ceil(size / LEAF_BYTES);
  const startedAt = process.cpuUsage();
  fillTree(store, { place: 'place', version: 'version', size });
  const { user, system } = process.cpuUsage(startedAt);
  const pages = [0, COARSE_LEVEL].map((level) => pageCost(store, size, level));
  store.close();
  const values = [
    (user + system) / leaves,
    leaves,
    (statSync(file).size / size) * 1e6,
    pages[0]?.micros,
    pages[1]?.micros,
    pages[0]?.bytes,
  ];
  return { at: bytesText(size), values };
}

/** A complete tree over leaves that are all zeros. */
export function fillTree(
  store: IndexStore,
  { place, version, size }: { readonly place: string; readonly version: string; readonly size: number },
  leaf: Uint8Array = new Uint8Array(HASH_BYTES),
): void {
  const leaves = Math.ceil(size / LEAF_BYTES);
  const batch = new Uint8Array(LEAVES_AT_ONCE * HASH_BYTES);
  for (let at = 0; at < LEAVES_AT_ONCE; at += 1) batch.set(leaf, at * HASH_BYTES);
  const tree = store.begin(place, version, size, 0);
  for (let left = leaves; left > 0; left -= LEAVES_AT_ONCE) {
    store.append(tree, left < LEAVES_AT_ONCE ? batch.subarray(0, left * HASH_BYTES) : batch);
  }
  store.finish(tree);
}

function pageCost(store: IndexStore, size: number, level: number): { micros: number | undefined; bytes: number } {
  const nodes = nodeCountOf(size, level);
  let bytes = 0;
  const times = Array.from({ length: PAGES }, (_, turn) => {
    // spread over the whole level, never twice the same
    const index = Math.floor((nodes * ((turn * 0.618_034) % 1)) / 128) * 128;
    const startedAt = performance.now();
    const page = store.page('place', 'version', level, index, LIMITS.maxProofNodes / 32);
    bytes = Math.max(bytes, page.nodes.length + page.path.length);
    return (performance.now() - startedAt) * 1_000;
  });
  return { micros: median(times), bytes };
}
