// The same request with and without the local proxy gives the same observable result, to a configured origin, whose objects
// are split, as to any other server: ranges, conditions, redirects, encodings, slow readers, aborts, errors in the middle.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProxy } from '../../client/proxy/server.ts';
import type { RunningProxy } from '../../client/proxy/server.ts';
import { eventually } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { ask } from '../support/plain-ask.ts';
import type { Asked } from '../support/plain-ask.ts';
import { startRelayProgram } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZES = [0, 1, 1_000, 65_536, 65_537, 1_000_001, 4_194_304];
const TEXT = Buffer.from('some text that shrinks, some text that shrinks, '.repeat(200));
const owned = new AsyncDisposableStack();
let world: World;
let proxy: RunningProxy;
let etags: Readonly<Record<number, string>>;
/** A server that Heddle knows nothing of, and how many of its answers were given up by who asked. */
let other: string;
let givenUp = 0;

beforeAll(async () => {
  world = owned.use(
    await startWorld(Object.fromEntries(SIZES.map((size, at) => [`${size}.bin`, objectBytes(size, at)]))),
  );
  const relay = owned.use(await startRelayProgram({ main: world.origin.url }));
  const routes = [
    { name: 'direct', url: world.origin.url },
    { name: 'relay', url: `${relay.url}/v1/via/main` },
  ];
  proxy = owned.use(await startProxy({ host: '127.0.0.1', port: 0, origins: [{ origin: world.origin.url, routes }] }));
  other = await startOther();
  const tagged = SIZES.map(async (size) => [size, (await ask(urlOf(size), { method: 'HEAD' })).headers.etag] as const);
  etags = Object.fromEntries(await Promise.all(tagged)) as Record<number, string>;
});
afterAll(() => owned.disposeAsync());

async function startOther(): Promise<string> {
  const server = createServer((request, response) => {
    response.once('close', () => void (givenUp += response.writableFinished ? 0 : 1));
    answer(new URL(request.url ?? '', 'http://x'), request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owned.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What the other server does is said in the path. */
function answer({ pathname, searchParams }: URL, request: IncomingMessage, response: ServerResponse): void {
  const [, what = '', detail = ''] = pathname.split('/');
  if (what === 'redirect') {
    const to = searchParams.get('to') ?? '';
    return void response.writeHead(Number(detail), { Location: to }).end('elsewhere');
  }
  if (what === 'encoded') return encoded(detail, searchParams.has('chunked'), response);
  if (what === 'cut') return cut(Number(detail), searchParams, response);
  if (what === 'reset') return void request.socket.resetAndDestroy();
  if (what === 'status') return void response.writeHead(Number(detail)).end(Number(detail) === 304 ? '' : 'a body');
  if (what === 'bytes') return void response.end(objectBytes(Number(detail), 9));
  if (what === 'endless') {
    const more = (): void => {
      while (!response.destroyed && response.write(TEXT));
    };
    response.on('drain', more);
    return more();
  }
  response.end(what);
}

function encoded(how: string, isChunked: boolean, response: ServerResponse): void {
  const encoders = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync };
  const bytes = how in encoders ? encoders[how as keyof typeof encoders](TEXT) : TEXT;
  response.setHeader('Content-Encoding', how).setHeader('Vary', 'Accept-Encoding');
  if (!isChunked) response.setHeader('Content-Length', bytes.length);
  response.write(bytes.subarray(0, 20), () => response.end(bytes.subarray(20)));
}

/** Breaks off behind `most` bytes. */
function cut(most: number, how: URLSearchParams, response: ServerResponse): void {
  if (!how.has('chunked')) response.setHeader('Content-Length', most + 1_000);
  response.flushHeaders();
  const broken = (): void => void (how.has('reset') ? response.socket?.resetAndDestroy() : response.destroy());
  if (most === 0) setImmediate(broken);
  else response.write(objectBytes(most, 3), broken);
}

function urlOf(size: number): string {
  return `${world.origin.url}/v1/objects/${size}.bin`;
}

async function same(url: string, options: Asked = {}): Promise<void> {
  const expected = await ask(url, options);
  expect(await ask(url, options, proxy)).toEqual(expected);
}

describe('sizes and methods', () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'];
  test.each(SIZES.flatMap((size) => ['GET', 'HEAD'].map((method) => [method, size] as const)))(
    '%s of %i bytes',
    (method, size) => same(urlOf(size), { method }),
  );
  test.each(methods)('%s of an object, of nothing, and elsewhere', async (method) => {
    await same(urlOf(1_000), { method });
    await same(`${world.origin.url}/v1/objects/missing`, { method });
    await same(`${other}/bytes/10`, { method });
  });
});

describe('ranges', () => {
  const ranges = [
    ...['bytes=0-', 'bytes=0-0', 'bytes=0-999', 'bytes=1-', 'bytes=999-', 'bytes=1000-', 'bytes=500-100', 'bytes=-1'],
    ...[
      'bytes=-70000',
      'bytes=-99999999',
      'bytes=-0',
      'bytes=-',
      'bytes=',
      'items=0-5',
      'Bytes=0-5',
      'bytes=0-5,10-20',
    ],
    ...['bytes=65536-131071', 'bytes=100000-900000', 'bytes=1000000-', 'bytes=1000001-2000000', 'bytes=abc-def'],
  ];
  const cases = [0, 1_000, 1_000_001].flatMap((size) => ranges.map((range) => [size, range] as const));
  test.each(cases)('%i bytes, %s', (size, range) => same(urlOf(size), { headers: { Range: range } }));
});

describe('conditions', () => {
  const past = 'Sat, 01 Jan 2000 00:00:00 GMT';
  const future = 'Fri, 01 Jan 2100 00:00:00 GMT';
  const conditions: readonly Readonly<Record<string, string>>[] = [
    { 'If-None-Match': 'ETAG' },
    { 'If-None-Match': 'W/ETAG' },
    { 'If-None-Match': '"other", ETAG' },
    { 'If-None-Match': '"other"' },
    { 'If-None-Match': '*' },
    { 'If-Match': 'ETAG' },
    { 'If-Match': '"other"' },
    { 'If-Modified-Since': past },
    { 'If-Modified-Since': future },
    { 'If-Unmodified-Since': past },
    { 'If-Unmodified-Since': future },
    { 'If-Range': 'ETAG', Range: 'bytes=10-20' },
    { 'If-Range': '"other"', Range: 'bytes=10-20' },
    { 'If-Range': past, Range: 'bytes=10-20' },
    { 'If-Range': 'ETAG', Range: 'bytes=-20' },
    { 'If-None-Match': 'ETAG', Range: 'bytes=10-20' },
    { 'If-Match': '"other"', Range: 'bytes=10-20' },
  ];
  const cases = [1_000, 1_000_001].flatMap((size) => conditions.map((condition) => [size, condition] as const));
  test.each(cases)('%i bytes, %o', (size, condition) => {
    const entries = Object.entries(condition).map(([name, value]) => [name, value.replace('ETAG', etags[size] ?? '')]);
    return same(urlOf(size), { headers: Object.fromEntries(entries) as Record<string, string> });
  });
});

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])('%i to an object, to a path, to nowhere', async (status) => {
    for (const to of [urlOf(1_000), '/bytes/5', 'http://nowhere.invalid/', '']) {
      await same(`${other}/redirect/${status}?to=${encodeURIComponent(to)}`);
    }
  });
});

