// The local proxy: what goes through it looks as it does without; objects of configured origins come over all routes;
// tunnels carry bytes as they are; strangers' pages get nothing.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { startProxy } from '../../client/proxy/server.ts';
import type { RunningProxy } from '../../client/proxy/server.ts';
import { settled } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { ask } from '../support/plain-ask.ts';
import type { Asked } from '../support/plain-ask.ts';
import { startProgram } from '../support/program.ts';
import { refusingPort } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const content = objectBytes(3_000_001, 71);
const small = objectBytes(5_000, 72);
const owned = new AsyncDisposableStack();
let world: World;
let links: ShapedLink[];
let proxy: RunningProxy;
/** A server that Heddle knows nothing of. */
let other: string;

beforeAll(async () => {
  world = owned.use(
    await startWorld({ 'a.bin': content, 'small.bin': small, 'page.html': Buffer.from('<h1>Hi</h1>') }),
  );
  const shape = { target: { port: world.origin.port }, megabitsPerSecond: 200, delayMs: 1 };
  links = await Promise.all([startLink(shape), startLink(shape)]);
  for (const link of links) owned.use(link);
  const routes = links.map(({ port }, at) => ({ name: `r${at}`, url: `http://127.0.0.1:${port}` }));
  const origins = [
    { origin: 'http://data.example', routes },
    { origin: world.origin.url, routes },
  ];
  proxy = owned.use(await startProxy({ host: '127.0.0.1', port: 0, origins }));
  other = await startOther();
});
afterAll(() => owned.disposeAsync());

async function startOther(): Promise<string> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { url = '', method, headers } = request;
    if (url === '/cookies') response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    if (url === '/chunked') return void response.write('first, ', () => response.end('second'));
    if (url === '/trailers') {
      response.writeHead(200, { Trailer: 'X-Sum' });
      response.write('bytes');
      response.addTrailers({ 'X-Sum': '5' });
      return void response.end();
    }
    if (url === '/cut') {
      response.writeHead(200, { 'Content-Length': 100 });
      return void response.write('only this', () => response.destroy());
    }
    if (url === '/slow') return void setTimeout(() => response.end('at last'), 50);
    if (url === '/empty') return void response.writeHead(204).end();
    if (url === '/odd') return void response.writeHead(299, 'Odd Enough', { 'X-Odd': 'ä' }).end('odd');
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => {
      const { connection: _connection, host, ...rest } = headers;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ method, url, host, headers: rest, digest: hash.digest('hex') }));
    });
  };
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owned.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function same(url: string, options: Asked = {}): Promise<void> {
  const expected = await ask(url, options);
  expect(await ask(url, options, proxy)).toEqual(expected);
}

describe('the same with and without the proxy', () => {
  const paths = [
    '/v1/objects/a.bin',
    '/v1/objects/small.bin',
    '/v1/objects/page.html',
    '/v1/objects/missing',
    '/livez',
    '/v1/objects?prefix=a',
    '/v1/manifests/a.bin',
  ];
  test.each(paths.flatMap((path) => ['GET', 'HEAD', 'POST', 'OPTIONS'].map((method) => [method, path])))(
    '%s %s of a configured origin',
    (method, path) => same(world.origin.url + path, { method }),
  );
  const ranges = [
    'bytes=0-0',
    'bytes=100-70000',
    'bytes=-1',
    'bytes=-100000',
    'bytes=2999999-',
    'bytes=3000001-',
    'bytes=0-1,5-6',
    'bytes=9-1',
  ];
  test.each(ranges)('Range: %s', (range) =>
    same(`${world.origin.url}/v1/objects/a.bin`, { headers: { Range: range } }),
  );
  test('If-None-Match', async () => {
    const { headers } = await ask(`${world.origin.url}/v1/objects/a.bin`, { method: 'HEAD' });
    const conditions = {
      'If-None-Match': headers.etag,
      'If-Match': '"x"',
      'If-Modified-Since': headers['last-modified'],
    };
    for (const [name, value] of Object.entries(conditions)) {
      await same(`${world.origin.url}/v1/objects/a.bin`, { headers: { [name]: value } });
    }
  });
  test.each(['/cookies', '/chunked', '/trailers', '/cut', '/slow', '/empty', '/odd', '/echo?a=b&c=%20'])(
    '%s of another server',
    (path) => same(other + path),
  );
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])('%s with a body', (method) =>
    same(`${other}/echo`, { method, body: small, headers: { 'Content-Type': 'application/x-y', 'X-Own': 'ä' } }),
  );
  test('a chunked body', () =>
    same(`${other}/echo`, { method: 'POST', body: content, headers: { 'Transfer-Encoding': 'chunked' } }));
  test('headers that come twice', () => same(`${other}/echo`, { headers: { 'X-Twice': ['1', '2'], Accept: 'a/b' } }));
});

