// Plain GET and HEAD through relays: bytes, headers and paths as they are, aborts in both directions, errors as
// problem documents.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { eventually, settled } from '../support/eventually.ts';
import { writeStream } from './byte-stream.ts';
import { closed, request } from './channel-client.ts';
import { openChain, openRelay } from './relays.ts';
import { startUpstream } from './upstream-server.ts';

const DATA = Buffer.from(Uint32Array.from({ length: 262_144 }, (_, at) => at * 2_654_435_761).buffer);

/** Serves DATA whole or by range, and tells in a header which target it was asked for. */
function serveData(incoming: IncomingMessage, response: ServerResponse): void {
  const range = /^bytes=([0-9]+)-([0-9]+)$/.exec(incoming.headers.range ?? '');
  const [from, to] = range === null ? [0, DATA.length - 1] : [Number(range[1]), Number(range[2])];
  response.writeHead(range === null ? 200 : 206, {
    'Content-Length': to - from + 1,
    'X-Target': incoming.url,
    ETag: '"abc"',
    ...(range === null ? {} : { 'Content-Range': `bytes ${from}-${to}/${DATA.length}` }),
  });
  response.end(incoming.method === 'HEAD' ? undefined : DATA.subarray(from, to + 1));
}

describe('an answer', () => {
  test.each([1, 2, 3])('comes whole, by range and as head through %i relays', async (hops) => {
    await using upstream = await startUpstream({ onRequest: serveData });
    await using chain = await openChain(hops, upstream.url);
    const path = `${chain.prefix}/v1/objects/a`;
    const whole = await request(chain.port, path);
    expect(whole.status).toBe(200);
    expect(whole.body.equals(DATA)).toBe(true);
    expect(whole.headers).toMatchObject({ etag: '"abc"', 'x-target': '/v1/objects/a' });
    expect(whole.headers.via?.split(', ')).toHaveLength(hops);
    const part = await request(chain.port, path, { headers: { Range: 'bytes=1000-70000', 'If-Range': '"abc"' } });
    expect(part.status).toBe(206);
    expect(part.headers['content-range']).toBe(`bytes 1000-70000/${DATA.length}`);
    expect(part.body.equals(DATA.subarray(1_000, 70_001))).toBe(true);
    const head = await request(chain.port, path, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers['content-length']).toBe(String(DATA.length));
    expect(head.body.length).toBe(0);
  });

  test.each(['/v1/objects/a%20b/%C3%A9?x=%2F&y=a+b', '/v1/objects?prefix=a%2Fb', '/any/thing+~%7e;a=1,b?'])(
    'is asked for by the path byte for byte: %s',
    async (path) => {
      await using upstream = await startUpstream({ onRequest: serveData });
      await using chain = await openChain(2, upstream.url);
      expect((await request(chain.port, chain.prefix + path)).headers['x-target']).toBe(path);
    },
  );

  test('passes with any status, and repeated headers stay apart', async () => {
    await using upstream = await startUpstream({
      onRequest: (_, response) => {
        response.writeHead(418, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Connection', 'x-hop', 'X-Hop', 'no']);
        response.end('short');
      },
    });
    await using relay = await openRelay(upstream.url);
    const answer = await request(relay.port, '/v1/via/main/v1/objects/a');
    expect(answer.status).toBe(418);
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(answer.headers).not.toHaveProperty('x-hop');
    expect(answer.body.toString()).toBe('short');
  });

  test('stays compressed and chunked as the upstream made it', async () => {
    const packed = gzipSync('some text that is compressed');
    await using upstream = await startUpstream({
      onRequest: (incoming, response) => {
        expect(incoming.headers['accept-encoding']).toBe('gzip');
        response.writeHead(200, { 'Content-Encoding': 'gzip' });
        response.write(packed.subarray(0, 5));
        setImmediate(() => response.end(packed.subarray(5)));
      },
    });
    await using relay = await openRelay(upstream.url);
    const answer = await request(relay.port, '/v1/via/main/v1/objects/a', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.body.equals(packed)).toBe(true);
  });

  test('reaches the upstream with its own Host, without what is for one hop', async () => {
    const seen: IncomingMessage['headers'][] = [];
    await using upstream = await startUpstream({
      onRequest: (incoming, response) => {
        seen.push(incoming.headers);
        response.end();
      },
    });
    await using relay = await openRelay(upstream.url);
    const headers = { 'X-End': 'yes', 'X-Hop': 'no', Connection: 'close, X-Hop', TE: 'trailers', Via: '1.1 front' };
    await request(relay.port, '/v1/via/main/v1/objects/a', { headers });
    expect(seen[0]).toMatchObject({ host: `127.0.0.1:${upstream.port}`, 'x-end': 'yes' });
    expect(seen[0]?.via).toMatch(/^1\.1 front, 1\.1 heddle-[0-9a-f]{12}$/);
    for (const name of ['x-hop', 'te']) expect(seen[0]).not.toHaveProperty(name);
  });
});

describe('back-pressure and aborts', () => {
  const PATH = '/v1/via/main/v1/objects/a';

  /** An upstream that streams `total` bytes and hands out the socket of each answer. */
  async function startStreaming(total: number) {
    const answering = Promise.withResolvers<{ socket: Socket; hash: Promise<string> }>();
    const server = await startUpstream({
      onRequest: (incoming, response) => {
        const socket = incoming.socket;
        response.writeHead(200, { 'Content-Length': total });
        response.flushHeaders();
        answering.resolve({ socket, hash: writeStream(socket, total, 71, 200_000) });
      },
    });
    return { server, answering: answering.promise, [Symbol.asyncDispose]: () => server.close() };
  }

  test('a stopped client holds back the upstream, and loses nothing', async () => {
    const total = 64_000_000;
    await using upstream = await startStreaming(total);
    await using relay = await openRelay(upstream.server.url);
    const [response] = (await once(get(`${relay.url}${PATH}`, { agent: false }), 'response')) as [IncomingMessage];
    const { socket, hash } = await upstream.answering;
    const accepted = await settled(() => socket.bytesWritten - socket.writableLength);
    expect(accepted).toBeLessThan(total);
    const got = createHash('sha256');
    response.on('data', (chunk: Buffer) => got.update(chunk));
    await once(response, 'end');
    expect(got.digest('hex')).toBe(await hash);
  });

  test('a client that leaves ends the request to the upstream', async () => {
    await using upstream = await startStreaming(64_000_000);
    await using relay = await openRelay(upstream.server.url);
    const [response] = (await once(get(`${relay.url}${PATH}`, { agent: false }), 'response')) as [IncomingMessage];
    const { socket, hash } = await upstream.answering;
    hash.catch(() => {});
    response.destroy();
    await closed(socket);
    await eventually(() => relay.status().open === 0);
  });

  test('a client that leaves before the answer ends the request to the upstream', async () => {
    const asked = Promise.withResolvers<Socket>();
    await using upstream = await startUpstream({ onRequest: (incoming) => asked.resolve(incoming.socket) });
    await using relay = await openRelay(upstream.url);
    const client = connect({ host: '127.0.0.1', port: relay.port });
    client.write(`GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const socket = await asked.promise;
    client.destroy();
    await closed(socket);
    await eventually(() => relay.status().open === 0);
  });

  test('an upstream that breaks off breaks off the answer', async () => {
    await using upstream = await startStreaming(64_000_000);
    await using relay = await openRelay(upstream.server.url);
    const [response] = (await once(get(`${relay.url}${PATH}`, { agent: false }), 'response')) as [IncomingMessage];
    const { socket, hash } = await upstream.answering;
    hash.catch(() => {});
    response.once('data', () => socket.resetAndDestroy());
    await expect(once(response, 'end')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await eventually(() => relay.status().open === 0);
  });
});

describe('a refusal', () => {
  test('of a dead upstream is a problem with 502', async () => {
    const upstream = await startUpstream();
    await upstream.close();
    await using relay = await openRelay(upstream.url);
    const { status, headers, body } = await request(relay.port, '/v1/via/main/v1/objects/a');
    expect(status).toBe(502);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(headers['proxy-status']).toMatch(/^heddle-[0-9a-f]{12}; error=connection_refused; next-hop="main"$/);
    expect(JSON.parse(body.toString())).toMatchObject({ status: 502, code: 'unreachable' });
    expect(body.toString()).not.toContain(String(upstream.port));
  });

  test('of a silent upstream is a problem with 504', async () => {
    await using upstream = await startUpstream({ onRequest: () => {} });
    await using relay = await openRelay(upstream.url, { limits: { answerTimeoutMs: 200 } });
    const { status, body } = await request(relay.port, '/v1/via/main/v1/objects/a');
    expect(status).toBe(504);
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'timeout' });
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('of %s says what passes', async (method) => {
    await using upstream = await startUpstream({ onRequest: serveData });
    await using relay = await openRelay(upstream.url);
    const { status, headers, body } = await request(relay.port, '/v1/via/main/v1/objects/a', { method });
    expect(status).toBe(405);
    expect(headers.allow).toBe('GET, HEAD');
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'bad-request' });
    expect(upstream.accepted()).toBe(0);
  });

  test.each([
    ['/v1/via/other/v1/objects/a', 404, 'unknown-upstream'],
    ['/v1/objects/a', 404, 'bad-request'],
    ['/v1/via/main/%zz', 400, 'bad-request'],
    ['/v1/via/main/../a', 400, 'bad-request'],
    ['/via/main/a', 404, 'bad-request'],
  ])('of %s', async (path, status, code) => {
    await using upstream = await startUpstream({ onRequest: serveData });
    await using relay = await openRelay(upstream.url);
    const answer = await request(relay.port, path);
    expect([answer.status, JSON.parse(answer.body.toString()).code]).toEqual([status, code]);
    expect(upstream.accepted()).toBe(0);
  });

  test('of a loop says 508', async () => {
    await using upstream = await startUpstream({ onRequest: serveData });
    await using relay = await openRelay(upstream.url);
    const via = (await request(relay.port, '/v1/via/main/a')).headers.via!;
    const answer = await request(relay.port, '/v1/via/main/a', { headers: { Via: `1.1 front, ${via}` } });
    expect([answer.status, JSON.parse(answer.body.toString()).code]).toEqual([508, 'loop-detected']);
  });

  test('of any other upgrade is none: the request is served as a plain one', async () => {
    await using upstream = await startUpstream({ onRequest: serveData });
    await using relay = await openRelay(upstream.url);
    const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAAA' };
    const answer = await request(relay.port, '/v1/via/main/v1/objects/a', { headers });
    expect(answer.status).toBe(200);
    expect(answer.body.equals(DATA)).toBe(true);
  });
});

test('health is told at the root', async () => {
  await using upstream = await startUpstream();
  await using relay = await openRelay(upstream.url);
  expect((await request(relay.port, '/livez')).status).toBe(200);
  expect((await request(relay.port, '/readyz')).status).toBe(200);
  expect((await request(relay.port, '/metrics')).status).toBe(404);
});
