// The threat model of a relay as a list: what somebody on the network tries, and what reaches the upstream of it. Requests go
// out byte for byte as an attacker would write them. What tokens are is in test/access, what an origin serves in test/origin.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunningRelay } from '../../relay/main.ts';
import { startRelay } from '../../relay/main.ts';
import { createIssuer, secondsFromNow } from '../protocol/access/issuer.ts';
import { sendRaw, smuggling, statusesIn } from '../support/raw-request.ts';
import { request } from './channel-client.ts';
import { openRelay } from './relays.ts';
import { startUpstream } from './upstream-server.ts';

type Seen = { readonly url: string; readonly host: string | undefined; readonly body: string };

const owned = new AsyncDisposableStack();
const issuer = await createIssuer();
const seen: Seen[] = [];
let upstreamUrl: string;
let open: RunningRelay;
let closed: RunningRelay;

beforeAll(async () => {
  const upstream = owned.use(
    await startUpstream({
      onRequest: (message, response) => {
        let body = '';
        message.setEncoding('latin1').on('data', (text: string) => (body += text));
        message.on('end', () => {
          seen.push({ url: message.url ?? '', host: message.headers.host, body });
          response.end('ok');
        });
      },
    }),
  );
  upstreamUrl = `${upstream.url}/base`;
  open = owned.use(await openRelay(upstreamUrl));
  closed = owned.use(await openRelay(upstreamUrl, { tokenKeys: issuer.keys }));
});
beforeEach(() => void seen.splice(0));
afterAll(() => owned.disposeAsync());

/** Sends `text` as it is, and gives the statuses of all answers that come. */
const send = async (port: number, text: string): Promise<number[]> =>
  statusesIn(await sendRaw(port, text, () => seen.length));

const HOST = 'Host: relay\r\n';
const LAST = `${HOST}Connection: close\r\n\r\n`;
const here = (): string => new URL(upstreamUrl).host;

describe('open relay and server-side request forgery', () => {
  test('nothing but the named upstreams is ever asked, below their own path and under their own name', async () => {
    const targets = [
      'GET http://169.254.169.254/latest/meta-data HTTP/1.1',
      'GET https://evil.example/v1/via/main/x HTTP/1.1',
      'CONNECT evil.example:443 HTTP/1.1',
      'GET //evil.example/v1/via/main/x HTTP/1.1',
      'GET /v1/via/http:%2F%2Fevil.example/x HTTP/1.1',
      'GET /v1/via/main@evil.example/x HTTP/1.1',
      'GET /v1/via/evil.example:80/x HTTP/1.1',
      'GET /v1/via/127.0.0.1/x HTTP/1.1',
      'GET /v1/via/main%2F..%2F..%2Fx/y HTTP/1.1',
      'GET /v1/via/main/../secret HTTP/1.1',
      'GET /v1/via/main/%2e%2e/secret HTTP/1.1',
      'GET /v1/via/main/a/..%2fsecret HTTP/1.1',
      'GET /v1/via/main//evil.example/ HTTP/1.1',
      'GET /v1/via/main/\\evil.example HTTP/1.1',
      'GET /v1/via/main/%5c..%5csecret HTTP/1.1',
      'GET /v1/via/main/a%00b HTTP/1.1',
      'POST /v1/via/main/v1/objects/a HTTP/1.1',
      'DELETE /v1/via/main/v1/objects/a HTTP/1.1',
      'OPTIONS * HTTP/1.1',
    ];
    for (const target of targets) {
      const statuses = await send(open.port, `${target}\r\n${LAST}`);
      expect(
        statuses.every((status) => status >= 400),
        `${target}: ${statuses.join()}`,
      ).toBe(true);
    }
    expect(seen).toEqual([]);
    expect(
      await send(
        open.port,
        `GET /v1/via/main/v1/objects/a?b HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n`,
      ),
    ).toEqual([200]);
    expect(seen).toEqual([{ url: '/base/v1/objects/a?b', host: here(), body: '' }]);
  });

  test('a relay does not start open by mistake', async () => {
    const listen = { host: '127.0.0.1', port: 0 };
    await expect(startRelay({ listen, upstreams: [`main=${upstreamUrl}`] })).rejects.toThrow(/closed by default/);
  });
});

