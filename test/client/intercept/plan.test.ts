// The table of requests and what becomes of each: passed, answered plainly, split with which lead.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyOf, planOf } from '../../../client/intercept/plan.ts';
import type { Plan, RequestShape } from '../../../client/intercept/plan.ts';

const OBJECTS = [{ path: '/v1/objects/', key: '' }];
const K = 65_536;

/** A request as a table row writes it: method, path, range; and what is known. */
function plan(method: string, path: string, range?: string, size?: number, leadBytes = K): Plan {
  const headers = new Map(range === undefined ? [] : [['range', range]]);
  return planOf({ method, path, headers, special: false }, OBJECTS, { sizeOf: () => size, leadBytes });
}

const split = (
  wanted: [number, number | undefined] | undefined,
  lead: [number, number] | undefined,
  size?: number,
) => ({
  type: 'split',
  key: 'a/b.bin',
  wanted: wanted && { from: wanted[0], to: wanted[1] },
  lead: lead && { from: lead[0], to: lead[1] },
  size,
});
const PASS = { type: 'pass' };

describe('by method and path', () => {
  const rows: [method: string, path: string, expected: object][] = [
    ['GET', '/v1/objects/a/b.bin', split(undefined, [0, K])],
    ['HEAD', '/v1/objects/a/b.bin', { type: 'plain', key: 'a/b.bin' }],
    ['GET', '/v1/objects/a%2Fb.bin', PASS],
    ['GET', '/v1/objects/a%20b.bin', { ...split(undefined, [0, K]), key: 'a b.bin' }],
    ['POST', '/v1/objects/a/b.bin', PASS],
    ['PUT', '/v1/objects/a/b.bin', PASS],
    ['DELETE', '/v1/objects/a/b.bin', PASS],
    ['OPTIONS', '/v1/objects/a/b.bin', PASS],
    ['CONNECT', '/v1/objects/a/b.bin', PASS],
    ['get', '/v1/objects/a/b.bin', PASS],
    ['GET', '/', PASS],
    ['GET', '/v1/objects', PASS],
    ['GET', '/v1/objects/', PASS],
    ['GET', '/v1/objects/a/b.bin?x=1', PASS],
    ['GET', '/v1/objects/a/b.bin?', PASS],
    ['GET', '/v1/objects/a/../b', PASS],
    ['GET', '/v1/objects//a', PASS],
    ['GET', '/v1/objects/%zz', PASS],
    ['GET', '/v1/objects/%00', PASS],
    ['GET', '/v1/manifests/a/b.bin', PASS],
    ['GET', 'http://data.example/v1/objects/a/b.bin', PASS],
  ];
  test.each(rows)('%s %s', (method, path, expected) => {
    expect(plan(method, path)).toEqual(expected);
  });
});

describe('by range', () => {
  const rows: [range: string, size: number | undefined, expected: object][] = [
    ['bytes=0-', undefined, split([0, undefined], [0, K])],
    ['bytes=0-0', undefined, split([0, 1], [0, K])],
    ['bytes=100-199', undefined, split([100, 200], [0, K])],
    ['bytes=0-65535', undefined, split([0, K], [0, K])],
    ['bytes=0-65536', undefined, split([0, K + 1], [0, 2 * K])],
    ['bytes=0-131071', undefined, split([0, 2 * K], [0, 2 * K])],
    ['bytes=0-131072', undefined, split([0, 2 * K + 1], [0, K])],
    ['bytes=65535-65536', undefined, split([K - 1, K + 1], [0, 2 * K])],
    ['bytes=65536-65536', undefined, split([K, K + 1], [K, 2 * K])],
    ['bytes=1000000-2000000', undefined, split([1_000_000, 2_000_001], [15 * K, 16 * K])],
    ['BYTES=5-9', undefined, split([5, 10], [0, K])],
    ['bytes=9-5', undefined, split(undefined, undefined)],
    ['bytes=0-1,5-6', undefined, split(undefined, undefined)],
    ['bytes=', undefined, split(undefined, undefined)],
    ['bytes=-', undefined, split(undefined, undefined)],
    ['bytes=a-b', undefined, split(undefined, undefined)],
    ['lines=0-5', undefined, split(undefined, undefined)],
    ['bytes=0-9999999999999999', undefined, split(undefined, undefined)],
    ['bytes=-0', undefined, split(undefined, undefined)],
    ['bytes=-500', undefined, { type: 'sized', key: 'a/b.bin' }],
    ['bytes=-500', 0, split(undefined, undefined)],
    ['bytes=-500', 300, split([0, 300], [0, K], 300)],
    ['bytes=-500', 200_000, split([199_500, 200_000], [3 * K, 4 * K], 200_000)],
    ['bytes=-190000', 200_000, split([10_000, 200_000], [0, K], 200_000)],
  ];
  test.each(rows)('%s of %s bytes', (range, size, expected) => {
    expect(plan('GET', '/v1/objects/a/b.bin', range, size)).toEqual(expected);
  });

  test('the known size of an object changes nothing for other ranges', () => {
    expect(plan('GET', '/v1/objects/a/b.bin', 'bytes=5-9', 7)).toEqual(split([5, 10], [0, K]));
  });
});

