// How an answer behaves with and without Heddle: aborts at every stage, readers that stop, broken and silent ways,
// redirects, encodings, other interceptors, all of undici's ways to ask. Each case is played over a plain agent and over
// the dispatcher, and must look the same.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Agent, fetch, interceptors } from 'undici';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { createDispatcher } from '../../client/interceptor.ts';
import { errorOf, observeFetch, observeRequest } from '../client/intercept/observe.ts';
import { settled } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const content = objectBytes(3_000_001, 61);
const small = objectBytes(1_000, 62);
const owned = new AsyncDisposableStack();
let world: World;
/** The way of the plain requests, and one of two of Heddle's. */
let link: ShapedLink;
let other: ShapedLink;
let site: string;
let plain: Dispatcher;
let heddle: Dispatcher;
let elsewhere: string;

beforeAll(async () => {
  const zipped = gzipSync(small);
  world = owned.use(
    await startWorld({ 'a.bin': content, 'small.bin': small, 'small.gz': zipped, 'n.json': Buffer.from('{"n":1}') }),
  );
  const shape = { target: { port: world.origin.port }, megabitsPerSecond: 640, delayMs: 1 };
  link = owned.use(await startLink(shape));
  other = owned.use(await startLink(shape));
  site = `http://127.0.0.1:${link.port}`;
  plain = new Agent();
  heddle = createDispatcher({ origins: [{ origin: site, routes: routesOf(link, other), giveUpMs: 3_000 }] });
  owned.defer(() => plain.destroy());
  owned.defer(() => heddle.destroy());
  elsewhere = await startRedirecting();
});
afterAll(() => owned.disposeAsync());

function routesOf(...links: readonly ShapedLink[]): { name: string; url: string }[] {
  return links.map(({ port }, at) => ({ name: `r${at}`, url: `http://127.0.0.1:${port}` }));
}

/** Another server, which sends everybody to the site. */
async function startRedirecting(): Promise<string> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const [, status = '302', key = ''] = /^\/(\d+)\/(.*)$/.exec(request.url ?? '') ?? [];
    const location = key === 'loop' ? request.url : `${site}/v1/objects/${key}`;
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

type Play = (dispatcher: Dispatcher) => Promise<unknown>;

/** Plays it both ways and compares. */
async function both(play: Play): Promise<unknown> {
  const expected = await play(plain).catch(errorOf);
  expect(await play(heddle).catch(errorOf)).toEqual(expected);
  return expected;
}

const A = '/v1/objects/a.bin';
const SMALL = '/v1/objects/small.bin';
const urlOf = (path: string): string => site + path;

async function same(play: Play): Promise<void> {
  await both(play);
}

