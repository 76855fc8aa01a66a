// However an application asks and reads, it sees the same with and without Heddle: slow readers, pauses, all of undici's
// ways to ask and to read.
import { Readable, Writable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { fetch } from 'undici';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { errorOf } from '../client/intercept/observe.ts';
import { eventually } from '../support/eventually.ts';
import { JSON_TEXT, LARGE, SMALL, ZIPPED, content, small, startInterceptedSite } from './intercepted-site.ts';
import type { InterceptedSite } from './intercepted-site.ts';

/** More than undici buffers of a body (64 KiB); the link carries so much towards a reader who stands still. */
const UNREAD_BYTES = 262_144;

let site: InterceptedSite;
beforeAll(async () => {
  site = await startInterceptedSite();
});
afterAll(() => site[Symbol.asyncDispose]());

describe('readers', () => {
  test('one that stops after each chunk gets every byte', () =>
    site.same(async (dispatcher) => {
      const { body } = await dispatcher.request({ origin: site.origin, path: LARGE, method: 'GET', highWaterMark: 1 });
      const chunks: Buffer[] = [];
      for await (const chunk of body) {
        chunks.push(chunk as Buffer);
        await new Promise(setImmediate);
      }
      return Buffer.concat(chunks).equals(content);
    }));
  test('one that comes when far more is there than its body buffers gets every byte', () =>
    site.same(async (dispatcher) => {
      const before = site.carriedBytes;
      const { body } = await dispatcher.request({ origin: site.origin, path: LARGE, method: 'GET' });
      await eventually(() => site.carriedBytes - before >= UNREAD_BYTES);
      return Buffer.from(await body.arrayBuffer()).equals(content);
    }));
  test('a controller paused in every callback is never told more before it resumes', () =>
    site.same((dispatcher) => paused(dispatcher, LARGE)));
  test('the same for a small object', () => site.same((dispatcher) => paused(dispatcher, SMALL)));
  test.each(['text', 'json', 'arrayBuffer', 'blob', 'bytes', 'formData'] as const)('%s()', (way) =>
    site.same(async (dispatcher) => {
      const answer = await fetch(site.urlOf(JSON_TEXT), { dispatcher });
      const value: unknown = await answer[way]();
      return value instanceof Blob ? await value.text() : value;
    }),
  );
  test('a clone reads the same', () =>
    site.same(async (dispatcher) => {
      const answer = await fetch(site.urlOf(LARGE), { dispatcher });
      const halves = await Promise.all([answer.clone().bytes(), answer.bytes()]);
      return halves.map((half) => Buffer.from(half).equals(content));
    }));
  test('an object that is gzip is left as it is', () =>
    site.same(async (dispatcher) => {
      const answer = await fetch(site.urlOf(ZIPPED), { dispatcher });
      return gunzipSync(await answer.bytes()).equals(small);
    }));
  test('many at once get their own bytes', () =>
    site.same(async (dispatcher) => {
      const ranges = Array.from({ length: 30 }, (_, at) => [at * 90_000, at * 90_000 + 5_000 * at]);
      return Promise.all(
        ranges.map(async ([from = 0, last = 0]) => {
          const headers = { range: `bytes=${from}-${last}` };
          const { body } = await dispatcher.request({ origin: site.origin, path: LARGE, method: 'GET', headers });
          return Buffer.from(await body.arrayBuffer()).equals(content.subarray(from, last + 1));
        }),
      );
    }));
});

describe('ways to ask', () => {
  test('stream', () =>
    site.same(async (dispatcher) => {
      const chunks: Buffer[] = [];
      const into = (): Writable =>
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            chunks.push(chunk);
            done();
          },
        });
      await dispatcher.stream({ origin: site.origin, path: LARGE, method: 'GET' }, into);
      return Buffer.concat(chunks).equals(content);
    }));
  test('pipeline', () =>
    site.same(async (dispatcher) => {
      const duplex = dispatcher.pipeline({ origin: site.origin, path: LARGE, method: 'GET' }, ({ body }) => body);
      duplex.end();
      const chunks = await Readable.from(duplex).toArray();
      return Buffer.concat(chunks as Buffer[]).equals(content);
    }));
  test('a callback', () =>
    site.same(
      (dispatcher) =>
        new Promise((resolve) => {
          dispatcher.request({ origin: site.origin, path: SMALL, method: 'GET' }, (error, data) => {
            resolve([error, data?.statusCode]);
            data?.body.resume();
          });
        }),
    ));
  test('an opaque value comes back', () =>
    site.same(async (dispatcher) => {
      const { opaque, body } = await dispatcher.request({
        origin: site.origin,
        path: SMALL,
        method: 'GET',
        opaque: { a: 1 },
      });
      await body.dump();
      return opaque;
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
    { origin: site.origin, path, method: 'GET' },
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
