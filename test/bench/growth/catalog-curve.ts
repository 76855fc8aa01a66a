// Growth with the objects of an origin: the first start (all are hashed), a restart (all are known), lookups, and pages of
// the list at its beginning and near its end.
import { closeSync, mkdirSync, openSync, utimesSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../machine/child.ts';
import { freePort, LOOPBACK, accepts, untilListening } from '../machine/ports.ts';
import { threadSeconds, usageOf } from '../machine/usage.ts';
import { countText } from './amounts.ts';
import type { Curve, Point } from './curve.ts';
import type { GrowthBench } from './growth-bench.ts';

const OBJECTS = [1_000, 10_000, 50_000];
const FULL_OBJECTS = [200_000, 1_000_000];
const PER_FOLDER = 1_000;
const LOOKUPS = 300;
const LONG_AGO = 1_600_000_000;
const LOOK_MS = 50;
const LISTED = 100;

/** Measures catalogs of folders. */
export async function catalogCurve(growth: GrowthBench): Promise<Curve> {
  return await curveOf('Objects of an origin, a thousand to a folder', growth, PER_FOLDER);
}

/** Measures catalogs that are one folder. */
export async function flatCurve(growth: GrowthBench): Promise<Curve> {
  return await curveOf('Objects of an origin, all in one folder', growth, Number.POSITIVE_INFINITY);
}

async function curveOf(title: string, { bench, full }: GrowthBench, perFolder: number): Promise<Curve> {
  const points: Point[] = [];
  for (const count of full ? [...OBJECTS, ...FULL_OBJECTS] : OBJECTS) {
    points.push(await measureCatalog(bench, count, perFolder));
  }
  return {
    title,
    by: 'objects',
    reading:
      'Small objects. The first start hashes each (a file opened, read, its row written); a restart ' +
      'compares each with the index. It listens before that is done. Lookups are manifests of objects spread over the catalog.',
    figures: [
      { title: 'first start, ms CPU/object', digits: 3 },
      { title: 'restart, ms CPU/object', digits: 3 },
      { title: 'listens after s', digits: 2 },
      { title: 'lookup ms CPU', digits: 2 },
      { title: 'first page ms', digits: 1 },
      { title: 'late page ms', digits: 1 },
      { title: 'peak MB', digits: 0 },
    ],
    points,
  };
}

async function measureCatalog(bench: GrowthBench['bench'], count: number, perFolder: number): Promise<Point> {
  const keyOf = (index: number): string => keyIn(perFolder, index);
  const folder = bench.newFolder('catalog');
  const state = bench.newFolder('catalog-state');
  const dir = join(folder, 'served');
  writeObjects(dir, count, keyOf);
  const first = await start(bench, dir, state);
  await first.untilIndexed();
  const firstCpu = first.cpuSeconds();
  await first.stop();
  const again = await start(bench, dir, state);
  await again.untilIndexed();
  const againCpu = again.cpuSeconds();
  const beforeLookups = again.cpuSeconds();
  for (let turn = 0; turn < LOOKUPS; turn += 1) {
    await answered(`${again.url}/v1/manifests/${keyOf(Math.floor(count * ((turn * 0.618_034) % 1)))}`);
  }
  const lookupMs = ((again.cpuSeconds() - beforeLookups) * 1_000) / LOOKUPS;
  const page = async (after: string): Promise<number> => {
    const startedAt = performance.now();
    await answered(`${again.url}/v1/objects?limit=${LISTED}&after=${encodeURIComponent(after)}`);
    return performance.now() - startedAt;
  };
  const pages = [await page(''), await page(keyOf(count - LISTED - 1))];
  const peak = (usageOf(again.pid)?.peakBytes ?? Number.NaN) / 1e6;
  await again.stop();
  const values = [
    (firstCpu * 1_000) / count,
    (againCpu * 1_000) / count,
    again.listenedAfter,
    lookupMs,
    ...pages,
    peak,
  ];
  return { at: countText(count), values };
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

type StartedOrigin = {
  readonly url: string;
  readonly pid: number;
  readonly listenedAfter: number;
  /** Without what a start takes that serves nothing. */
  cpuSeconds(): number;
  untilIndexed(): Promise<void>;
  stop(): Promise<void>;
};

async function start(bench: GrowthBench['bench'], dir: string, state: string): Promise<StartedOrigin> {
  const scope = bench.teardown.scope();
  const [port, admin] = [await freePort(), await freePort()];
  const flags = ['--dir', dir, '--listen', `${LOOPBACK}:${port}`, '--admin', `${LOOPBACK}:${admin}`, '--state', state];
  const startedAt = performance.now();
  const child: Child = bench.start(scope, 'origin', bench.heddle('origin', ...flags));
  await untilListening(child, () => accepts(admin));
  return {
    url: `http://${LOOPBACK}:${port}`,
    pid: child.pid,
    listenedAfter: (performance.now() - startedAt) / 1_000,
    cpuSeconds: () => threadSeconds(child.pid) ?? Number.NaN,
    untilIndexed: async () => {
      while (!/^heddle_origin_index_complete 1$/m.test(await answered(`http://${LOOPBACK}:${admin}/metrics`))) {
        await sleep(LOOK_MS);
      }
    },
    stop: async () => {
      child.kill('SIGTERM');
      await child.exit;
      scope.dispose();
    },
  };
}

async function answered(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.text();
}