describe('as a forward proxy', () => {
  test('an origin that nobody can reach is split over its routes', async () => {
    const before = links.map(({ carriedBytes }) => carriedBytes.down);
    const { status, body } = await ask('http://data.example/v1/objects/a.bin', {}, proxy);
    expect([status, body]).toEqual([200, createHash('sha256').update(content).digest('hex')]);
    for (const [at, link] of links.entries())
      expect(link.carriedBytes.down - (before[at] ?? 0)).toBeGreaterThan(100_000);
  });

  test('what speaks to the proxy, or about one connection, stays here', async () => {
    const headers = {
      'Proxy-Connection': 'keep-alive',
      'Proxy-Authorization': 'Basic x',
      Connection: 'X-Hop',
      'X-Hop': '1',
      TE: 'trailers',
    };
    const request = httpRequest({ host: '127.0.0.1', port: proxy.port, path: `${other}/echo`, headers });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const echo = JSON.parse(await text(response)) as { host: string; headers: object };
    expect(echo.host).toBe(new URL(other).host);
    expect(echo.headers).toEqual({});
  });

  test('a server that refuses, and a name that is none: 502 and one line', async () => {
    for (const url of [`http://127.0.0.1:${await refusingPort()}/`, 'http://nowhere.invalid/']) {
      expect((await ask(url, {}, proxy)).status).toBe(502);
    }
  });

  test('many clients at once, on connections that are kept', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        const headers = { Range: `bytes=${at * 50_000}-${at * 50_000 + 99_999}` };
        const { body } = await ask('http://data.example/v1/objects/a.bin', { headers }, proxy);
        return (
          body ===
          createHash('sha256')
            .update(content.subarray(at * 50_000, at * 50_000 + 100_000))
            .digest('hex')
        );
      }),
    );
    expect(answers).toEqual(answers.map(() => true));
  });

  test('a client that goes away leaves nothing behind', async () => {
    const request = httpRequest({ host: '127.0.0.1', port: proxy.port, path: 'http://data.example/v1/objects/a.bin' });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.on('error', () => {});
    await once(response, 'data');
    request.destroy();
    await settled(() => links.reduce((sum, { carriedBytes }) => sum + carriedBytes.down, 0));
    const queued = links.reduce((sum, { queuedBytes }) => sum + queuedBytes.down, 0);
    expect(queued).toBe(0);
  });
});

describe('CONNECT', () => {
  async function tunnel(target: string): Promise<{ status: string; answer: string }> {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    const [first] = (await once(socket, 'data')) as [Buffer];
    const status = first.toString().split('\r\n')[0] ?? '';
    if (!status.includes('200')) {
      socket.destroy();
      return { status, answer: '' };
    }
    socket.write('hello');
    socket.end();
    return { status, answer: await text(socket) };
  }

  test('carries bytes as they are, and both ends of them', async () => {
    const echo = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
      socket.on('end', () => socket.end(' and bye'));
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    owned.defer(() => void echo.close());
    const { port } = echo.address() as AddressInfo;
    expect(await tunnel(`127.0.0.1:${port}`)).toEqual({
      status: 'HTTP/1.1 200 Connection established',
      answer: 'HELLO and bye',
    });
  });

  test('says what does not work', async () => {
    expect((await tunnel(`127.0.0.1:${await refusingPort()}`)).status).toBe('HTTP/1.1 502 Bad Gateway');
    expect((await tunnel(`127.0.0.1:${proxy.port}`)).status).toBe('HTTP/1.1 400 Bad Request');
    expect((await tunnel('nonsense')).status).toBe('HTTP/1.1 400 Bad Request');
    expect((await tunnel('x:99999')).status).toBe('HTTP/1.1 400 Bad Request');
  });
});

