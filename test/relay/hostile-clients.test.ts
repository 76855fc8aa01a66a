// Clients that mean harm to a relay: each meets a limit with a name, gets an answer or an end, and an honest session
// beside it goes on. What sessions do to each other once they are joined is join.test.ts.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { openChannel } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { echoing, startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';
/** Who writes less than this is no flood. */
const SMALL_BYTES = 1_000;
const UPGRADE = `GET ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: heddle/1\r\n`;

const HEAD_BYTES = 'heddle_relay_limited_total{limit="head-bytes"}';
const HEAD_TIME = 'heddle_relay_limited_total{limit="head-time"}';
const BAD_REQUEST = 'heddle_relay_refused_total{reason="bad-request"}';

/**
 * What is done, the limit it meets, the status that is answered (undefined: the connection just ends), and what counts it.
 * Who goes on writing may be reset before the answer is read.
 */
const HARM: readonly (readonly [string, string, (socket: Socket) => void, number | undefined, string | undefined])[] = [
  ['headers without end', 'maxHeadBytes', endlessHeaders, 431, HEAD_BYTES],
  [
    'one header without end',
    'maxHeadBytes',
    (socket) => flood(socket, `${UPGRADE}X: `, 'y'.repeat(1_000)),
    431,
    HEAD_BYTES,
  ],
  ['a path without end', 'maxHeadBytes', (socket) => flood(socket, 'GET /', 'y'.repeat(1_000)), 431, HEAD_BYTES],
  ['half a head and then silence', 'headTimeoutMs', (socket) => socket.write(UPGRADE), 408, HEAD_TIME],
  ['a head byte by byte', 'headTimeoutMs', drip, 408, HEAD_TIME],
  ['nonsense', 'HTTP/1.1', (socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n\r\n'), 400, BAD_REQUEST],
  [
    'a TLS greeting',
    'HTTP/1.1',
    (socket) => socket.write(Buffer.from('1603010200010001fc0303', 'hex')),
    400,
    BAD_REQUEST,
  ],
  ['half a head and its end', 'HTTP/1.1', (socket) => socket.end(UPGRADE), 400, BAD_REQUEST],
  [
    'another method',
    'GET and HEAD',
    (socket) => socket.write(`CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n`),
    undefined,
    undefined,
  ],
  ['a body that nobody reads', 'GET and HEAD', (socket) => flood(socket, post(), 'y'.repeat(1_000)), 405, BAD_REQUEST],
];

function drip(socket: Socket): void {
  let at = 0;
  const timer = setInterval(() => socket.write(UPGRADE.charAt((at += 1) - 1) || 'x'), 20);
  socket.once('close', () => clearInterval(timer));
}

function post(): string {
  return `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n`;
}

function endlessHeaders(socket: Socket): void {
  flood(socket, UPGRADE, `X-More: ${'y'.repeat(1_000)}\r\n`);
}

/** Writes as much as is taken, for as long as it is. */
function flood(socket: Socket, first: string, more: string): void {
  socket.write(first);
  const write = (): void => {
    while (socket.writable && socket.write(more));
  };
  socket.on('drain', write);
  write();
}

describe('a client that sends', () => {
  test.each(HARM)('%s meets %s', async (_what, _limit, act, status, counted) => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    const admin = { host: '127.0.0.1', port: 0 };
    await using relay = await openRelay(upstream.url, { limits: { headTimeoutMs: 1_000 }, admin });
    using honest = await openChannel(relay.port, PATH);
    const socket = connect({ host: '127.0.0.1', port: relay.port, allowHalfOpen: true });
    const closed = Promise.withResolvers<void>();
    socket.once('close', () => closed.resolve());
    let answer = '';
    socket.on('error', () => {}).on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
    socket.on('end', () => socket.end());
    act(socket);
    await closed.promise;
    const said = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
    if (said !== undefined || socket.bytesWritten < SMALL_BYTES) expect(said).toBe(status?.toString());
    expect(socket.bytesWritten).toBeLessThan(LIMITS.maxHeadBytes + 16 * 1_048_576);
    honest.socket.write('still there');
    expect((await honest.read(11)).toString()).toBe('still there');
    expect(relay.status().open).toBe(1);
    const metrics = await (await fetch(`${relay.adminUrl}/metrics`)).text();
    if (counted !== undefined) expect(metrics.split('\n')).toContain(`${counted} 1`);
  });
});

test('connections beyond maxConnections are dropped at once, and those before them stay', async () => {
  await using upstream = await startUpstream({ onUpgrade: echoing });
  await using relay = await openRelay(upstream.url, { limits: { maxConnections: 20 } });
  using honest = await openChannel(relay.port, PATH);
  const crowd = Array.from({ length: 60 }, () => connect({ host: '127.0.0.1', port: relay.port }));
  const dropped = crowd.map((socket) => once(socket.on('error', () => {}).resume(), 'close'));
  await Promise.race(dropped);
  honest.socket.write('still there');
  expect((await honest.read(11)).toString()).toBe('still there');
  for (const socket of crowd) socket.destroy();
  await Promise.all(dropped);
});
