// The same request with and without Heddle gives the same observable result: a table of methods, sizes, ranges,
// conditions, keys and headers, asked of an origin by a plain agent and through the dispatcher, whose routes are the
// origin itself and a relay.
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDispatcher } from '../../client/interceptor.ts';
import { observeFetch, observeRequest } from '../client/intercept/observe.ts';
import type { RequestOptions } from '../client/intercept/observe.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startRelayProgram } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZES = [0, 1, 1_000, 32_768, 65_535, 65_536, 65_537, 131_072, 131_073, 1_000_001, 4_194_304];
const owned = new AsyncDisposableStack();
let world: World;
let plain: Dispatcher;
let heddle: Dispatcher;
let etags: Readonly<Record<string, string>>;

beforeAll(async () => {
  const objects = Object.fromEntries(SIZES.map((size, at) => [`${size}.bin`, objectBytes(size, 70 + at)]));
  const named = {
    'with space.txt': objectBytes(300, 5),
    'ü/ñ.json': objectBytes(70_000, 6),
    'deep/er/x.html': objectBytes(9, 7),
  };
  world = owned.use(await startWorld({ ...objects, ...named }));
  const relay = owned.use(await startRelayProgram({ main: world.origin.url }));
  plain = new Agent();
  heddle = createDispatcher({
    origins: [
      {
        origin: world.origin.url,
        routes: [
          { name: 'direct', url: world.origin.url },
          { name: 'relay', url: `${relay.url}/v1/via/main` },
        ],
      },
    ],
  });
  owned.defer(() => plain.close());
  owned.defer(() => heddle.close());
  const heads = await Promise.all(
    SIZES.map(async (size) => {
      const { headers, body } = await plain.request({ origin: world.origin.url, path: pathOf(size), method: 'HEAD' });
      await body.dump();
      return [size, String(headers['etag'])];
    }),
  );
  etags = Object.fromEntries(heads) as Record<string, string>;
});
afterAll(() => owned.disposeAsync());

function pathOf(size: number): string {
  return `/v1/objects/${size}.bin`;
}

async function same(path: string, options: RequestOptions = {}): Promise<void> {
  const url = world.origin.url + path;
  const expected = await observeRequest(plain, url, options);
  expect(await observeRequest(heddle, url, options)).toEqual(expected);
}

async function sameFetch(path: string, init: Parameters<typeof observeFetch>[2] = {}): Promise<void> {
  const url = world.origin.url + path;
  const expected = await observeFetch(plain, url, init);
  expect(await observeFetch(heddle, url, init)).toEqual(expected);
}

describe('methods and paths', () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'];
  const paths = [pathOf(1_000), pathOf(1_000_001), '/v1/objects/missing.bin', '/'];
  test.each(methods.flatMap((method) => paths.map((path) => [method, path])))('%s %s', async (method, path) => {
    await same(path, { method });
  });
  const others = [
    '/livez',
    '/readyz',
    '/v1/objects',
    '/v1/objects/',
    '/v1/objects?prefix=deep',
    '/v1/objects/1000.bin?query',
    '/v1/objects/1000.bin?',
    '/v1/manifests/1000.bin',
    '/v1/nodes/1000001.bin?level=0&from=0&to=4',
    '/v1/segments/1000.bin',
    '/v1/objects/with%20space.txt',
    '/v1/objects/%C3%BC/%C3%B1.json',
    '/v1/objects/deep/er/x.html',
    '/v1/objects/deep',
    '/v1/objects/deep%2Fer/x.html',
    '/v1/objects/..%2F1000.bin',
    '/v1/objects//1000.bin',
    '/v1/objects/%00',
    '/v1/objects/%zz',
    `/v1/objects/${'k'.repeat(1_100)}`,
  ];
  test.each(others)('GET %s', (path) => same(path));
  test.each(['POST', 'PUT'])('%s with a body', (method) => same(pathOf(1_000), { method, body: 'hello' }));
  test('GET with a body', () => same(pathOf(1_000), { method: 'GET', body: 'hello' }));
});