describe('aborts', () => {
  const reason = new Error('changed my mind');
  const paths = [A, SMALL, '/v1/objects/missing'];

  test.each(paths)('before the request by fetch: %s', (path) =>
    same((dispatcher) => fetch(urlOf(path), { dispatcher, signal: AbortSignal.abort(reason) })),
  );
  test.each(paths)('before the request, by request: %s', (path) =>
    same((dispatcher) => dispatcher.request({ origin: site, path, method: 'GET', signal: AbortSignal.abort(reason) })),
  );
  test.each(paths)('before the request, without a reason: %s', (path) =>
    same((dispatcher) => fetch(urlOf(path), { dispatcher, signal: AbortSignal.abort() })),
  );
  test.each(paths)('before the head, by fetch: %s', (path) =>
    same(async (dispatcher) => {
      const stop = new AbortController();
      const asked = fetch(urlOf(path), { dispatcher, signal: stop.signal });
      setImmediate(() => stop.abort(reason));
      return asked;
    }),
  );
  test.each(paths)('before the head, by request: %s', (path) =>
    same(async (dispatcher) => {
      const stop = new AbortController();
      const asked = dispatcher.request({ origin: site, path, method: 'GET', signal: stop.signal });
      setImmediate(() => stop.abort(reason));
      return asked;
    }),
  );
  test('behind the head, by fetch', () =>
    same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await fetch(urlOf(A), { dispatcher, signal: stop.signal });
      stop.abort(reason);
      return [answer.status, await answer.bytes().catch(errorOf)];
    }));
  test('behind the head, by request', () =>
    same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await dispatcher.request({ origin: site, path: A, method: 'GET', signal: stop.signal });
      stop.abort(reason);
      return [answer.statusCode, await answer.body.bytes().catch(errorOf)];
    }));
  test.each([1, 100_000, 2_000_000])('behind %i bytes, by fetch', (most) =>
    same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await fetch(urlOf(A), { dispatcher, signal: stop.signal });
      let bytes = 0;
      try {
        for await (const chunk of answer.body ?? []) {
          bytes += (chunk as Uint8Array).length;
          if (bytes >= most) stop.abort(reason);
        }
      } catch (error) {
        return errorOf(error);
      }
      return bytes;
    }),
  );
  test.each([1, 100_000, 2_000_000])('behind %i bytes, by request', (most) =>
    same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await dispatcher.request({ origin: site, path: A, method: 'GET', signal: stop.signal });
      let bytes = 0;
      try {
        for await (const chunk of answer.body) {
          bytes += (chunk as Uint8Array).length;
          if (bytes >= most) stop.abort(reason);
        }
      } catch (error) {
        return errorOf(error);
      }
      return bytes;
    }),
  );
  test('a body that is destroyed', () =>
    same(async (dispatcher) => {
      const { body } = await dispatcher.request({ origin: site, path: A, method: 'GET' });
      const closed = new Promise((resolve) => {
        body.on('error', (error) => resolve(errorOf(error)));
      });
      body.destroy(reason);
      return closed;
    }));
  test('a body that is dumped', () =>
    same(async (dispatcher) => {
      const { body } = await dispatcher.request({ origin: site, path: A, method: 'GET' });
      await body.dump({ limit: 10_000 });
      return [body.destroyed, body.closed];
    }));
  test('a body that is cancelled', () =>
    same(async (dispatcher) => {
      const { body } = await fetch(urlOf(A), { dispatcher });
      const reader = body?.getReader();
      await reader?.read();
      await reader?.cancel('enough');
      return reader?.closed.then(() => 'closed');
    }));
  test('an abort behind the end does nothing', () =>
    same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await fetch(urlOf(A), { dispatcher, signal: stop.signal });
      const { length } = await answer.bytes();
      stop.abort(reason);
      return length;
    }));
  test('a time limit of the application', () =>
    same(async (dispatcher) => {
      link.pause();
      other.pause();
      try {
        return await fetch(urlOf(A), { dispatcher, signal: AbortSignal.timeout(50) });
      } finally {
        link.resume();
        other.resume();
      }
    }));
});

describe('readers', () => {
  test('one that stops after each chunk gets every byte', () =>
    same(async (dispatcher) => {
      const { body } = await dispatcher.request({ origin: site, path: A, method: 'GET', highWaterMark: 1 });
      const chunks: Buffer[] = [];
      for await (const chunk of body) {
        chunks.push(chunk as Buffer);
        await new Promise(setImmediate);
      }
      return Buffer.concat(chunks).equals(content);
    }));
  test('one that comes when everything stands still behind it gets every byte', () =>
    same(async (dispatcher) => {
      const { body } = await dispatcher.request({ origin: site, path: A, method: 'GET' });
      await settled(() => link.carriedBytes.down + other.carriedBytes.down);
      return Buffer.from(await body.arrayBuffer()).equals(content);
    }));
  test('a controller paused in every callback is never told more before it resumes', () =>
    same((dispatcher) => paused(dispatcher, A)));
  test('the same for a small object', () => same((dispatcher) => paused(dispatcher, SMALL)));
  test.each(['text', 'json', 'arrayBuffer', 'blob', 'bytes', 'formData'] as const)('%s()', (way) =>
    same(async (dispatcher) => {
      const answer = await fetch(urlOf('/v1/objects/n.json'), { dispatcher });
      const value: unknown = await answer[way]();
      return value instanceof Blob ? await value.text() : value;
    }),
  );
  test('a clone reads the same', () =>
    same(async (dispatcher) => {
      const answer = await fetch(urlOf(A), { dispatcher });
      const halves = await Promise.all([answer.clone().bytes(), answer.bytes()]);
      return halves.map((half) => Buffer.from(half).equals(content));
    }));
  test('an object that is gzip is left as it is', () =>
    same(async (dispatcher) => {
      const answer = await fetch(urlOf('/v1/objects/small.gz'), { dispatcher });
      return gunzipSync(await answer.bytes()).equals(small);
    }));
  test('many at once get their own bytes', () =>
    same(async (dispatcher) => {
      const ranges = Array.from({ length: 30 }, (_, at) => [at * 90_000, at * 90_000 + 5_000 * at]);
      return Promise.all(
        ranges.map(async ([from = 0, last = 0]) => {
          const headers = { range: `bytes=${from}-${last}` };
          const { body } = await dispatcher.request({ origin: site, path: A, method: 'GET', headers });
          return Buffer.from(await body.arrayBuffer()).equals(content.subarray(from, last + 1));
        }),
      );
    }));
});

