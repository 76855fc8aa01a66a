// The upgrade through a relay: what is forwarded, what is refused before anything is dialled, and how failures of the
// upstream are told.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { eventually, settled } from '../support/eventually.ts';
import { readStream, writeStream } from './byte-stream.ts';
import { closed, freePort, openChannel } from './channel-client.ts';
import type { Channel } from './channel-client.ts';
import { openChain, openRelay } from './relays.ts';
import { accepting, echoing, startUpstream, SWITCHING } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';

/** A bare TCP server that does `answer` with each connection. */
async function startRaw(answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    answer(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close, [Symbol.asyncDispose]: close };
}

/** A raw upstream that says `text` to each request. */
async function startSaying(text: string, thenEnd = false) {
  return startRaw((socket) => {
    socket.once('data', () => (thenEnd ? socket.end(text) : socket.write(text)));
  });
}

async function problemOf(channel: Channel): Promise<Record<string, unknown>> {
  expect(channel.head.headers.get('content-type')).toBe('application/problem+json');
  const body = await channel.read(Number(channel.head.headers.get('content-length')));
  return JSON.parse(body.toString()) as Record<string, unknown>;
}

describe('an accepted upgrade', () => {
  test.each([1, 2, 3])('forwards the bytes behind both heads through %i relays', async (hops) => {
    const [early, first] = ['early bytes of the client', 'first bytes of the source'];
    await using upstream = await startUpstream({
      onUpgrade: accepting(Buffer.from(first), (socket) => socket.on('data', (chunk: Buffer) => socket.write(chunk))),
    });
    await using chain = await openChain(hops, upstream.url);
    using channel = await openChannel(chain.port, `${chain.prefix}/v1/segments/a`, { early: Buffer.from(early) });
    expect(channel.head.status).toBe(101);
    expect((await channel.read(first.length + early.length)).toString()).toBe(`${first}${early}`);
  });

  test('forwards end-to-end headers, path and query as they came, and drops those of one hop', async () => {
    const seen: IncomingMessage[] = [];
    await using upstream = await startUpstream({ onUpgrade: accepting(Buffer.alloc(0), (_, head) => seen.push(head)) });
    await using relay = await openRelay(upstream.url);
    const path = '/v1/via/main/v1/segments/a%20b/%C3%A9+%7e?x=%2F&y=a+b';
    const big = 'x'.repeat(16_384);
    using channel = await openChannel(relay.port, path, {
      headers: [
        ['Heddle-Channel', 'transfer=0; number=1'],
        ['Heddle-First', big],
        ['X-One-Hop', 'no'],
        ['Connection', 'x-one-hop'],
        ['Keep-Alive', 'timeout=5'],
        ['Proxy-Authorization', 'Basic abc'],
        ['Authorization', 'Bearer abc'],
        ['TE', 'trailers'],
      ],
    });
    expect(channel.head.status).toBe(101);
    const { url, headers, rawHeaders } = seen[0]!;
    expect(url).toBe('/v1/segments/a%20b/%C3%A9+%7e?x=%2F&y=a+b');
    expect(headers).toMatchObject({
      host: `127.0.0.1:${upstream.port}`,
      upgrade: 'heddle/1',
      connection: 'Upgrade',
      'heddle-channel': 'transfer=0; number=1',
      'heddle-first': big,
      authorization: 'Bearer abc',
    });
    expect(rawHeaders).toContain('Heddle-Channel');
    for (const name of ['x-one-hop', 'keep-alive', 'proxy-authorization', 'te'])
      expect(headers).not.toHaveProperty(name);
  });

  test('appends to Via at each hop, both ways', async () => {
    const seen: (string | undefined)[] = [];
    await using upstream = await startUpstream({
      onUpgrade: accepting(Buffer.alloc(0), (_, head) => seen.push(head.headers.via)),
    });
    await using chain = await openChain(3, upstream.url);
    using channel = await openChannel(chain.port, `${chain.prefix}/v1/segments/a`, { headers: [['Via', '1.1 front']] });
    const names = seen[0]!.split(', ');
    expect(names).toHaveLength(4);
    expect(names[0]).toBe('1.1 front');
    expect(new Set(names).size).toBe(4);
    expect(channel.head.headers.get('via')?.split(', ')).toEqual(names.slice(1).reverse());
  });

  test("goes below the path of the upstream's base URL", async () => {
    const seen: (string | undefined)[] = [];
    await using upstream = await startUpstream({
      onUpgrade: accepting(Buffer.alloc(0), (_, { url }) => seen.push(url)),
    });
    await using relay = await openRelay(`${upstream.url}/some/base/`);
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(101);
    expect(seen).toEqual(['/some/base/v1/segments/a']);
  });

  test('waits through interim answers', async () => {
    await using upstream = await startSaying(
      'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 101 S\r\nUpgrade: Heddle/1\r\nConnection: upgrade\r\n\r\nhello',
    );
    await using relay = await openRelay(upstream.url);
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(101);
    expect((await channel.read(5)).toString()).toBe('hello');
  });
});

