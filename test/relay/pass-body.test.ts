// Bodies of plain answers on their way through a relay: every framing, connections that are used again, memory with a
// client that has stopped, requests behind one another, and buffers that all come back.
import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { eventually, settled } from '../support/eventually.ts';
import { request } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/objects/a';
const MEGABYTE = 1_000_000;

/** An upstream that answers every connection with the same bytes and, if it should, ends it. */
async function startAnswering(answer: Buffer | string, ends: boolean) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => (ends ? socket.end(answer) : socket.write(answer)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, [Symbol.asyncDispose]: async () => void server.close() };
}

const sized: RequestListener = (incoming, response) => {
  const bytes = Number(incoming.url?.split('/').at(-1));
  response.writeHead(200, { 'Content-Length': bytes }).end(Buffer.alloc(bytes, 'x'));
};

describe('a body', () => {
  test('without a length ends with the connection', async () => {
    const body = Buffer.alloc(3 * MEGABYTE, 'until the end ');
    const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n';
    await using upstream = await startAnswering(Buffer.concat([Buffer.from(head), body]), true);
    await using relay = await openRelay(upstream.url);
    expect((await request(relay.port, PATH)).body.equals(body)).toBe(true);
  });

  test('in chunks comes through whole, in large ones and in many small ones', async () => {
    const parts = [
      Buffer.alloc(2 * MEGABYTE, 'large'),
      ...Array.from({ length: 5_000 }, (_, at) => Buffer.from(`${at} `)),
    ];
    await using upstream = await startUpstream({
      onRequest: (_, response) => {
        for (const part of parts) response.write(part);
        response.end();
      },
    });
    await using relay = await openRelay(upstream.url);
    const { headers, body } = await request(relay.port, PATH);
    expect(headers['transfer-encoding']).toBe('chunked');
    expect(body.equals(Buffer.concat(parts))).toBe(true);
  });

  test.each([
    ['that ends too early', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort', true],
    ['whose chunks make no sense', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n', false],
  ])('%s breaks off the answer', async (_, answer, ends) => {
    await using upstream = await startAnswering(answer, ends);
    await using relay = await openRelay(upstream.url);
    await expect(request(relay.port, PATH)).rejects.toThrow();
    await eventually(() => relay.status().open === 0 && relay.status().bufferBytes <= 3 * 16_384);
  });

  test.each([
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: heddle/1\r\nConnection: Upgrade\r\n\r\n',
    'nonsense\r\n\r\n',
  ])('that cannot be told from its head is refused: %j', async (answer) => {
    await using upstream = await startAnswering(answer, false);
    await using relay = await openRelay(upstream.url);
    const { status, body } = await request(relay.port, PATH);
    expect([status, JSON.parse(body.toString()).code]).toEqual([502, 'handshake-failed']);
  });
});

describe('a connection to the upstream', () => {
  test('is used again for requests in turn, and pins little while it waits', async () => {
    await using upstream = await startUpstream({ onRequest: sized });
    await using relay = await openRelay(upstream.url);
    for (let turn = 0; turn < 20; turn += 1) {
      expect((await request(relay.port, `/v1/via/main/${3 * MEGABYTE}`)).body.length).toBe(3 * MEGABYTE);
      await eventually(() => relay.status().open === 0);
    }
    // the first, the two that are kept warm, and perhaps one or two more that were dialled before one came back
    expect(upstream.accepted()).toBeLessThanOrEqual(6);
    const { bufferBytes, warmConnections } = relay.status();
    expect(bufferBytes).toBeLessThanOrEqual(16_384 * (warmConnections['main'] ?? 0));
  });

  test('that dies between two requests costs neither an error', async () => {
    await using upstream = await startUpstream({ onRequest: sized });
    await using relay = await openRelay(upstream.url, { limits: { warmConnections: 1 } });
    expect((await request(relay.port, '/v1/via/main/10')).status).toBe(200);
    await eventually(() => (relay.status().warmConnections['main'] ?? 0) >= 1);
    for (const socket of upstream.sockets) socket.destroy();
    expect((await request(relay.port, '/v1/via/main/10')).body.length).toBe(10);
  });

  test('is not used again when the upstream closes it or said more than asked', async () => {
    await using upstream = await startAnswering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1', false);
    await using relay = await openRelay(upstream.url, { limits: { warmConnections: 1 } });
    for (let turn = 0; turn < 3; turn += 1) expect((await request(relay.port, PATH)).body.toString()).toBe('ok');
  });
});

describe('memory', () => {
  test('with a client that has stopped stays bounded, and all of it comes back', async () => {
    await using upstream = await startUpstream({ onRequest: sized });
    await using relay = await openRelay(upstream.url, { limits: { warmConnections: 0 } });
    const asked = get(`${relay.url}/v1/via/main/${64 * MEGABYTE}`, { agent: false });
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    await settled(() =>
      [...upstream.sockets].reduce((sum, socket) => sum + socket.bytesWritten - socket.writableLength, 0),
    );
    expect(relay.status().bufferBytes).toBeGreaterThan(0);
    expect(relay.status().bufferBytes).toBeLessThan(2 * MEGABYTE);
    response.destroy();
    await eventually(() => relay.status().open === 0 && relay.status().bufferBytes === 0);
  });

  test('comes back when a request waits behind another one and the client leaves', async () => {
    await using upstream = await startUpstream({ onRequest: sized });
    await using relay = await openRelay(upstream.url, { limits: { warmConnections: 0 } });
    const client = connect({ host: '127.0.0.1', port: relay.port });
    client.pause();
    const asked = `GET /v1/via/main/${8 * MEGABYTE} HTTP/1.1\r\nHost: a\r\n\r\n`;
    client.write(asked + asked);
    await eventually(() => relay.status().open === 2);
    await settled(() => [...upstream.sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0));
    client.destroy();
    await eventually(() => relay.status().open === 0 && relay.status().bufferBytes === 0);
  });

  test('requests behind one another on one connection are answered in order', async () => {
    await using upstream = await startUpstream({ onRequest: sized });
    await using relay = await openRelay(upstream.url);
    const client = connect({ host: '127.0.0.1', port: relay.port });
    const sizes = [2 * MEGABYTE, 10, MEGABYTE];
    const last = 'Connection: close\r\n';
    client.write(
      sizes.map((size, at) => `GET /v1/via/main/${size} HTTP/1.1\r\nHost: a\r\n${at === 2 ? last : ''}\r\n`).join(''),
    );
    const chunks: Buffer[] = [];
    client.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(client, 'end');
    const lengths = [
      ...Buffer.concat(chunks)
        .toString('latin1')
        .matchAll(/\r\n\r\n(x*)/g),
    ].map(([, run]) => run?.length);
    expect(lengths).toEqual(sizes);
  });
});