describe('sizes', () => {
  test.each(SIZES)('%i bytes by request', (size) => same(pathOf(size)));
  test.each(SIZES)('%i bytes by fetch', (size) => sameFetch(pathOf(size)));
  test.each(SIZES)('%i bytes, HEAD by fetch', (size) => sameFetch(pathOf(size), { method: 'HEAD' }));
});

describe('ranges', () => {
  const ranges = [
    'bytes=0-',
    'bytes=0-0',
    'bytes=0-999',
    'bytes=0-1000',
    'bytes=1-',
    'bytes=999-',
    'bytes=999-999',
    'bytes=1000-',
    'bytes=500-100',
    'bytes=-1',
    'bytes=-1000',
    'bytes=-70000',
    'bytes=-99999999',
    'bytes=-0',
    'bytes=-',
    'bytes=',
    'bytes 0-5',
    'items=0-5',
    'Bytes=0-5',
    'bytes= 0-5',
    'bytes=0-5 ',
    'bytes=0-5,10-20',
    'bytes=0-5,',
    'bytes=65535-65536',
    'bytes=65536-131071',
    'bytes=65536-131072',
    'bytes=100000-900000',
    'bytes=1000000-',
    'bytes=1000000-1000000',
    'bytes=1000001-',
    'bytes=1000001-2000000',
    'bytes=99999999999999-',
    'bytes=0-99999999999999999999',
    'bytes=abc-def',
  ];
  const sizes = [0, 1_000, 1_000_001];
  test.each(sizes.flatMap((size) => ranges.map((range) => [size, range] as const)))('%i bytes, %s', (size, range) =>
    same(pathOf(size), { headers: { range } }),
  );
  test.each(['bytes=5-9', 'bytes=-70000', 'bytes=1000001-'])('by fetch: %s', (range) =>
    sameFetch(pathOf(1_000_001), { headers: { range } }),
  );
  test('of a HEAD', () => same(pathOf(1_000_001), { method: 'HEAD', headers: { range: 'bytes=0-5' } }));
  test('of what is not there', () => same('/v1/objects/missing.bin', { headers: { range: 'bytes=0-5' } }));
});

describe('conditions', () => {
  const past = 'Sat, 01 Jan 2000 00:00:00 GMT';
  const future = 'Fri, 01 Jan 2100 00:00:00 GMT';
  const conditions: readonly Readonly<Record<string, string>>[] = [
    { 'if-none-match': 'ETAG' },
    { 'if-none-match': 'W/ETAG' },
    { 'if-none-match': '"other"' },
    { 'if-none-match': '"other", ETAG' },
    { 'if-none-match': '*' },
    { 'if-none-match': 'nonsense' },
    { 'if-match': 'ETAG' },
    { 'if-match': 'W/ETAG' },
    { 'if-match': '"other"' },
    { 'if-match': '*' },
    { 'if-modified-since': past },
    { 'if-modified-since': future },
    { 'if-modified-since': 'nonsense' },
    { 'if-unmodified-since': past },
    { 'if-unmodified-since': future },
    { 'if-none-match': '"other"', 'if-modified-since': future },
    { 'if-range': 'ETAG' },
    { 'if-range': '"other"' },
    { 'if-range': 'ETAG', range: 'bytes=10-20' },
    { 'if-range': 'W/ETAG', range: 'bytes=10-20' },
    { 'if-range': '"other"', range: 'bytes=10-20' },
    { 'if-range': past, range: 'bytes=10-20' },
    { 'if-range': future, range: 'bytes=10-20' },
    { 'if-range': 'ETAG', range: 'bytes=-20' },
    { 'if-range': '"other"', range: 'bytes=-20' },
    { 'if-none-match': 'ETAG', range: 'bytes=10-20' },
    { 'if-match': 'ETAG', range: 'bytes=10-20' },
    { 'if-match': '"other"', range: 'bytes=10-20' },
    { 'if-match': 'ETAG', range: 'bytes=99999999-' },
  ];
  const cases = [1_000, 1_000_001].flatMap((size) => conditions.map((condition) => [size, condition] as const));
  test.each(cases)('%i bytes, %o', async (size, condition) => {
    const headers = Object.fromEntries(
      Object.entries(condition).map(([name, value]) => [name, value.replace('ETAG', etags[size] ?? '')]),
    );
    await same(pathOf(size), { headers });
  });
  test('by fetch, which asks for no cache then', () =>
    sameFetch(pathOf(1_000), { headers: { 'if-none-match': etags[1_000] ?? '' } }));
});

