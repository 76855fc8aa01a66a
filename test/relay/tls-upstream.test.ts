// An https upstream: both paths speak TLS to it, verify its certificate, and the joined sockets pass bytes unchanged
// although TLS hands out decrypted records after a pause was asked for.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { eventually, settled } from '../support/eventually.ts';
import { readStream, streamBothWays, writeStream } from './byte-stream.ts';
import { gone, openChannel, request } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { TEST_CERTIFICATE, TEST_KEY } from './tls-fixture.ts';
import { SWITCHING } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';
const TOTAL = 24_000_000;

async function startTls() {
  const upgraded: Socket[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (_, response) => response.end('plain'));
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('upgrade', (_, socket: Socket) => {
    socket.on('error', () => {});
    socket.write(SWITCHING);
    upgraded.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    upgraded,
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test('bytes pass unchanged both ways, on a fresh and on a warm connection', async () => {
  await using upstream = await startTls();
  await using relay = await openRelay(upstream.url, { trustedCertificates: TEST_CERTIFICATE });
  for (const round of [0, 1]) {
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(101);
    const socket = upstream.upgraded[round]!;
    await streamBothWays(channel, socket, { down: TOTAL, up: 1_000_000 });
    await eventually(() => relay.status().warmConnections['main'] === 2);
  }
});

test('records of every size arrive at once and whole, the last ones before the end too; silence holds nothing', async () => {
  await using upstream = await startTls();
  await using relay = await openRelay(upstream.url, {
    trustedCertificates: TEST_CERTIFICATE,
    limits: { warmConnections: 0 },
  });
  using channel = await openChannel(relay.port, PATH);
  const socket = upstream.upgraded[0]!;
  for (const bytes of [1, 16_383, 16_384, 16_385, 262_144, 262_145, 700_000, 3]) {
    const record = Buffer.alloc(bytes, `${bytes} `);
    socket.write(record);
    expect((await channel.read(bytes)).equals(record)).toBe(true);
    await eventually(() => relay.status().bufferBytes === 0);
  }
  const last = Buffer.alloc(100_001, 'last');
  socket.end(last);
  expect((await channel.read(last.length)).equals(last)).toBe(true);
});

test('a stopped client holds back the upstream, and loses nothing', async () => {
  await using upstream = await startTls();
  await using relay = await openRelay(upstream.url, { trustedCertificates: TEST_CERTIFICATE });
  using channel = await openChannel(relay.port, PATH);
  const socket = upstream.upgraded[0]!;
  let written = 0;
  const writing = writeStream(socket, TOTAL * 2, 21, 200_000).then((hash) => {
    written = TOTAL * 2;
    return hash;
  });
  await settled(() => relay.status().sessions[0]?.peakHeldBytes ?? 0);
  expect(written).toBe(0);
  expect(relay.status().sessions[0]?.heldBytes).toBeGreaterThan(0);
  expect(relay.status().sessions[0]?.peakHeldBytes).toBeLessThan(2_000_000);
  expect(await readStream(channel.socket, TOTAL * 2, 22, channel.rest())).toBe(await writing);
});

test('aborts reach the other side', async () => {
  await using upstream = await startTls();
  await using relay = await openRelay(upstream.url, { trustedCertificates: TEST_CERTIFICATE });
  using first = await openChannel(relay.port, PATH);
  upstream.upgraded[0]!.destroy();
  await gone(first.socket);
  using second = await openChannel(relay.port, PATH);
  second.socket.resetAndDestroy();
  await gone(upstream.upgraded[1]!);
  await eventually(() => relay.status().open === 0);
});

test('plain requests pass', async () => {
  await using upstream = await startTls();
  await using relay = await openRelay(upstream.url, { trustedCertificates: TEST_CERTIFICATE });
  expect((await request(relay.port, '/v1/via/main/v1/objects/a')).body.toString()).toBe('plain');
});

test('a certificate that nobody vouches for is refused', async () => {
  await using upstream = await startTls();
  await using relay = await openRelay(upstream.url);
  using channel = await openChannel(relay.port, PATH);
  expect(channel.head.status).toBe(502);
  expect(channel.head.headers.get('proxy-status')).toContain('error=tls_certificate_error');
  const plain = await request(relay.port, '/v1/via/main/v1/objects/a');
  expect(plain.status).toBe(502);
  expect(plain.headers['proxy-status']).toContain('error=tls_certificate_error');
});
