// Through an HTTP proxy: every connection of a command goes through CONNECT when the environment or the configuration says
// so. The hosts exist for the proxy alone, so that whatever went directly would have failed.
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import { RouteBook } from '../../client/intercept/route-book.ts';
import { resolveRoutes } from '../../client/options.ts';
import type { ClientOptions } from '../../client/options.ts';
import { nowhere } from '../../client/io/nowhere-sink.ts';
import type { RunningOrigin } from '../../origin/main.ts';
import { makeWorld } from '../origin/fixture.ts';
import type { World } from '../origin/fixture.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../relay/tls-fixture.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { startNginx } from '../support/mirrors.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const BYTES = objectBytes(3_000_000, 5);

let world: World;
let origin: RunningOrigin;
beforeAll(async () => {
  world = await makeWorld({ 'a/x.bin': BYTES });
  origin = await world.start();
});
afterAll(() => world[Symbol.asyncDispose]());

/** An environment without proxies but those said here. */
function environment(more: Readonly<Record<string, string>>): Record<string, string> {
  const none = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  return { ...Object.fromEntries(none.map((name) => [name, ''])), ...more };
}

async function fetched(key: string, options: ClientOptions): Promise<Buffer> {
  const { stream } = createClient(options).get(key);
  return Buffer.from(await new Response(stream).arrayBuffer());
}

describe('heddle get', () => {
  test('goes through HTTP_PROXY: routes, mirrors and lists; what NO_PROXY names does not', async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.file('x.bin'), BYTES);
    await using nginx = await startNginx(folder.path);
    await using proxy = await startConnectProxy({
      'origin.test': origin.port,
      'mirror.test': Number(new URL(nginx.url).port),
    });
    const env = environment({ HTTP_PROXY: proxy.url });
    const route = ['--route', 'far=http://origin.test:8080', '--quiet'];
    const both = await heddle(
      ['get', 'a/x.bin', '-o', folder.file('both'), ...route, '--mirror', 'm=http://mirror.test/x.bin'],
      { env },
    );
    expect(both).toMatchObject({ code: 0, stderr: '' });
    expect(new Set(proxy.asked)).toEqual(new Set(['origin.test:8080', 'mirror.test:80']));
    proxy.asked.length = 0;
    const folderOf = folder.file('all');
    const several = await heddle(['get', '--recursive', 'a/', '-o', `${folderOf}/`, ...route], { env });
    expect(several).toMatchObject({ code: 0 });
    expect(proxy.asked.length).toBeGreaterThanOrEqual(2);
    expect(proxy.others).toEqual([]);
    const direct = await heddle(['get', 'a/x.bin', '-o', folder.file('no'), ...route], {
      env: { ...env, NO_PROXY: '.test' },
    });
    expect(direct.code).toBe(3);
  });

  test('loopback is reached directly', async () => {
    await using folder = await temporaryFolder();
    await using proxy = await startConnectProxy({});
    const args = ['get', 'a/x.bin', '-o', folder.file('x'), '--route', `here=${origin.url}`, '--quiet'];
    expect(await heddle(args, { env: environment({ http_proxy: proxy.url }) })).toMatchObject({ code: 0 });
    expect(proxy.asked).toEqual([]);
  });

  test('a proxy that is no HTTP proxy is said at once', async () => {
    const args = ['get', 'a/x.bin', '-o', '-', '--route', 'far=http://origin.test', '--quiet'];
    const { code, stderr } = await heddle(args, { env: environment({ http_proxy: 'socks5://p:1080' }) });
    expect(code).toBe(2);
    expect(stderr).toContain('the proxy p:1080 is not http, but socks5: only http: is spoken');
  });
});