describe('encodings', () => {
  const encodings = ['gzip', 'br', 'deflate', 'identity', 'own-encoding'];
  test.each(encodings.flatMap((how) => [`/encoded/${how}`, `/encoded/${how}?chunked`]))('%s stays as it is', (path) =>
    same(other + path, { headers: { 'Accept-Encoding': 'gzip, br' } }),
  );
  test.each(['gzip', 'br;q=1, *;q=0', 'identity', '*', ''])('an object, when %j is accepted', (accepted) =>
    same(urlOf(1_000_001), { headers: { 'Accept-Encoding': accepted } }),
  );
});

describe('statuses', () => {
  test.each([200, 201, 202, 203, 204, 205, 300, 304, 400, 401, 403, 404, 407, 409, 410, 429, 500, 502, 503, 504])(
    '%i',
    (status) => same(`${other}/status/${status}`),
  );
});

describe('errors in the middle', () => {
  const ways = ['', '?chunked', '?reset', '?chunked&reset'];
  test.each([1, 1_000, 300_000].flatMap((most) => ways.map((way) => `/cut/${most}${way}`)))('%s', async (path) => {
    const [expected, observed] = [await ask(other + path), await ask(other + path, {}, proxy)];
    expect(expected.error).toBe('ECONNRESET');
    // how much of it comes before a reset is nobody's promise
    expect({ ...observed, body: '' }).toEqual({ ...expected, body: '' });
  });
  test('a connection that is reset before any answer is an answer of the proxy, which has nothing else to give', async () => {
    await expect(ask(`${other}/reset`)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await ask(`${other}/reset`, {}, proxy)).status).toBe(502);
  });
});

describe('slow readers', () => {
  /** Reads in steps, standing still between them. */
  async function slowly(url: string, steps: number, through?: RunningProxy): Promise<unknown> {
    const response = await begun(url, through);
    const hash = createHash('sha256');
    let left = steps;
    for await (const chunk of response) {
      hash.update(chunk as Buffer);
      if (left > 0) await new Promise(setImmediate);
      left -= 1;
    }
    return hash.digest('hex');
  }
  test.each([1, 20, 1_000])('of an object, %i steps', async (steps) => {
    expect(await slowly(urlOf(4_194_304), steps, proxy)).toBe(await slowly(urlOf(4_194_304), steps));
  });
  test.each([1, 20, 1_000])('of another server, %i steps', async (steps) => {
    const url = `${other}/bytes/4000000`;
    expect(await slowly(url, steps, proxy)).toBe(await slowly(url, steps));
  });
});

describe('aborts', () => {
  /** Gives up behind so many bytes; what the application sees of it. */
  async function abortedBehind(url: string, most: number, through?: RunningProxy): Promise<unknown> {
    const response = await begun(url, through);
    let bytes = 0;
    try {
      for await (const chunk of response) {
        bytes += (chunk as Buffer).length;
        if (bytes > most) response.destroy(new Error('enough'));
      }
    } catch (error) {
      return (error as Error).message;
    }
    return 'the end';
  }
  test.each([0, 1_000, 300_000, 2_000_000])('of an object behind %i bytes', async (most) => {
    const url = urlOf(4_194_304);
    expect(await abortedBehind(url, most, proxy)).toBe(await abortedBehind(url, most));
  });
  test.each([0, 1_000, 300_000])('of another server behind %i bytes: it notices, as it would', async (most) => {
    const before = givenUp;
    expect(await abortedBehind(`${other}/endless`, most)).toBe('enough');
    await eventually(() => givenUp === before + 1);
    expect(await abortedBehind(`${other}/endless`, most, proxy)).toBe('enough');
    await eventually(() => givenUp === before + 2);
  });
});

/** The answer, of which nothing is read yet. */
async function begun(url: string, through?: RunningProxy): Promise<IncomingMessage> {
  const { host, pathname, port } = new URL(url);
  const way = through === undefined ? { port, path: pathname } : { port: through.port, path: url };
  const request = httpRequest({ host: '127.0.0.1', ...way, headers: { Host: host } });
  request.on('error', () => {}).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}