describe('as a gateway', () => {
  const own = (path: string): string => `${proxy.url}${path}`;

  test('/o/<key> is the object, with ranges', async () => {
    const whole = await ask(own('/o/a.bin'));
    expect(whole).toMatchObject({ status: 200, body: createHash('sha256').update(content).digest('hex') });
    expect(whole.headers['content-security-policy']).toBe('sandbox');
    const part = await ask(own('/o/a.bin'), { headers: { Range: 'bytes=10-19' } });
    expect(part).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 10-19/3000001' } });
    expect((await ask(own('/o/missing'))).status).toBe(404);
    expect((await ask(own('/o/a.bin'), { method: 'HEAD' })).headers['content-length']).toBe('3000001');
    const again = await ask(own('/o/a.bin'), { headers: { 'If-None-Match': whole.headers.etag } });
    expect(again.status).toBe(304);
  });

  test('/http/<host>/<path> is a configured origin, and no other', async () => {
    const { host } = new URL(world.origin.url);
    expect((await ask(own('/http/data.example/v1/objects/small.bin'))).status).toBe(200);
    expect((await ask(own(`/http/${host}/livez`))).status).toBe(200);
    expect((await ask(own(`/http/${new URL(other).host}/echo`))).status).toBe(403);
  });

  test('other names, other sites and other methods are refused', async () => {
    expect((await ask(own('/o/a.bin'), { headers: { Host: 'evil.example' } })).status).toBe(421);
    expect((await ask(own('/o/a.bin'), { headers: { 'Sec-Fetch-Site': 'cross-site' } })).status).toBe(403);
    expect((await ask(own('/o/a.bin'), { headers: { Origin: 'https://evil.example' } })).status).toBe(403);
    const refused = await ask(own('/o/a.bin'), { method: 'POST' });
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  test('/ says what there is', async () => {
    const response = await fetch(own('/'));
    expect(await response.text()).toContain(`http_proxy=${proxy.url}`);
  });
});

describe('the command', () => {
  test('listens on the loopback, and ends when told', async () => {
    const routes = links.map(({ port }, at) => ['--route', `r${at}=http://127.0.0.1:${port}`]).flat();
    const args = ['proxy', '--listen', '127.0.0.1:0', '--origin', 'http://data.example', ...routes];
    await using program = startProgram(args, { tethered: true, env: { XDG_STATE_HOME: world.folder.file('own') } });
    const [, url = ''] = await program.said(/ on (http:\/\/127\.0\.0\.1:\d+)/);
    const response = await fetch(`${url}/o/a.bin`);
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    program.signal('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test.each([
    [['--listen', '0.0.0.0:0', '--route', 'a=http://x'], 2, /more than this machine/],
    [['--listen', 'nonsense', '--route', 'a=http://x'], 1, /HOST:PORT/],
    [[], 1, /nothing to split/],
    [['--origin', 'http://data.example'], 2, /no route/],
    [['--origin', 'data.example', '--route', 'a=http://x'], 2, /no http or https origin/],
  ])('%j is refused in one line', async (args, code, line) => {
    await using program = startProgram(['proxy', '--listen', '127.0.0.1:0', ...args]);
    const outcome = await program.ended;
    expect([outcome.code, outcome.stdout.toString()]).toEqual([code, '']);
    expect(outcome.stderr).toMatch(line);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('a port that is taken', async () => {
    const args = ['proxy', '--listen', `127.0.0.1:${proxy.port}`, '--route', 'a=http://x'];
    await using program = startProgram(args);
    const outcome = await program.ended;
    expect(outcome.code).toBe(6);
    expect(outcome.stderr).toMatch(/somebody listens there already/);
  });
});