describe("the upstream's refusal", () => {
  test.each([
    ['a length', 'Content-Length: 7\r\n\r\nmissing'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nmis\r\n4\r\nsing\r\n0\r\n\r\n'],
  ])('comes back with status, headers and a body given by %s', async (_, text) => {
    await using upstream = await startSaying(`HTTP/1.1 404 Not Found\r\nX-Why: gone\r\nKeep-Alive: a\r\n${text}`);
    await using chain = await openChain(2, upstream.url);
    using channel = await openChannel(chain.port, `${chain.prefix}/v1/segments/a`);
    expect(channel.head.status).toBe(404);
    expect(channel.head.headers.get('x-why')).toBe('gone');
    expect(channel.head.headers.has('keep-alive')).toBe(false);
    expect((await channel.readAll()).toString()).toBe('missing');
  });

  test('comes back with a body that ends with the connection', async () => {
    await using upstream = await startSaying('HTTP/1.0 503 Busy\r\nRetry-After: 7\r\n\r\nlater', true);
    await using relay = await openRelay(upstream.url);
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(503);
    expect(channel.head.headers.get('retry-after')).toBe('7');
    expect((await channel.readAll()).toString()).toBe('later');
  });

  test('comes back without its body when that is too large', async () => {
    await using upstream = await startSaying(`HTTP/1.1 403 No\r\nContent-Length: 500000\r\n\r\n${'x'.repeat(500_000)}`);
    await using relay = await openRelay(upstream.url);
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(403);
    expect(await problemOf(channel)).toMatchObject({ code: 'refused', status: 403 });
    await eventually(() => relay.status().open === 0);
  });
});

describe('a failing upstream', () => {
  const failing: [string, string, number, string, string][] = [
    ['says nonsense', 'SSH-2.0-OpenSSH\r\n', 502, 'handshake-failed', 'http_upgrade_failed'],
    [
      'upgrades to something else',
      'HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n',
      502,
      'handshake-failed',
      'http_upgrade_failed',
    ],
    [
      'has a head without end',
      `HTTP/1.1 101 S\r\nA: ${'b'.repeat(40_000)}`,
      502,
      'handshake-failed',
      'http_upgrade_failed',
    ],
    ['says nothing', '', 504, 'timeout', 'http_response_timeout'],
  ];
  test.each(failing)('that %s is answered with a problem', async (_, text, status, code, proxyError) => {
    await using upstream = await startSaying(text);
    await using relay = await openRelay(upstream.url, { limits: { answerTimeoutMs: 300 } });
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(status);
    expect(channel.head.headers.get('proxy-status')).toMatch(
      new RegExp(`^heddle-[0-9a-f]{12}; error=${proxyError}; next-hop="main"$`),
    );
    expect(await problemOf(channel)).toMatchObject({ code, status });
    await eventually(() => relay.status().open === 0);
  });

  test('that is not there is answered with 502 at once', async () => {
    const upstream = await startUpstream();
    await upstream.close();
    await using relay = await openRelay(upstream.url);
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(502);
    expect(channel.head.headers.get('proxy-status')).toContain('error=connection_refused');
    expect(await problemOf(channel)).toMatchObject({ code: 'unreachable', status: 502 });
    expect((await channel.readAll()).length).toBe(0);
  });

  test('that hangs up before its answer is answered with 502', async () => {
    await using upstream = await startRaw((socket) => socket.once('data', () => socket.destroy()));
    await using relay = await openRelay(upstream.url);
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(502);
    expect(await problemOf(channel)).toMatchObject({ code: 'connection-lost' });
  });

  test('that cannot be resolved is answered with 502', async () => {
    await using relay = await openRelay('http://nowhere.invalid');
    using channel = await openChannel(relay.port, PATH);
    expect(channel.head.status).toBe(502);
    expect(channel.head.headers.get('proxy-status')).toMatch(/error=dns_(error|timeout)/);
  });
});

describe('a client that leaves while the upstream is asked', () => {
  test.each(['end', 'resetAndDestroy'] as const)('by %s ends the dial', async (leave) => {
    const asked = Promise.withResolvers<Socket>();
    await using upstream = await startUpstream({ onUpgrade: (_, socket) => asked.resolve(socket) });
    await using relay = await openRelay(upstream.url);
    const client = connect({ host: '127.0.0.1', port: relay.port });
    client.on('error', () => {});
    client.write(`GET ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: heddle/1\r\n\r\n`);
    const socket = await asked.promise;
    socket.resume();
    client[leave]();
    await closed(socket);
    await eventually(() => relay.status().open === 0);
  });
});

describe('refused before anything is dialled', () => {
  async function refusal(path: string, headers: readonly (readonly [string, string])[] = [], limits = {}) {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url, { limits });
    using channel = await openChannel(relay.port, path, { headers });
    const problem = await problemOf(channel);
    expect(upstream.accepted()).toBe(0);
    expect(problem['status']).toBe(channel.head.status);
    return [channel.head.status, problem['code']];
  }

  test('an unknown upstream', async () => {
    expect(await refusal('/v1/via/other/v1/segments/a')).toEqual([404, 'unknown-upstream']);
  });

  test('a name that no upstream can have', async () => {
    expect(await refusal('/v1/via/http:%2F%2Fx/v1/segments/a')).toEqual([400, 'bad-request']);
  });

  test.each(['/v1/segments/a', '/v1/via/main', '/'])('a path without an upstream: %s', async (path) => {
    expect(await refusal(path)).toEqual([404, 'bad-request']);
  });

  test.each(['/v1/via/main/../x', '/v1/via/main/a/%2e%2E/x', '/v1/via/main/v1//x', '/v1/via/main/a%2Fb'])(
    "a path that could leave the upstream's base: %s",
    async (path) => {
      expect(await refusal(path)).toEqual([400, 'bad-request']);
    },
  );

  test('more hops than allowed', async () => {
    const hops = (count: number) =>
      [['Via', Array.from({ length: count }, (_, hop) => `1.1 p${hop}`).join(', ')]] as const;
    expect(await refusal(PATH, hops(LIMITS.maxHops))).toEqual([508, 'loop-detected']);
  });

  test('one hop less passes', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url);
    const via = Array.from({ length: LIMITS.maxHops - 1 }, (_, hop) => `1.1 p${hop}`).join(', ');
    using channel = await openChannel(relay.port, PATH, { headers: [['Via', via]] });
    expect(channel.head.status).toBe(101);
  });
});