describe('by what earlier requests taught', () => {
  const rows: [range: string | undefined, size: number | undefined, leadBytes: number, lead: [number, number]][] = [
    [undefined, undefined, 0, [0, K]],
    [undefined, undefined, K, [0, K]],
    [undefined, undefined, 4 * K, [0, 4 * K]],
    [undefined, 100, 4 * K, [0, K]],
    [undefined, 0, 4 * K, [0, K]],
    [undefined, 5 * K, 4 * K, [0, 5 * K]],
    [undefined, 5 * K + 1, 4 * K, [0, 4 * K]],
    ['bytes=700000-', undefined, 4 * K, [10 * K, 14 * K]],
    ['bytes=700000-', 750_000, 4 * K, [10 * K, 12 * K]],
    ['bytes=700000-700001', undefined, 4 * K, [10 * K, 11 * K]],
    ['bytes=700000-', 5, 4 * K, [10 * K, 11 * K]],
  ];
  test.each(rows)('%s of %s bytes, leads of %i', (range, size, leadBytes, [from, to]) => {
    expect(plan('GET', '/v1/objects/a/b.bin', range, size, leadBytes)).toMatchObject({ lead: { from, to } });
  });
});

test('what is not plain passes', () => {
  const shape: RequestShape = { method: 'GET', path: '/v1/objects/a', headers: undefined, special: false };
  expect(planOf(shape, OBJECTS, { sizeOf: () => undefined, leadBytes: K })).toEqual(PASS);
  expect(
    planOf({ ...shape, headers: new Map(), special: true }, OBJECTS, { sizeOf: () => undefined, leadBytes: K }),
  ).toEqual(PASS);
});

describe('mappings from paths to keys', () => {
  const mappings = [
    { path: '/files/private/', key: 'secret/' },
    { path: '/files/', key: 'datasets/2026/' },
    { path: '/', key: '' },
  ];
  const rows: [path: string, key: string | undefined][] = [
    ['/files/a.bin', 'datasets/2026/a.bin'],
    ['/files/x/%C3%BC', 'datasets/2026/x/ü'],
    ['/files/private/a', 'secret/a'],
    ['/other/a', 'other/a'],
    ['/files/', undefined],
    ['/files/../x', undefined],
    ['/', undefined],
  ];
  test.each(rows)('%s', (path, key) => {
    expect(keyOf(path, mappings)).toBe(key);
  });
});

test('a lead is made of whole blocks, holds the first wanted byte, and leaves no rest of less than a block', () => {
  const offset = fc.nat(50_000_000);
  fc.assert(
    fc.property(offset, fc.option(offset), fc.option(offset), fc.nat(30), (first, length, size, blocks) => {
      const range = `bytes=${first}-${length === null ? '' : first + length}`;
      const made = plan('GET', '/v1/objects/a', range, size ?? undefined, blocks * K);
      if (made.type !== 'split' || made.lead === undefined) throw new Error('not split');
      const { from, to } = made.lead;
      expect([from % K, to % K]).toEqual([0, 0]);
      expect(from <= first && first < to).toBe(true);
      expect(to - from).toBeLessThanOrEqual(Math.max(1, blocks) * K + K);
      const end = length === null ? (size ?? undefined) : first + length + 1;
      if (end !== undefined) expect(to >= end || end - to > K).toBe(true);
    }),
    { numRuns: 500 },
  );
});
