// How a relay stops: not ready at once, still serving; then no new sessions; then the deadline.
import { describe, expect, test } from 'vitest';
import { createIssuer } from '../protocol/access/issuer.ts';
import { eventually } from '../support/eventually.ts';
import { closed, openChannel, request } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { echoing, startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';
const HOUR_MS = 3_600_000;

async function readiness(port: number): Promise<number> {
  return (await request(port, '/readyz')).status;
}

test('readiness and liveness say nothing of upstreams, and ask none', async () => {
  await using upstream = await startUpstream({ onUpgrade: echoing });
  await using relay = await openRelay(upstream.url);
  const answers = await Promise.all(
    Array.from(
      { length: 200 },
      async (_, at) => (await request(relay.port, at % 2 === 0 ? '/readyz' : '/livez')).status,
    ),
  );
  expect(new Set(answers)).toEqual(new Set([200]));
  expect(upstream.accepted()).toBe(0);
  await upstream.close();
  expect(await readiness(relay.port)).toBe(200);
});

test('a relay behind another says through it that it is about to stop, also to tokens for a prefix', async () => {
  const issuer = await createIssuer();
  await using upstream = await startUpstream({ onUpgrade: echoing });
  await using inner = await openRelay(upstream.url, { tokenKeys: issuer.keys });
  await using outer = await openRelay(inner.url, { tokenKeys: issuer.keys });
  const headers = { Authorization: await issuer.issue({ prefixes: ['data/'] }) };
  const ask = async (): Promise<[number, string]> => {
    const { status, body } = await request(outer.port, '/v1/via/main/readyz', { headers });
    return [status, body.toString()];
  };
  expect(await ask()).toEqual([200, 'ready\n']);
  const stopping = inner.close({ noticeMs: HOUR_MS, deadlineMs: HOUR_MS });
  expect(await ask()).toEqual([503, 'draining\n']);
  await inner.close({ noticeMs: 0, deadlineMs: 0 });
  await stopping;
});

describe('a relay that stops', () => {
  test('serves new sessions during the notice, refuses them after it, and waits for those that run', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url);
    using before = await openChannel(relay.port, PATH);
    expect(await readiness(relay.port)).toBe(200);
    const NOTICE_MS = 500;
    const stopping = relay.close({ noticeMs: NOTICE_MS, deadlineMs: HOUR_MS });
    expect(relay.status().ready).toBe(false);
    const unready = await request(relay.port, '/readyz');
    expect([unready.status, unready.headers['retry-after']]).toEqual([503, '2']);
    expect((await request(relay.port, '/livez')).status).toBe(200);
    using during = await openChannel(relay.port, PATH);
    expect(during.head.status).toBe(101);
    let late = await openChannel(relay.port, PATH);
    while (late.head.status === 101) {
      late.socket.resetAndDestroy();
      late = await openChannel(relay.port, PATH);
    }
    expect(late.head.status).toBe(503);
    expect(JSON.parse((await late.readAll()).toString())).toMatchObject({ code: 'draining' });
    expect((await request(relay.port, PATH)).status).toBe(503);
    expect(await readiness(relay.port)).toBe(503);
    for (const channel of [before, during]) {
      channel.socket.write('still');
      expect((await channel.read(5)).toString()).toBe('still');
      channel.socket.end();
      channel.socket.resume();
    }
    await stopping;
    await expect(request(relay.port, '/readyz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('cuts off at the deadline what is left: channels, dials and plain requests', async () => {
    const asked = Promise.withResolvers<void>();
    await using upstream = await startUpstream({
      onUpgrade: (incoming, socket, head) => {
        if (incoming.url === '/silent') asked.resolve();
        else echoing(incoming, socket, head);
      },
      onRequest: (_, response) => response.write('begun'),
    });
    await using relay = await openRelay(upstream.url);
    using channel = await openChannel(relay.port, PATH);
    channel.socket.resume();
    const dialling = openChannel(relay.port, '/v1/via/main/silent').catch(() => 'cut off');
    const plain = request(relay.port, PATH).catch(() => 'cut off');
    await asked.promise;
    await eventually(() => relay.status().open === 3);
    await relay.close({ noticeMs: 0, deadlineMs: 50 });
    await closed(channel.socket);
    expect(await Promise.all([dialling, plain])).toEqual(['cut off', 'cut off']);
    await eventually(() => relay.status().bufferBytes === 0);
    expect(relay.status()).toMatchObject({ open: 0, sessions: [], bufferBytes: 0, warmConnections: { main: 0 } });
    await eventually(() => upstream.sockets.size === 0);
  });

  test('hurries when it is told again with a nearer deadline', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url);
    using channel = await openChannel(relay.port, PATH);
    channel.socket.resume();
    const patient = relay.close({ noticeMs: HOUR_MS, deadlineMs: HOUR_MS });
    await relay.close({ deadlineMs: 0 });
    await patient;
    await closed(channel.socket);
  });
});