describe('limits', () => {
  test('relays that lead back to each other answer 508', async () => {
    const port = await freePort();
    await using first = await openRelay(`http://127.0.0.1:${port}`);
    await using second = await openRelay(first.url, { listen: { host: '127.0.0.1', port } });
    using channel = await openChannel(first.port, `${'/v1/via/main'.repeat(5)}/v1/segments/a`);
    expect(channel.head.status).toBe(508);
    expect(channel.head.headers.get('proxy-status')).toContain('error=proxy_loop_detected');
    // Through the second and back: the first found itself, and the second only passed that on.
    expect(channel.head.headers.get('via')?.split(', ')).toHaveLength(2);
    await eventually(() => first.status().open === 0 && second.status().open === 0);
  });

  test('sessions beyond the limit are refused until one ends', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = await openRelay(upstream.url, { limits: { maxSessions: 2 } });
    using first = await openChannel(relay.port, PATH);
    using second = await openChannel(relay.port, PATH);
    using third = await openChannel(relay.port, PATH);
    expect([first.head.status, second.head.status, third.head.status]).toEqual([101, 101, 503]);
    expect(third.head.headers.get('retry-after')).toMatch(/^[0-9]+$/);
    expect(await problemOf(third)).toMatchObject({ code: 'overloaded' });
    first.socket.resetAndDestroy();
    await eventually(() => relay.status().open === 1);
    using fourth = await openChannel(relay.port, PATH);
    expect(fourth.head.status).toBe(101);
  });

  test('a client may say only so much before the answer, and all of it arrives', async () => {
    const asked = Promise.withResolvers<Socket>();
    await using upstream = await startUpstream({ onUpgrade: (_, socket) => asked.resolve(socket) });
    await using relay = await openRelay(upstream.url);
    const client = connect({ host: '127.0.0.1', port: relay.port });
    client.write(`GET ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: heddle/1\r\n\r\n`);
    const total = 64_000_000;
    const writing = writeStream(client, total, 81, 200_000);
    const socket = await asked.promise;
    expect(await settled(() => client.bytesWritten - client.writableLength)).toBeLessThan(total);
    socket.write(SWITCHING);
    expect(await readStream(socket, total, 82)).toBe(await writing);
    client.destroy();
  });
});
