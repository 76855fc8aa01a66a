// Ranks from outside: what a service or callback says in time counts, within bounds and for known routes; everything else
// leaves the ranks as they are and is told.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { askForRanks, rankingService } from '../../../client/io/ranking-service.ts';
import type { RankCallback } from '../../../client/io/ranking-service.ts';
import type { HeddleError } from '../../../protocol/errors.ts';

const routes = [
  { name: 'eu', url: 'https://eu:1/', costPerGigabyte: 0.05 },
  { name: 'ap', url: 'https://ap:1/' },
];
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<RankCallback> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return rankingService(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/rank`));
}

type Outcome = { readonly ranks: Record<string, number> | undefined; readonly failures: readonly HeddleError[] };

async function ask(callback: RankCallback, timeoutMs = 5_000, signal = new AbortController().signal): Promise<Outcome> {
  const failures: HeddleError[] = [];
  const ranks = await askForRanks(callback, routes, { timeoutMs, signal, onFailure: (error) => failures.push(error) });
  return { ranks: ranks && Object.fromEntries(ranks), failures };
}

test('the service gets the routes and says their ranks', async () => {
  const asked: { method: string | undefined; body: unknown }[] = [];
  const callback = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push({ method: request.method, body: JSON.parse(body) });
      response.end('{"ranks":{"eu":0.25,"ap":1}}');
    });
  });
  expect(await ask(callback)).toEqual({ ranks: { eu: 0.25, ap: 1 }, failures: [] });
  expect(asked).toEqual([{ method: 'POST', body: { routes } }]);
});

test('ranks are brought within bounds; what is no rank or of no route is passed over', async () => {
  const callback = (): never => ({ eu: 7, ap: 'high', other: 1, __proto__: 1 }) as never;
  expect(await ask(callback)).toEqual({ ranks: { eu: 1 }, failures: [] });
});

describe('no ranks, a reason and no exception', () => {
  test.each([
    ['an error page', 500, 'oops', 'refused'],
    ['something else', 200, '<html>', 'refused'],
    ['no ranks', 200, '{"ranks":null}', 'refused'],
    ['far too much', 200, `{"ranks":{"eu":1}}${' '.repeat(100_000)}`, 'refused'],
  ])('%s', async (_, status, body, code) => {
    const callback = await serve((_request, response) => void response.writeHead(status).end(body));
    const { ranks, failures } = await ask(callback);
    expect(ranks).toBeUndefined();
    expect(failures.map((error) => error.code)).toEqual([code]);
    expect(failures[0]?.message).toMatch(/^the ranking service 127\.0\.0\.1:\d+ /);
  });

  test('nobody there', async () => {
    const callback = await serve(() => {});
    server?.close();
    const { ranks, failures } = await ask(callback);
    expect(ranks).toBeUndefined();
    expect(failures[0]?.code).toBe('unreachable');
    expect(failures[0]?.message).toContain('the connection is refused');
  });

  test('silence', async () => {
    const callback = await serve(() => {});
    const { ranks, failures } = await ask(callback, 50);
    expect(ranks).toBeUndefined();
    expect(failures).toHaveLength(1);
  });

  test('a callback that throws, and one that never comes back', async () => {
    const thrown = await ask(() => {
      throw new Error('no idea');
    });
    expect(thrown.failures[0]?.message).toBe('no idea');
    const silent = await ask(() => new Promise(() => {}), 20);
    expect(silent.failures[0]?.code).toBe('timeout');
  });
});

test('whoever does not want them any more hears nothing', async () => {
  const stopped = new AbortController();
  const asked = ask(() => new Promise(() => {}), 5_000, stopped.signal);
  stopped.abort();
  expect(await asked).toEqual({ ranks: undefined, failures: [] });
});