/** Every callback of a handler that pauses in each, and resumes later. */
function paused(dispatcher: Dispatcher, path: string): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const told: string[] = [];
  let bytes = 0;
  let open = true;
  const wait = (controller: Dispatcher.DispatchController): void => {
    controller.pause();
    open = false;
    setImmediate(() => {
      open = true;
      controller.resume();
    });
  };
  dispatcher.dispatch(
    { origin: site, path, method: 'GET' },
    {
      onRequestStart: () => void told.push('start'),
      onResponseStart(controller, status) {
        told.push(`head ${status} ${controller.paused} ${controller.aborted}`);
        wait(controller);
      },
      onResponseData(controller, chunk) {
        if (!open) told.push('data while paused');
        bytes += chunk.length;
        wait(controller);
      },
      onResponseEnd(_controller, trailers) {
        if (!open) told.push('end while paused');
        resolve([...told, 'end', bytes, trailers]);
      },
      onResponseError: (_controller, error) => resolve([...told, errorOf(error)]),
    },
  );
  return promise;
}

describe('what a handler throws', () => {
  const stages = ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const;
  test.each(stages)('in %s', (stage) =>
    same((dispatcher) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const told: string[] = [];
      const step = (name: (typeof stages)[number]) => (): void => {
        if (name !== 'onResponseData') told.push(name);
        if (name === stage) throw new Error(`in ${name}`);
      };
      const steps = Object.fromEntries(stages.map((name) => [name, step(name)])) as Dispatcher.DispatchHandler;
      dispatcher.dispatch(
        { origin: site, path: A, method: 'GET' },
        {
          ...steps,
          onResponseError: (controller, error) => resolve([told, errorOf(error), controller?.aborted]),
        },
      );
      return promise;
    }),
  );
  test.each(stages.slice(0, 3))('aborting in %s', (stage) =>
    same((dispatcher) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const abortIn = (name: string) => (controller: Dispatcher.DispatchController) => {
        if (name === stage) controller.abort(new Error(`in ${name}`));
      };
      const steps = Object.fromEntries(stages.slice(0, 3).map((name) => [name, abortIn(name)]));
      dispatcher.dispatch(
        { origin: site, path: A, method: 'GET' },
        {
          ...(steps as Dispatcher.DispatchHandler),
          onResponseEnd: () => resolve('end'),
          onResponseError: (controller, error) =>
            resolve([errorOf(error), controller.aborted, errorOf(controller.reason)]),
        },
      );
      return promise;
    }),
  );
});

describe('ways to ask', () => {
  test('stream', () =>
    same(async (dispatcher) => {
      const chunks: Buffer[] = [];
      const into = (): Writable =>
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            chunks.push(chunk);
            done();
          },
        });
      await dispatcher.stream({ origin: site, path: A, method: 'GET' }, into);
      return Buffer.concat(chunks).equals(content);
    }));
  test('pipeline', () =>
    same(async (dispatcher) => {
      const duplex = dispatcher.pipeline({ origin: site, path: A, method: 'GET' }, ({ body }) => body);
      duplex.end();
      const chunks = await Readable.from(duplex).toArray();
      return Buffer.concat(chunks as Buffer[]).equals(content);
    }));
  test('a callback', () =>
    same(
      (dispatcher) =>
        new Promise((resolve) => {
          dispatcher.request({ origin: site, path: SMALL, method: 'GET' }, (error, data) => {
            resolve([error, data?.statusCode]);
            data?.body.resume();
          });
        }),
    ));
  test('an opaque value comes back', () =>
    same(async (dispatcher) => {
      const { opaque, body } = await dispatcher.request({ origin: site, path: SMALL, method: 'GET', opaque: { a: 1 } });
      await body.dump();
      return opaque;
    }));
});