describe('headers of the request', () => {
  const name = ['range', 'bytes=5-9'];
  const forms: readonly (readonly [string, RequestOptions['headers']])[] = [
    ['a flat list', name],
    ['an odd list', ['range']],
    ['pairs', [['range', 'bytes=5-9']] as unknown as Iterable<[string, string]>],
    ['a Map', new Map([['Range', 'bytes=5-9']])],
    ['a Headers', new Headers({ range: 'bytes=5-9' })],
    ['another case', { RANGE: 'bytes=5-9' }],
    ['a value that is undefined', { range: undefined }],
    ['a value that is a list', { range: ['bytes=5-9'] }],
    ['a value that is a number', { range: 5 as unknown as string }],
    ['the same twice', ['range', 'bytes=5-9', 'Range', 'bytes=1-2']],
    ['a name that is none', { 'ra nge': 'x' }],
    ['a value with a line feed', { range: 'bytes=5-9\r\nx: y' }],
    ['a value beyond latin1', { range: 'bytes=5–9' }],
    ['expect', { expect: '100-continue' }],
    ['transfer-encoding', { 'transfer-encoding': 'chunked' }],
    ['content-length', { 'content-length': '5' }],
    ['a host of its own', { host: 'elsewhere.example' }],
    ['connection: close', { connection: 'close' }],
    ['connection nonsense', { connection: 'a b' }],
    ['upgrade', { upgrade: 'heddle/1' }],
    ['credentials', { authorization: 'Bearer abc', cookie: 'a=b' }],
    ['accept-encoding', { 'accept-encoding': 'gzip, br' }],
  ];
  test.each(forms)('%s', (_name, headers) => same(pathOf(1_000), headers === undefined ? {} : { headers }));
});

describe('options of the request', () => {
  test('a query', () => same(pathOf(1_000), { query: { a: 1 } }));
  test('raw headers', async () => {
    const ask = (dispatcher: Dispatcher) =>
      dispatcher.request({ origin: world.origin.url, path: pathOf(1_000_001), method: 'GET', responseHeaders: 'raw' });
    const [expected, observed] = [await ask(plain), await ask(heddle)];
    await Promise.all([expected.body.dump(), observed.body.dump()]);
    const names = (headers: unknown): unknown[] => (headers as string[]).filter((_, at) => at % 2 === 0);
    const own = names(observed.headers).filter((header) => header !== 'Via');
    expect(own).toEqual(names(expected.headers).filter((header) => own.includes(header)));
  });
  test.each([-1, Number.NaN])('headersTimeout %d', (headersTimeout) => same(pathOf(1_000), { headersTimeout }));
  test.each([-1, Number.NaN])('bodyTimeout %d', (bodyTimeout) => same(pathOf(1_000), { bodyTimeout }));
  test('a path without a slash', async () => {
    const observe = async (dispatcher: Dispatcher): Promise<string> =>
      dispatcher.request({ origin: world.origin.url, path: 'v1/objects/1000.bin', method: 'GET' }).then(
        () => 'an answer',
        (error: Error) => error.message,
      );
    expect(await observe(heddle)).toBe(await observe(plain));
  });
});