describe('the library', () => {
  const routes = [{ name: 'far', url: 'http://origin.test:8080' }];

  test('with a password; without it the reason is told', async () => {
    await using proxy = await startConnectProxy({ 'origin.test': origin.port }, { credentials: 'me:hunter 2' });
    const withWords = proxy.url.replace('//', '//me:hunter%202@');
    expect(Buffer.compare(await fetched('a/x.bin', { routes, proxy: withWords }), BYTES)).toBe(0);
    const running = createClient({ routes, proxy: proxy.url }).into('a/x.bin', nowhere());
    await expect(running.done).rejects.toMatchObject({
      code: 'no-route',
      message: expect.stringContaining('wants a user and password'),
    });
  });

  test('one route through it, another beside it', async () => {
    await using proxy = await startConnectProxy({ 'origin.test': origin.port });
    const both = [
      { ...routes[0]!, proxy: proxy.url },
      { name: 'near', url: origin.url },
    ];
    expect(Buffer.compare(await fetched('a/x.bin', { routes: both }), BYTES)).toBe(0);
    expect(proxy.asked).toContain('origin.test:8080');
    const none = [{ name: 'near', url: origin.url.replace('127.0.0.1', 'localhost'), proxy: 'none' }];
    const asked = proxy.asked.length;
    expect(Buffer.compare(await fetched('a/x.bin', { routes: none, proxy: proxy.url }), BYTES)).toBe(0);
    expect(proxy.asked).toHaveLength(asked);
  });

  test('https inside the tunnel: routes by their authorities, names of their certificates', async () => {
    await using secure = await world.start(
      {},
      { stateDir: `${world.stateDir}-tls`, tls: { certificate: TEST_CERTIFICATE, key: TEST_KEY } },
    );
    await using proxy = await startConnectProxy({ localhost: secure.port });
    const own = [{ name: 'far', url: `https://localhost:${secure.port}`, proxy: proxy.url }];
    const tls = { authorities: TEST_CERTIFICATE };
    expect(Buffer.compare(await fetched('a/x.bin', { routes: own, tls }), BYTES)).toBe(0);
    expect(new Set(proxy.asked)).toEqual(new Set([`localhost:${secure.port}`]));
    const untrusted = createClient({ routes: own }).into('a/x.bin', nowhere());
    await expect(untrusted.done).rejects.toMatchObject({ code: 'no-route' });
  });

  test('tunnels that break are dialled again', async () => {
    await using proxy = await startConnectProxy({ 'origin.test': origin.port });
    const { stream, done } = createClient({ routes, proxy: proxy.url }).get('a/x.bin');
    const reader = stream.getReader();
    const { value } = await reader.read();
    let bytes = value?.length ?? 0;
    proxy.breakAll();
    for (let next = await reader.read(); !next.done; next = await reader.read()) bytes += next.value.length;
    expect(bytes).toBe(BYTES.length);
    await done;
  });

  test.each([
    [502, 'does not connect to origin.test:8080 (HTTP 502)'],
    [403, 'does not connect to origin.test:8080 (HTTP 403)'],
  ])('a proxy that answers %i says so', async (status, words) => {
    await using proxy = await startConnectProxy({}, { status });
    const running = createClient({ routes, proxy: proxy.url }).into('a/x.bin', nowhere());
    await expect(running.done).rejects.toMatchObject({ code: 'no-route', message: expect.stringContaining(words) });
  });

  test('the probe of heddle routes, and plain requests of the interceptor', async () => {
    await using proxy = await startConnectProxy({ 'origin.test': origin.port });
    const args = ['routes', '--json', '--route', 'far=http://origin.test:8080'];
    const { code, stdout } = await heddle(args, { env: environment({ HTTP_PROXY: proxy.url }) });
    expect([code, JSON.parse(String(stdout).split('\n')[0] ?? '')]).toMatchObject([0, { name: 'far', works: true }]);
    proxy.asked.length = 0;
    const book = new RouteBook(resolveRoutes({ routes, proxy: proxy.url }));
    const { statusCode, body } = await book.routes[0]!.pool.request({ path: '/v1/objects/a/x.bin', method: 'GET' });
    expect([statusCode, Buffer.compare(Buffer.from(await body.arrayBuffer()), BYTES)]).toEqual([200, 0]);
    await book.routes[0]!.pool.close();
    expect(proxy.asked).toEqual(['origin.test:8080']);
  });
});
