// The memory of routes between transfers: what was found is there again, ages, stays small, survives whatever stands in
// the file, and several processes at once never leave half a file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultMemoryPath, RouteMemory } from '../../../client/io/route-memory.ts';
import type { RouteFinding } from '../../../client/io/route-memory.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import type { TemporaryFolder } from '../../support/temporary-folder.ts';

const DAY_MS = 86_400_000;
let folder: TemporaryFolder;
let path: string;
let now: number;
let memory: RouteMemory;

beforeEach(async () => {
  folder = await temporaryFolder();
  path = folder.file('state/routes.json');
  now = 1_000_000 * DAY_MS;
  memory = new RouteMemory(path, () => now);
});

afterEach(() => folder[Symbol.asyncDispose]());

function found(url: string, bytesPerSecond: number, more: Partial<RouteFinding> = {}): RouteFinding {
  const route = { baseUrl: new URL(url), localAddress: undefined };
  return { route, bytesPerSecond, rttMs: 20, settled: true, ...more };
}

function recalled(url: string, localAddress?: string): unknown {
  return memory.recall([{ baseUrl: new URL(url), localAddress }])[0];
}

test('what was found is there for the next', () => {
  expect(recalled('https://eu:1/v1/via/main')).toBeUndefined();
  expect(memory.remember([found('https://eu:1/v1/via/main', 5e6)])).toBe(true);
  expect(recalled('https://eu:1/v1/via/main')).toEqual({ bytesPerSecond: 5e6, rttMs: 20 });
  expect(recalled('https://eu:1/v1/via/main/')).toEqual({ bytesPerSecond: 5e6, rttMs: 20 });
  expect(recalled('https://eu:1/v1/via/other')).toBeUndefined();
});

test('the same place from another local address is another route', () => {
  const route = { baseUrl: new URL('http://a:1'), localAddress: '10.0.0.1' };
  memory.remember([found('http://a:1', 1e6, { route })]);
  expect(recalled('http://a:1')).toBeUndefined();
  expect(recalled('http://a:1', '10.0.0.1')).toEqual({ bytesPerSecond: 1e6, rttMs: 20 });
});

test('the newer counts more, the older a little on', () => {
  memory.remember([found('http://a:1', 1e6)]);
  memory.remember([found('http://a:1', 2e6, { rttMs: 30 })]);
  expect(recalled('http://a:1')).toEqual({ bytesPerSecond: 1.7e6, rttMs: 30 });
});

test('a rate that was still growing never lowers what is remembered', () => {
  memory.remember([found('http://a:1', 4e6)]);
  memory.remember([found('http://a:1', 1e6, { settled: false })]);
  expect(recalled('http://a:1')).toEqual({ bytesPerSecond: 4e6, rttMs: 20 });
  memory.remember([found('http://a:1', 9e6, { settled: false })]);
  expect(recalled('http://a:1')).toEqual({ bytesPerSecond: 9e6, rttMs: 20 });
});

test('what is old is forgotten', () => {
  memory.remember([found('http://a:1', 1e6)]);
  now += 13 * DAY_MS;
  expect(recalled('http://a:1')).toBeDefined();
  now += 2 * DAY_MS;
  expect(recalled('http://a:1')).toBeUndefined();
  memory.remember([found('http://b:1', 1e6)]);
  expect(readFileSync(path, 'utf8')).not.toContain('http://a:1');
});

test('it stays small: the oldest go first', () => {
  for (let host = 0; host < 300; host += 1) {
    now += 1;
    memory.remember([found(`http://host-${host}:1`, 1e6)]);
  }
  expect(recalled('http://host-299:1')).toBeDefined();
  expect(recalled('http://host-44:1')).toBeDefined();
  expect(recalled('http://host-43:1')).toBeUndefined();
  expect(statSync(path).size).toBeLessThan(65_536);
});

test('no credentials, and for nobody else to read', () => {
  memory.remember([found('http://user:secret@a:1', 1e6)]);
  expect(readFileSync(path, 'utf8')).not.toContain('secret');
  expect(statSync(path).mode & 0o077).toBe(0);
});

describe('a file that is no good', () => {
  test.each([
    'x',
    '[]',
    'null',
    '{"version":2,"routes":{"http://a:1":{"bytesPerSecond":1,"rttMs":1,"at":1}}}',
    '{"version":1,"routes":{"http://a:1":null}}',
    '{"version":1,"routes":{"http://a:1":{"bytesPerSecond":-5,"rttMs":1,"at":1e17}}}',
    '{"version":1,"routes":{"http://a:1":{"bytesPerSecond":"many","rttMs":1,"at":1e17}}}',
  ])('%j is as good as empty, and is replaced', (text) => {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    expect(recalled('http://a:1')).toBeUndefined();
    memory.remember([found('http://a:1', 3e6)]);
    expect(recalled('http://a:1')).toEqual({ bytesPerSecond: 3e6, rttMs: 20 });
  });

  test('a place that cannot be written is no reason to fail, and nothing is left beside it', () => {
    mkdirSync(path, { recursive: true });
    expect(memory.remember([found('http://a:1', 1e6)])).toBe(false);
    expect(recalled('http://a:1')).toBeUndefined();
    expect(readdirSync(join(path, '..'))).toEqual(['routes.json']);
  });
});

test('processes that remember at once leave a whole file', async () => {
  const source = new URL('../../../client/io/route-memory.ts', import.meta.url);
  const script = `
    const { RouteMemory } = await import(${JSON.stringify(source.href)});
    const memory = new RouteMemory(${JSON.stringify(path)});
    for (let at = 0; at < 50; at += 1) {
      const baseUrl = new URL('http://host-' + process.argv[1] + '-' + (at % 5) + ':1');
      memory.remember([{ route: { baseUrl, localAddress: undefined }, bytesPerSecond: 1e6, rttMs: 1, settled: true }]);
    }`;
  const writers = ['a', 'b', 'c'].map((name) =>
    spawn(process.execPath, ['--input-type=module', '--eval', script, name], { stdio: 'inherit' }),
  );
  let ended = 0;
  const ends = writers.map(async (writer) => {
    const [code] = (await once(writer, 'exit')) as [number];
    ended += 1;
    return code;
  });
  while (ended < writers.length) {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) JSON.parse(readFileSync(path, 'utf8'));
    await setImmediate();
  }
  expect(await Promise.all(ends)).toEqual([0, 0, 0]);
  expect(readdirSync(join(path, '..'))).toEqual(['routes.json']);
}, 20_000);

test('the place is the one of the XDG base directories', () => {
  expect(defaultMemoryPath({ XDG_STATE_HOME: '/somewhere' })).toBe('/somewhere/heddle/routes.json');
  expect(defaultMemoryPath({})).toMatch(/\/\.local\/state\/heddle\/routes\.json$/);
  expect(defaultMemoryPath({ XDG_STATE_HOME: 'relative' })).toMatch(/\/\.local\/state\/heddle\/routes\.json$/);
});
