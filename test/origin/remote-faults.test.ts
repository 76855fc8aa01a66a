// What servers do wrong when they are asked for a range, and that it is an error, or is asked for again, but never a wrong
// byte: ignored and false ranges, error pages, short and long bodies, silence, drips, redirects, objects that change.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../origin/backend.ts';
import { openHttpBackend } from '../../origin/http-backend.ts';
import type { HttpPlace } from '../../origin/http-backend.ts';
import { resolveTuning } from '../../origin/options.ts';
import type { OriginTuning } from '../../origin/options.ts';
import { answerRange, startScripted } from '../support/mirrors.ts';
import type { AskedRange } from '../support/mirrors.ts';
import { bytesOf } from './fixture.ts';

const SIZE = 2_000_000;
const BYTES = bytesOf(SIZE);
const OTHER = bytesOf(SIZE, 'other');
const HEADERS = { ETag: '"v1"', 'Last-Modified': 'Mon, 06 Sep 2021 10:00:00 GMT' };

/** What the server does with the requests for a range; the rest it answers as an honest one. */
type Misbehave = (
  response: ServerResponse,
  range: NonNullable<AskedRange>,
  count: number,
  request: IncomingMessage,
) => void;

function honestly(response: ServerResponse, range: AskedRange): void {
  answerRange(response, BYTES, range, HEADERS);
}

