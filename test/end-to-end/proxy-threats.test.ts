// The threat model of the local proxy: what a page in a browser, or somebody who gets at the port, can make of it. Requests go
// out byte for byte; what reaches the servers behind is counted.
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startProxy } from '../../client/proxy/server.ts';
import type { RunningProxy } from '../../client/proxy/server.ts';
import { sendRaw, smuggling, statusesIn } from '../support/raw-request.ts';

type Seen = { readonly url: string; readonly host: string | undefined; readonly body: string };

const owned = new AsyncDisposableStack();
const seen: Seen[] = [];
let proxy: RunningProxy;
let other: string;

beforeAll(async () => {
  const server = createServer((message: IncomingMessage, response) => {
    let body = '';
    message.setEncoding('latin1').on('data', (text: string) => (body += text));
    message.on('end', () => {
      seen.push({ url: message.url ?? '', host: message.headers.host, body });
      response.end('ok');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owned.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  other = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const routes = [{ name: 'only', url: `http://${other}` }];
  proxy = owned.use(
    await startProxy({ host: '127.0.0.1', port: 0, origins: [{ origin: 'http://data.example', routes }] }),
  );
});
beforeEach(() => void seen.splice(0));
afterAll(() => owned.disposeAsync());

const send = async (text: string): Promise<number[]> => statusesIn(await sendRaw(proxy.port, text, () => seen.length));

describe('a page of another site', () => {
  const paths = (): string[] => [
    '/',
    '/o/a.bin',
    '/http/data.example/v1/objects/a.bin',
    `http://127.0.0.1:${proxy.port}/o/a.bin`,
  ];
  test.each<[what: string, headers: (own: string) => string, status: number]>([
    ['by a name that its DNS leads here', () => 'Host: evil.example\r\n', 421],
    ['by such a name and our port', (own) => `Host: evil.example:${own.split(':')[1]}\r\n`, 421],
    ['by an address of this machine that is not ours', (own) => `Host: 127.0.0.2:${own.split(':')[1]}\r\n`, 421],
    ['with a script', (own) => `Host: ${own}\r\nOrigin: http://evil.example\r\n`, 403],
    ['from a file', (own) => `Host: ${own}\r\nOrigin: null\r\n`, 403],
    ['with an image', (own) => `Host: ${own}\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n`, 403],
    ['from a sister site', (own) => `Host: ${own}\r\nSec-Fetch-Site: same-site\r\n`, 403],
    ['through another port of this machine', (own) => `Host: ${own}\r\nOrigin: http://127.0.0.1:1\r\n`, 403],
  ])('%s gets nothing', async (_, headers, status) => {
    for (const path of paths()) {
      // a request in the form for proxies names its host itself
      if (path.startsWith('http:') && status === 421) continue;
      const text = `GET ${path} HTTP/1.1\r\n${headers(`127.0.0.1:${proxy.port}`)}Connection: close\r\n\r\n`;
      expect(await send(text), path).toEqual([status]);
    }
    expect(seen).toEqual([]);
  });

  test('that asks for permission first is given none', async () => {
    const answer = await sendRaw(
      proxy.port,
      `OPTIONS /o/a.bin HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\nConnection: close\r\n\r\n`,
    );
    expect(statusesIn(answer)).toEqual([403]);
    expect(answer).not.toMatch(/access-control/i);
  });
});

describe('the gateway', () => {
  test.each([
    '/http/169.254.169.254/latest/meta-data',
    '/http/127.0.0.1:1/x',
    '/http/data.example@evil.example/x',
    '/http/data.example:81/x',
    '/https/data.example/x',
    '/http/data.example%2Eevil.example/x',
    '/ftp/data.example/x',
    '/o/../../etc/passwd%00',
    '//evil.example/x',
  ])('asks nobody for %s', async (path) => {
    const statuses = await send(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\nConnection: close\r\n\r\n`);
    expect(statuses[0]).toBeGreaterThanOrEqual(400);
    expect(seen).toEqual([]);
  });

  test.each(['127.0.0.1', 'localhost', '[::1]'])('leads no tunnel back to itself as %s', async (host) => {
    expect(await send(`CONNECT ${host}:${proxy.port} HTTP/1.1\r\nHost: x\r\n\r\n`)).toEqual([400]);
  });
});

describe('smuggling', () => {
  test.each(smuggling('http://OTHER/shown', 'http://OTHER/hidden', 'OTHER'))(
    '%s does not reach a server as a request of its own',
    async (_, text) => {
      const written = text.replaceAll('OTHER', other);
      const statuses = await send(written);
      const hidden = seen.filter(({ url }) => url === '/hidden').length;
      // a second request on the connection of a program is a second request; inside a body it is none
      const declared = /Content-Length ?: [1-9]|chunked/.test(text);
      if (declared) expect(hidden).toBe(0);
      else expect(statuses.length).toBeGreaterThanOrEqual(seen.length);
      expect(seen.every(({ host }) => host === other)).toBe(true);
    },
  );
});
