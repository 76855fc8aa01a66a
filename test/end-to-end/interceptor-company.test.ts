// In company an answer looks the same with and without Heddle: redirects from another server, and undici's other
// interceptors around the dispatcher.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { interceptors } from 'undici';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { observeFetch, observeRequest } from '../client/intercept/observe.ts';
import { LARGE, MISSING, SMALL, startInterceptedSite } from './intercepted-site.ts';
import type { InterceptedSite } from './intercepted-site.ts';

const owned = new AsyncDisposableStack();
let site: InterceptedSite;
let elsewhere: string;
beforeAll(async () => {
  site = owned.use(await startInterceptedSite());
  elsewhere = await startRedirecting();
});
afterAll(() => owned.disposeAsync());

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])('%i from elsewhere, followed', (status) =>
    site.same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/${status}/a.bin`, {})),
  );
  test.each(['manual', 'error', 'follow'] as const)('redirect: %s', (redirect) =>
    site.same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/302/small.bin`, { redirect })),
  );
  test('with a range', () =>
    site.same((dispatcher) =>
      observeFetch(dispatcher, `${elsewhere}/302/a.bin`, { headers: { range: 'bytes=5-200000' } }),
    ));
  test('a loop', () => site.same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/302/loop`, {})));
  test('to what is not there', () =>
    site.same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/302/missing`, {})));
});

describe('with other interceptors', () => {
  const others: readonly (readonly [string, () => Dispatcher.DispatcherComposeInterceptor])[] = [
    ['redirect', () => interceptors.redirect({ maxRedirections: 3 })],
    ['dump', () => interceptors.dump({ maxSize: 5_000_000 })],
    ['dump, too large', () => interceptors.dump({ maxSize: 100_000 })],
    ['responseError', () => interceptors.responseError()],
    ['retry', () => interceptors.retry()],
    ['decompress', () => interceptors.decompress()],
    ['cache', () => interceptors.cache()],
    ['deduplicate', () => interceptors.deduplicate()],
  ];
  const cases = others.flatMap(([name, make]) => [LARGE, SMALL, MISSING].map((path) => [name, path, make] as const));
  test.each(cases)('%s: %s', (_name, path, make) =>
    site.same((dispatcher) => observeRequest(dispatcher.compose(make()), site.urlOf(path), {})),
  );
});

/** Another server, which sends everybody to the site. */
async function startRedirecting(): Promise<string> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const [, status = '302', key = ''] = /^\/(\d+)\/(.*)$/.exec(request.url ?? '') ?? [];
    const location = key === 'loop' ? request.url : `${site.origin}/v1/objects/${key}`;
    response.writeHead(Number(status), { Location: location }).end('elsewhere');
  };
  const server: Server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owned.defer(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