async function start(misbehave: Misbehave, tuning: Partial<OriginTuning> = {}, options: Partial<HttpPlace> = {}) {
  await using stack = new AsyncDisposableStack();
  let count = 0;
  const asked: string[] = [];
  const server = stack.use(
    await startScripted((request, response, range) => {
      asked.push(`${request.method} ${request.url}`);
      if (request.method === 'HEAD') response.writeHead(200, { ...HEADERS, 'Content-Length': SIZE }).end();
      else if (range === undefined) honestly(response, range);
      else misbehave(response, range, (count += 1), request);
    }),
  );
  const settings = resolveTuning({ backendStallMs: 300, backendReadMs: 10_000, backendFreshMs: 60_000, ...tuning });
  const backend = await openHttpBackend({ url: `${server.url}files`, ...options }, settings);
  stack.defer(() => backend.close());
  const owned = stack.move();
  return { backend, server, asked, count: () => count, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Reads a part from its middle on. */
async function read(backend: Backend, first = 100_001, length = 300_000): Promise<Buffer> {
  const stat = await backend.stat('file');
  const handle = await backend.open('file', stat?.version ?? '');
  const buffers = [Buffer.alloc(7), Buffer.alloc(length - 7)];
  try {
    await handle.read(buffers, first);
    return Buffer.concat(buffers);
  } finally {
    await handle.close();
  }
}

const WANTED = BYTES.subarray(100_001, 400_001);

describe('an error, and no other request', () => {
  const page = '<html>We are sorry</html>';
  test.each<[how: string, code: string, message: RegExp, misbehave: Misbehave]>([
    ['ignores the range', 'read-failed', /does not answer byte ranges/, (response) => honestly(response, undefined)],
    [
      'sends another range, rightly labelled',
      'read-failed',
      /another range/,
      (response, { first, last }) => honestly(response, { first: first + 1, last }),
    ],
    [
      'labels the wrong bytes in a way that cannot be',
      'read-failed',
      /another range/,
      (response) => response.writeHead(206, { ...HEADERS, 'Content-Range': 'bytes 5-2/9' }).end('x'),
    ],
    [
      'sends no Content-Range',
      'read-failed',
      /another range/,
      (response) => response.writeHead(206, HEADERS).end(WANTED),
    ],
    [
      'announces two lengths',
      'read-failed',
      /another length/,
      (response, { first, last }) =>
        response
          .writeHead(206, { ...HEADERS, 'Content-Length': 4, 'Content-Range': `bytes ${first}-${last}/${SIZE}` })
          .end('1234'),
    ],
    [
      'sends more than it announced',
      'read-failed',
      /more than it had announced/,
      (response, { first, last }) =>
        response
          .writeHead(206, { ...HEADERS, 'Content-Range': `bytes ${first}-${last}/${SIZE}` })
          .end(Buffer.concat([WANTED, WANTED])),
    ],
    [
      'says that the object has another size',
      'object-changed',
      /another version/,
      (response, { first, last }) =>
        response
          .writeHead(206, {
            ...HEADERS,
            'Content-Length': WANTED.length,
            'Content-Range': `bytes ${first}-${last}/9999999`,
          })
          .end(WANTED),
    ],
    [
      'sends an error page with 200',
      'read-failed',
      /neither a strong ETag/,
      (response) => response.writeHead(200).end(page),
    ],
    [
      'sends an error page with 200 and a tag',
      'object-changed',
      /another version/,
      (response) => response.writeHead(200, { ETag: '"page"', 'Content-Length': page.length }).end(page),
    ],
    [
      'sends the range of another version',
      'object-changed',
      /another version/,
      (response, range) => answerRange(response, OTHER, range, { ...HEADERS, ETag: '"v2"' }),
    ],
    [
      'sends the range compressed',
      'read-failed',
      /encoded \(gzip\)/,
      (response, range) => answerRange(response, BYTES, range, { ...HEADERS, 'Content-Encoding': 'gzip' }),
    ],
    ['says that the version is gone', 'object-changed', /another version/, (response) => response.writeHead(412).end()],
    ['says that the object is gone', 'object-changed', /is gone/, (response) => response.writeHead(404).end(page)],
    ['refuses', 'read-failed', /it answered 403/, (response) => response.writeHead(403).end(page)],
    ['has moved on to other words', 'read-failed', /it answered 299/, (response) => response.writeHead(299).end(page)],
  ])('when the server %s', async (_how, code, message, misbehave) => {
    await using place = await start(misbehave);
    await expect(read(place.backend)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(place.count()).toBe(1);
  });
});

describe('asked for again, from where it stopped', () => {
  test.each<[how: string, misbehave: Misbehave]>([
    ['breaks off', (response, range) => breakOff(response, range, 90_000)],
    ['breaks off before the first byte', (response) => response.destroy()],
    ['is overloaded', (response) => response.writeHead(503, { 'Retry-After': '0' }).end('later')],
    ['limits requests', (response) => response.writeHead(429).end('later')],
    [
      'falls silent',
      (response, { first }) =>
        void response.writeHead(206, rangeHeaders(first)).write(BYTES.subarray(first, first + 1_000)),
    ],
    ['is silent', () => {}],
    [
      'ends early and says nothing of it',
      (response, { first, last }) =>
        response
          .writeHead(206, { ...HEADERS, 'Content-Range': `bytes ${first}-${last}/${SIZE}` })
          .end(BYTES.subarray(first, first + 70_000)),
    ],
  ])('when the server %s', async (_how, misbehave) => {
    await using place = await start((response, range, count, request) =>
      count <= 2 ? misbehave(response, range, count, request) : honestly(response, range),
    );
    expect((await read(place.backend)).equals(WANTED)).toBe(true);
    expect(place.count()).toBe(3);
  });

  test('but not for ever: the third failure is one', async () => {
    await using place = await start((response, range) => breakOff(response, range, 1_000));
    await expect(read(place.backend)).rejects.toMatchObject({ code: 'read-failed' });
    expect(place.count()).toBe(3);
  });

  test('as often as it takes when the server sends ranges in small parts', async () => {
    await using place = await start((response, { first, last }) =>
      honestly(response, { first, last: Math.min(last, first + 9_999) }),
    );
    expect((await read(place.backend)).equals(WANTED)).toBe(true);
    expect(place.count()).toBe(30);
  });

  test('more than was asked for is cut', async () => {
    await using place = await start((response, { first }) => honestly(response, { first, last: SIZE - 1 }));
    expect((await read(place.backend)).equals(WANTED)).toBe(true);
  });
});

describe('time limits', () => {
  test('a slow drip ends at the deadline, however often a byte comes', async () => {
    let dripping: NodeJS.Timeout | undefined;
    await using place = await start(
      (response, { first }) => {
        response.writeHead(206, rangeHeaders(first));
        dripping = setInterval(() => response.write('x'), 20);
        response.once('close', () => clearInterval(dripping));
      },
      { backendReadMs: 500 },
    );
    await expect(read(place.backend)).rejects.toMatchObject({
      code: 'read-failed',
      message: expect.stringContaining('took too long'),
    });
    expect(place.count()).toBe(1);
  });

  test('who closes the object, or the place, ends what is under way', async () => {
    for (const what of ['object', 'place'] as const) {
      const silent = Promise.withResolvers<void>();
      await using place = await start(() => silent.resolve(), { backendStallMs: 60_000, backendReadMs: 60_000 });
      const handle = await place.backend.open('file', (await place.backend.stat('file'))?.version ?? '');
      const reading = expect(handle.read([Buffer.alloc(9)], 0)).rejects.toMatchObject({ code: 'read-failed' });
      await silent.promise;
      await (what === 'object' ? handle : place.backend).close();
      await reading;
    }
  });

  test('a server that is not there is an error in a moment', async () => {
    await using place = await start(honestly);
    await place.server[Symbol.asyncDispose]();
    await expect(place.backend.stat('file')).rejects.toMatchObject({
      code: 'read-failed',
      message: expect.stringMatching(/^127\.0\.0\.1:\d+: the connection is refused$/),
    });
  });
});

describe('an object that changes', () => {
  test('in place while it is sent is noticed, though the head promised the old version', async () => {
    let etag = '"v1"';
    await using server = await startScripted((request, response, range) => {
      if (request.method === 'HEAD') {
        response.writeHead(200, { ETag: etag, 'Content-Length': SIZE }).end();
        return;
      }
      const { first = 0, last = 0 } = range ?? {};
      const middle = Math.floor((first + last) / 2);
      response.writeHead(206, { ...rangeHeaders(first, last), ETag: etag }).write(BYTES.subarray(first, middle));
      etag = '"v2"';
      response.end(OTHER.subarray(middle, last + 1));
    });
    const backend = await openHttpBackend({ url: server.url }, resolveTuning({}));
    await expect(read(backend)).rejects.toMatchObject({ code: 'object-changed' });
    await backend.close();
  });

  test('within the second that Last-Modified counts in is looked at again when the second is over', async () => {
    let looks = 0;
    let modified = '';
    await using server = await startScripted((_request, response) => {
      looks += 1;
      if (modified === '') modified = new Date().toUTCString();
      response.writeHead(200, { 'Content-Length': 5, 'Last-Modified': modified }).end();
    });
    const backend = await openHttpBackend({ url: server.url }, resolveTuning({}));
    expect(await backend.stat('file')).toMatchObject({ size: 5 });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(modified) + 1_000);
    expect(looks).toBeGreaterThan(1);
    await backend.close();
  });

  test('is asked about once in a while only', async () => {
    await using place = await start(honestly);
    await Promise.all([place.backend.stat('file'), place.backend.stat('file'), place.backend.stat('other')]);
    await place.backend.stat('file');
    expect(place.asked).toEqual(['HEAD /files/file', 'HEAD /files/other']);
  });
});

describe('a server that knows less', () => {
  test.each([405, 501])('answers HEAD with %i and is asked for a byte', async (status) => {
    await using server = await startScripted((request, response, range) => {
      if (request.method === 'HEAD') response.writeHead(status).end();
      else honestly(response, range);
    });
    const backend = await openHttpBackend({ url: server.url }, resolveTuning({}));
    expect((await read(backend)).equals(WANTED)).toBe(true);
    await backend.close();
  });

  test.each<[what: string, headers: Record<string, string>, message: RegExp]>([
    ['no validator', {}, /neither a strong ETag nor Last-Modified/],
    ['a weak tag only', { ETag: 'W/"1"' }, /neither a strong ETag nor Last-Modified/],
    ['an encoding', { ETag: '"1"', 'Content-Encoding': 'br' }, /encoded \(br\)/],
  ])('gives %s: its objects are not served', async (_what, headers, message) => {
    await using server = await startScripted((_request, response) => {
      response.writeHead(200, { 'Content-Length': 5, ...headers }).end();
    });
    const backend = await openHttpBackend({ url: server.url }, resolveTuning({}));
    await expect(backend.stat('file')).rejects.toMatchObject({
      code: 'read-failed',
      message: expect.stringMatching(message),
    });
    await backend.close();
  });
});

describe('a redirect', () => {
  async function redirecting(to: (origin: string, url: string) => string, options: Partial<HttpPlace> = {}) {
    await using stack = new AsyncDisposableStack();
    const told: (string | undefined)[] = [];
    const target = stack.use(
      await startScripted((request, response, range) => {
        told.push(request.headers.authorization);
        if (request.method === 'HEAD') response.writeHead(200, { ...HEADERS, 'Content-Length': SIZE }).end();
        else honestly(response, range);
      }),
    );
    const server = stack.use(
      await startScripted((request, response, range) => {
        const url = request.url ?? '';
        if (url.startsWith('/new/')) {
          if (request.method === 'HEAD') response.writeHead(200, { ...HEADERS, 'Content-Length': SIZE }).end();
          else honestly(response, range);
        } else response.writeHead(302, { Location: to(target.url, url) }).end();
      }),
    );
    const secret = 'Bearer secret-of-the-server';
    const place = { url: server.url, authorization: secret, ...options };
    const hosts = options.redirectHosts?.map(() => `127.0.0.1:${target.port}`);
    const backend = await openHttpBackend({ ...place, redirectHosts: hosts }, resolveTuning({}));
    stack.defer(() => backend.close());
    const owned = stack.move();
    return { backend, told, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }

  test('on the same server is followed', async () => {
    await using place = await redirecting((_target, url) => `/new${url}`);
    expect((await read(place.backend)).equals(WANTED)).toBe(true);
  });

  test('to a server that is named is followed, without the credentials', async () => {
    await using place = await redirecting((target, url) => target + url.slice(1), { redirectHosts: ['the target'] });
    expect((await read(place.backend)).equals(WANTED)).toBe(true);
    expect(place.told.length).toBeGreaterThan(1);
    expect(place.told.every((authorization) => authorization === undefined)).toBe(true);
  });

  test.each<[where: string, to: (target: string, url: string) => string, message: RegExp]>([
    ['to any other server', (target, url) => target + url.slice(1), /redirects to 127\.0\.0\.1:\d+; if that is right/],
    ['in a circle', (_target, url) => url, /more than 5 times/],
    ['to a file', () => 'file:///etc/passwd', /redirects to file:/],
    ['with a password', () => 'http://a:b@127.0.0.1/x', /with a password/],
    ['to nothing', () => 'http://', /does not say where to/],
  ])('%s is not', async (_where, to, message) => {
    await using place = await redirecting(to);
    await expect(place.backend.stat('file')).rejects.toMatchObject({
      code: 'read-failed',
      message: expect.stringMatching(message),
    });
    expect(place.told).toEqual([]);
  });
});

function rangeHeaders(first: number, last = SIZE - 1): Record<string, string> {
  return { ...HEADERS, 'Content-Range': `bytes ${first}-${last}/${SIZE}`, 'Content-Length': String(last - first + 1) };
}

/** Sends the head of the whole answer and its first `bytes`, and breaks the connection when they are out. */
function breakOff(response: ServerResponse, { first, last }: NonNullable<AskedRange>, bytes: number): void {
  response.writeHead(206, rangeHeaders(first, last));
  response.write(BYTES.subarray(first, first + bytes), () => response.destroy());
}