describe('smuggling', () => {
  const path = 'GET /v1/via/main/v1/objects/a HTTP/1.1\r\n';
  test.each(smuggling('/v1/via/main/v1/objects/a', '/v1/via/main/hidden'))(
    '%s does not reach the upstream as a request of its own',
    async (_, text) => {
      await send(open.port, text);
      expect(seen.map(({ url }) => url).filter((url) => url !== '/base/v1/objects/a')).toEqual([]);
      expect(seen.length).toBeLessThanOrEqual(1);
      expect(seen.every(({ host, body }) => host === here() && body === '')).toBe(true);
    },
  );

  test('a header list cannot take away what the relay adds', async () => {
    const text = `${path}${HOST}Connection: close, Via, Host, Authorization\r\nAuthorization: Bearer x\r\nVia: 1.1 a\r\n\r\n`;
    expect(await send(open.port, text)).toEqual([200]);
    expect(seen).toMatchObject([{ host: here() }]);
  });
});

describe('tokens', () => {
  const status = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
    (await request(closed.port, path, { headers })).status;

  test('count in the Authorization header only', async () => {
    const token = (await issuer.issue()).replace('Bearer ', '');
    expect(await status(`/v1/via/main/v1/objects/a?access_token=${token}`)).toBe(401);
    expect(
      await status('/v1/via/main/v1/objects/a', { Cookie: `token=${token}`, 'Proxy-Authorization': `Bearer ${token}` }),
    ).toBe(401);
    expect(await status('/v1/via/main/v1/objects/a', { Authorization: `Basic ${token}` })).toBe(401);
    expect(await status('/v1/via/main/v1/objects/a', { Authorization: `Bearer ${token} x` })).toBe(401);
    expect(seen).toEqual([]);
    expect(await status('/v1/via/main/v1/objects/a', { Authorization: `bearer ${token}` })).toBe(200);
  });

  test('for a prefix open no other key however it is spelled', async () => {
    const Authorization = await issuer.issue({ prefixes: ['open/'] });
    const paths = [
      'closed/b',
      'open/../closed/b',
      'open/%2e%2e/closed/b',
      'open/..%2fclosed/b',
      'open%2f..%2fclosed/b',
      'Open/a',
      'open',
      '%6fpenly/a',
      '',
    ];
    for (const path of paths) {
      expect(await status(`/v1/via/main/v1/objects/${path}`, { Authorization }), path).toBeGreaterThanOrEqual(400);
    }
    for (const path of [
      '/v1/objects?prefix=',
      '/v1/objects?prefix=ope',
      '/v1/objects',
      '/v1//objects/open/a',
      '/%76%31/objects/closed/b',
      '/metrics',
    ]) {
      expect(await status(`/v1/via/main${path}`, { Authorization }), path).toBeGreaterThanOrEqual(400);
    }
    expect(seen).toEqual([]);
    expect(await status('/v1/via/main/v1/objects/%6fpen/a', { Authorization })).toBe(200);
  });

  test('are refused within a second of their end, and ever after', async () => {
    const exp = secondsFromNow(2);
    const Authorization = await issuer.issue({ exp });
    let [passedAt, refusedAt] = [0, 0];
    while (refusedAt === 0) {
      const askedAt = Date.now();
      if ((await status('/v1/via/main/v1/objects/a', { Authorization })) === 200) passedAt = askedAt;
      else refusedAt = Date.now();
    }
    // asked before the end, or not let in: the machine's slowness counts for neither
    expect(passedAt).toBeGreaterThan(0);
    expect(passedAt).toBeLessThan((exp + 1) * 1_000);
    expect(refusedAt).toBeGreaterThanOrEqual(exp * 1_000);
    for (let again = 0; again < 5; again += 1)
      expect(await status('/v1/via/main/v1/objects/a', { Authorization })).toBe(401);
  });
});

describe('wearing a relay down', () => {
  test('a head that is too large, or never ends, is given up', async () => {
    expect(await send(open.port, `GET /v1/via/main/a HTTP/1.1\r\n${HOST}X: ${'x'.repeat(40_000)}\r\n\r\n`)).toEqual([
      431,
    ]);
    await using slow = await openRelay(upstreamUrl, { limits: { headTimeoutMs: 1_000 } });
    const socket = connect({ host: '127.0.0.1', port: slow.port });
    socket.on('error', () => {});
    socket.write('GET /v1/via/main/a HTTP/1.1\r\nX: ');
    await once(socket.resume(), 'close');
    expect(seen).toEqual([]);
  });
});
