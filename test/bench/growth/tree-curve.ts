// Growth with the leaves of one object: building its tree and taking proof pages from it, by the index itself, fed with
// made-up leaves instead of a terabyte of bytes.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { IndexStore } from '../../../origin/index-store.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { nodeCountOf } from '../../../protocol/merkle.ts';
import { bytesText } from './amounts.ts';
import type { Curve } from './curve.ts';
import { pointsOf } from './growth-bench.ts';
import type { GrowthBench, Steps } from './growth-bench.ts';
import { fillTree } from './sparse-object.ts';

const SIZES: Steps = { normal: [1e9, 1e10, 1e11], full: [1e12] };
const PAGES = 500;
/** What a client asks for at once. */
const PAGE_NODES = 512;
/** Asked for anywhere, pages lie apart by this part of the whole: never twice the same. */
const GOLDEN = 0.618_034;

/** Measures trees. */
export async function treeCurve(growth: GrowthBench): Promise<Curve> {
  return {
    title: 'Leaves of one object: its tree',
    by: 'object',
    text: bytesText,
    reading:
      `Nodes above the leaves are hashed and stored, the leaves themselves are made up. A page of ${PAGE_NODES} nodes with its ` +
      'path is a few rows, whatever the size of the object; nobody ever holds a whole level. Pages in a row are those of a ' +
      'transfer, pages anywhere those of many who seek.',
    figures: [
      { title: 'CPU µs/leaf', digits: 2, judged: true },
      { title: 'leaves', digits: 0 },
      { title: 'index MB/TB', digits: 0, judged: true },
      {
        title: 'page in a row, CPU µs',
        digits: 0,
        judged: true,
        because: 'The path has one hash, a row of its own, for every doubling of the object.',
      },
      {
        title: 'page anywhere, CPU µs',
        digits: 0,
        judged: true,
        because:
          'One row more on the path for every doubling, and those of a large tree do not stay in the cache of SQLite.',
      },
      { title: 'page bytes', digits: 0, judged: true },
    ],
    points: await pointsOf(growth, SIZES, (size, scope) => measureTree(growth.bench.newFolder('tree', scope), size)),
  };
}

function measureTree(folder: string, size: number): number[] {
  const file = join(folder, 'index.sqlite');
  const store = new IndexStore(file, 0);
  const leaves = Math.ceil(size / LEAF_BYTES);
  const perLeaf = cpuMicros(() => fillTree(store, { place: 'place', version: 'version', size })) / leaves;
  const pages = Math.ceil(nodeCountOf(size, 0) / PAGE_NODES);
  let bytes = 0;
  const page = (number: number): void => {
    const { nodes, path } = store.page('place', 'version', 0, number * PAGE_NODES, PAGE_NODES);
    bytes = Math.max(bytes, nodes.length + path.length);
  };
  const count = Math.min(PAGES, pages);
  const inRow = cpuMicros(() => {
    for (let number = 0; number < count; number += 1) page(number);
  });
  const anywhere = cpuMicros(() => {
    for (let turn = 0; turn < count; turn += 1) page(Math.floor(pages * ((turn * GOLDEN) % 1)));
  });
  store.close();
  return [perLeaf, leaves, (statSync(file).size / size) * 1e6, inRow / count, anywhere / count, bytes];
}

function cpuMicros(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
