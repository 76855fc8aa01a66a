// A relay that serves https: the joined sockets are TLS on the client's side, and on both; certificates are asked for, shown
// and exchanged while it runs.
import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readTls } from '../../protocol/settings/tls.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { streamBothWays } from './byte-stream.ts';
import { closed, openChannel } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { OTHER_CERTIFICATE, OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from './tls-fixture.ts';
import { accepting, startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';
const TOTAL = 24_000_000;
const IDENTITY = { certificate: TEST_CERTIFICATE, key: TEST_KEY };
const OTHER = { certificate: OTHER_CERTIFICATE, key: OTHER_KEY };
const trusting: ConnectionOptions = { ca: TEST_CERTIFICATE, servername: 'localhost' };

/** An upstream that hands out the sockets it accepted, first come first. */
async function startHandingOut() {
  const sockets: Socket[] = [];
  const upstream = await startUpstream({
    onUpgrade: accepting(new Uint8Array(), (socket) => sockets.push(socket)),
    onRequest: (_, response) => response.end('plain'),
  });
  return { url: upstream.url, sockets, [Symbol.asyncDispose]: () => upstream.close() };
}

async function get(port: number, options: ConnectionOptions = trusting, path = PATH): Promise<number> {
  const asked = httpsRequest({ host: '127.0.0.1', port, path, agent: false, ...options }).end();
  const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

describe('https', () => {
  test('bytes pass unchanged both ways at once, over one TLS leg and over two', async () => {
    await using upstream = await startHandingOut();
    await using inner = await openRelay(upstream.url, { tls: IDENTITY });
    expect(inner.url).toMatch(/^https:/);
    await using outer = await openRelay(inner.url, { tls: IDENTITY, trustedCertificates: TEST_CERTIFICATE });
    for (const [at, [port, path]] of [
      [inner.port, PATH],
      [outer.port, `/v1/via/main${PATH}`],
    ].entries() as unknown as [number, [number, string]][]) {
      using channel = await openChannel(port, path, { tls: trusting });
      expect(channel.head.status).toBe(101);
      await eventually(() => upstream.sockets.length > at);
      const socket = upstream.sockets[at]!;
      await streamBothWays(channel, socket, { down: TOTAL, up: 1_000_000 });
    }
    expect(await get(outer.port, trusting, `/v1/via/main${PATH}`)).toBe(200);
  });

  test("a client's end is passed on, and what comes back still arrives; aborts reach the other side", async () => {
    await using upstream = await startHandingOut();
    // TLS has no reset: who leaves without a word is taken to have ended its half, and waited for
    await using relay = await openRelay(upstream.url, { tls: IDENTITY, limits: { lingerTimeoutMs: 100 } });
    using first = await openChannel(relay.port, PATH, { tls: trusting });
    await eventually(() => upstream.sockets.length === 1);
    const socket = upstream.sockets[0]!;
    socket.resume();
    first.socket.end('bye');
    await once(socket, 'end');
    socket.end('the last words');
    expect((await first.readAll()).toString()).toBe('the last words');
    using second = await openChannel(relay.port, PATH, { tls: trusting });
    await eventually(() => upstream.sockets.length === 2);
    const over = once(upstream.sockets[1]!.resume(), 'end');
    second.socket.destroy();
    await over;
    await eventually(() => relay.status().open === 0);
  });

  test('plain HTTP and half a handshake are given up', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.url, { tls: IDENTITY, limits: { handshakeTimeoutMs: 200 } });
    const plain = connect(relay.port, '127.0.0.1').on('error', () => {});
    plain.end('GET / HTTP/1.1\r\n\r\n');
    await closed(plain.resume());
    const silent = connect(relay.port, '127.0.0.1').on('error', () => {});
    await closed(silent.resume());
    expect(await get(relay.port)).toBe(200);
  });
});

describe('mutual TLS', () => {
  test('only clients with a certificate of the authorities come in', async () => {
    await using upstream = await startHandingOut();
    await using relay = await openRelay(upstream.url, { tls: { ...IDENTITY, clientAuthorities: OTHER_CERTIFICATE } });
    expect(await get(relay.port, { ...trusting, cert: OTHER_CERTIFICATE, key: OTHER_KEY })).toBe(200);
    await expect(get(relay.port)).rejects.toThrow();
    await expect(get(relay.port, { ...trusting, cert: TEST_CERTIFICATE, key: TEST_KEY })).rejects.toThrow();
    expect(upstream.sockets).toEqual([]);
  });

  test('a relay shows its certificate to the relay behind it', async () => {
    await using upstream = await startHandingOut();
    await using inner = await openRelay(upstream.url, { tls: { ...IDENTITY, clientAuthorities: OTHER_CERTIFICATE } });
    const trusted = { trustedCertificates: TEST_CERTIFICATE };
    await using outer = await openRelay(inner.url, { ...trusted, upstreamTls: OTHER });
    await using stranger = await openRelay(inner.url, trusted);
    using channel = await openChannel(outer.port, `/v1/via/main${PATH}`);
    expect(channel.head.status).toBe(101);
    using refused = await openChannel(stranger.port, `/v1/via/main${PATH}`);
    expect(refused.head.status).toBe(502);
  });
});

test('a new certificate for the relay behind it counts for new connections, and who is connected goes on', async () => {
  await using upstream = await startHandingOut();
  await using inner = await openRelay(upstream.url, { tls: { ...IDENTITY, clientAuthorities: OTHER_CERTIFICATE } });
  const options = { trustedCertificates: TEST_CERTIFICATE, upstreamTls: OTHER };
  await using outer = await openRelay(inner.url, options);
  const path = `/v1/via/main${PATH}`;
  using channel = await openChannel(outer.port, path);
  expect(channel.head.status).toBe(101);
  await eventually(() => upstream.sockets.length === 1);
  const base = { listen: { host: '127.0.0.1', port: 0 }, upstreams: [`main=${inner.url}`], insecureOpen: true };
  const change = (next: typeof options): Promise<unknown> => outer.reconfigure({ ...base, ...next });
  const changed = { changed: ['upstreams.main'], waiting: [] };
  expect(await change({ ...options, upstreamTls: IDENTITY })).toEqual(changed);
  using refused = await openChannel(outer.port, path);
  expect(refused.head.status).toBe(502);
  expect(await change(options)).toEqual(changed);
  using again = await openChannel(outer.port, path);
  expect(again.head.status).toBe(101);
  upstream.sockets[0]!.write('a');
  expect((await channel.read(1)).toString()).toBe('a');
});

test('a new certificate counts for new connections as soon as it is read', async () => {
  await using upstream = await startHandingOut();
  const base = { listen: { host: '127.0.0.1', port: 0 }, upstreams: [`main=${upstream.url}`], insecureOpen: true };
  await using relay = await openRelay(upstream.url, { tls: IDENTITY });
  const shown = async (): Promise<string> => {
    const socket: TLSSocket = connectTls({ host: '127.0.0.1', port: relay.port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerX509Certificate() ?? { fingerprint256: '' };
    socket.destroy();
    return fingerprint256;
  };
  const before = await shown();
  using channel = await openChannel(relay.port, PATH, { tls: trusting });
  expect(await relay.reconfigure({ ...base, tls: OTHER })).toEqual({ changed: ['tls'], waiting: [] });
  expect(await shown()).not.toBe(before);
  expect(await get(relay.port, { ca: OTHER_CERTIFICATE, servername: 'localhost' })).toBe(200);
  await eventually(() => upstream.sockets.length === 1);
  upstream.sockets[0]!.write('a');
  expect((await channel.read(1)).toString()).toBe('a');
  expect(await relay.reconfigure(base)).toEqual({ changed: [], waiting: ['tls'] });
});

describe('the files of an identity', () => {
  test('are read and must belong together', async () => {
    await using folder = await temporaryFolder();
    const [certificate, key, other, text] = ['c', 'k', 'o', 't'].map((name) => folder.file(name)) as [
      string,
      string,
      string,
      string,
    ];
    await writeFile(certificate, TEST_CERTIFICATE);
    await writeFile(key, TEST_KEY);
    await writeFile(other, OTHER_KEY);
    await writeFile(text, 'no PEM');
    expect(await readTls({ certificate, key, clientAuthorities: certificate })).toEqual({
      ...IDENTITY,
      clientAuthorities: TEST_CERTIFICATE,
    });
    await expect(readTls({ certificate, key: other })).rejects.toThrow(
      `the certificate ${certificate} and the key ${other} cannot be used together`,
    );
    await expect(readTls({ certificate, key: text })).rejects.toThrow(`the key file "${text}" is not PEM`);
    await expect(readTls({ certificate: folder.file('none'), key })).rejects.toThrow(
      'cannot be read (there is no such file or folder)',
    );
  });
});