describe('redirects', () => {
  test.each([301, 302, 303, 307, 308])('%i from elsewhere, followed', (status) =>
    same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/${status}/a.bin`, {})),
  );
  test.each(['manual', 'error', 'follow'] as const)('redirect: %s', (redirect) =>
    same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/302/small.bin`, { redirect })),
  );
  test('with a range', () =>
    same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/302/a.bin`, { headers: { range: 'bytes=5-200000' } })));
  test('a loop', () => same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/302/loop`, {})));
  test('to what is not there', () => same((dispatcher) => observeFetch(dispatcher, `${elsewhere}/302/missing`, {})));
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
  const cases = others.flatMap(([name, make]) =>
    [A, SMALL, '/v1/objects/missing'].map((path) => [name, path, make] as const),
  );
  test.each(cases)('%s: %s', (_name, path, make) =>
    same((dispatcher) => observeRequest(dispatcher.compose(make()), urlOf(path), {})),
  );
});

describe('broken ways', () => {
  /** Both ways end behind `most` bytes. */
  async function cutBehind(most: number, dispatcher: Dispatcher): Promise<unknown> {
    const { body } = await fetch(urlOf(A), { dispatcher });
    let bytes = 0;
    try {
      for await (const chunk of body ?? []) {
        bytes += (chunk as Uint8Array).length;
        if (bytes >= most) {
          link.kill();
          other.kill();
        }
      }
    } catch (error) {
      const { name, message, cause } = errorOf(error) as { name: string; message: string; cause: { code: string } };
      return [name, message, ['UND_ERR_SOCKET', 'ECONNRESET'].includes(cause.code)];
    } finally {
      await link.restore();
      await other.restore();
    }
    return bytes;
  }

  test.each([1, 200_000])('all of them cut behind %i bytes: the body breaks', async (most) => {
    link.setRate(16);
    other.setRate(16);
    try {
      await same((dispatcher) => cutBehind(most, dispatcher));
    } finally {
      link.setRate(640);
      other.setRate(640);
    }
  });

  test('all of them refused', async () => {
    link.kill();
    other.kill();
    try {
      const codeOf = async (dispatcher: Dispatcher): Promise<unknown> => {
        const { name, message, cause } = errorOf(
          await fetch(urlOf(A), { dispatcher }).catch((error: unknown) => error),
        );
        return [name, message, (cause as { code: string }).code];
      };
      expect(await both(codeOf)).toEqual(['TypeError', 'fetch failed', 'ECONNREFUSED']);
    } finally {
      await link.restore();
      await other.restore();
    }
  });

  test('all of them silent: the time limit for the head', async () => {
    link.pause();
    other.pause();
    try {
      const observed = await both((dispatcher) => observeRequest(dispatcher, urlOf(A), { headersTimeout: 300 }));
      expect(observed).toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
    } finally {
      link.resume();
      other.resume();
    }
  });

  test('all of them silent in the body: its time limit', async () => {
    const play = async (dispatcher: Dispatcher): Promise<unknown> => {
      const { body } = await dispatcher.request({ origin: site, path: A, method: 'GET', bodyTimeout: 600 });
      let bytes = 0;
      try {
        for await (const chunk of body) {
          bytes += (chunk as Buffer).length;
          link.pause();
          other.pause();
        }
      } catch (error) {
        return errorOf(error);
      } finally {
        link.resume();
        other.resume();
      }
      return bytes;
    };
    expect(await both(play)).toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' });
  });
});

test('a closed dispatcher refuses, as an agent does', async () => {
  const own = createDispatcher({ origins: [{ origin: site, routes: routesOf(link) }] });
  const agent = new Agent();
  await Promise.all([own.close(), agent.close()]);
  const observed = await observeRequest(own, urlOf(A), {});
  expect(observed).toEqual(await observeRequest(agent, urlOf(A), {}));
});
