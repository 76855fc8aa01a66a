// Which servers are asked whether they are about to stop, when, and which answers count.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { watchDepartures } from '../../../client/io/departures.ts';
import type { SessionRoute } from '../../../client/io/order.ts';

type Hop = AsyncDisposable & { readonly url: string; readonly asked: string[]; readonly sockets: () => number };

async function startHop(answer: (response: ServerResponse, request: IncomingMessage) => void): Promise<Hop> {
  const asked: string[] = [];
  let sockets = 0;
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(response, request);
  }).on('connection', () => (sockets += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    sockets: () => sockets,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function routeTo(url: string, mirror?: 'copy', authorization?: string): SessionRoute {
  const baseUrl = new URL(url);
  const route = { name: 'r', baseUrl, localAddress: undefined, authorization, terms: {}, origin: 'o' };
  return mirror === undefined ? route : { ...route, mirror };
}

const draining = (response: ServerResponse): void => void response.writeHead(503).end('draining\n');
const problem = (response: ServerResponse): void => void response.writeHead(503).end('{"code":"draining"}');
const busy = (response: ServerResponse): void => void response.writeHead(503).end('too many requests');
const ready = (response: ServerResponse): void => void response.end('ready\n');

/** Watches until `enough`, and says what was told. */
async function told(
  hops: readonly SessionRoute[],
  enough: (all: readonly (readonly [number, boolean])[]) => boolean,
  readBytes: () => number = () => performance.now(),
): Promise<(readonly [number, boolean])[]> {
  const all: (readonly [number, boolean])[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (enough(all)) resolve();
  };
  using _ = watchDepartures(hops, {
    readBytes: () => {
      look();
      return readBytes();
    },
    leaving: (route, isLeaving) => {
      all.push([route, isLeaving]);
      look();
    },
  });
  await promise;
  return all;
}

test('the first hop is asked beside its /v1/via/, or the source itself, and only "draining" counts', async () => {
  await using relay = await startHop(draining);
  await using origin = await startHop(problem);
  await using proxy = await startHop(busy);
  await using mirror = await startHop(draining);
  const routes = [
    routeTo(`${relay.url}/v1/via/main/v1/via/other`),
    routeTo(origin.url),
    routeTo(`${proxy.url}/behind/v1/via/main`),
    routeTo(mirror.url, 'copy'),
  ];
  const all = await told(routes, (seen) => seen.length >= 2 && proxy.asked.length > 0);
  expect(new Set(all.map(([route]) => route))).toEqual(new Set([0, 1]));
  expect(all.every(([, isLeaving]) => isLeaving)).toBe(true);
  expect([relay.asked[0], origin.asked[0], proxy.asked[0]]).toEqual(['/readyz', '/readyz', '/behind/readyz']);
  expect(mirror.asked).toEqual([]);
});

test('every relay of a chain is asked through those before it, with the token; what stands behind the last is not', async () => {
  const tokens = new Set<string | undefined>();
  await using chain = await startHop((response, { url, headers }) => {
    tokens.add(headers.authorization);
    return url === '/x/v1/via/eu/readyz' ? draining(response) : ready(response);
  });
  const route = routeTo(`${chain.url}/x/v1/via/eu/v1/via/main`, undefined, 'Bearer t');
  expect((await told([route], (seen) => seen.length > 0))[0]).toEqual([0, true]);
  expect([...new Set(chain.asked)]).toEqual(['/x/readyz', '/x/v1/via/eu/readyz']);
  expect([...tokens]).toEqual(['Bearer t']);
  expect(chain.sockets()).toBe(1);
});

test('who leaves is told of in each turn, and once more when that is over; one connection does for all questions', async () => {
  let turns = 0;
  await using relay = await startHop((response) => ((turns += 1) <= 2 ? draining(response) : ready(response)));
  const all = await told([routeTo(relay.url)], () => turns >= 4);
  expect(all).toEqual([
    [0, true],
    [0, true],
    [0, false],
  ]);
  expect(relay.sockets()).toBe(1);
});

test('who is not there any more does not leave any more', async () => {
  const relay = await startHop(draining);
  const all = await told([routeTo(relay.url)], (seen) => {
    if (seen.length === 1) void relay[Symbol.asyncDispose]();
    return seen.length === 2;
  });
  expect(all).toEqual([
    [0, true],
    [0, false],
  ]);
});

test('a route that carries nothing is asked in every tenth turn', async () => {
  await using relay = await startHop(ready);
  let looks = 0;
  await told(
    [routeTo(relay.url)],
    () => looks > 8,
    () => {
      looks += 1;
      return 0;
    },
  );
  expect(relay.asked.length).toBeLessThanOrEqual(1);
});
