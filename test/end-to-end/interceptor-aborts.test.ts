// An application that changes its mind, or breaks, looks the same with and without Heddle: aborts at every stage, handlers
// that throw.
import { fetch } from 'undici';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { errorOf } from '../client/intercept/observe.ts';
import { LARGE, MISSING, SMALL, startInterceptedSite } from './intercepted-site.ts';
import type { InterceptedSite } from './intercepted-site.ts';

let site: InterceptedSite;
beforeAll(async () => {
  site = await startInterceptedSite();
});
afterAll(() => site[Symbol.asyncDispose]());

describe('aborts', () => {
  const reason = new Error('changed my mind');
  const paths = [LARGE, SMALL, MISSING];

  test.each(paths)('before the request by fetch: %s', (path) =>
    site.same((dispatcher) => fetch(site.urlOf(path), { dispatcher, signal: AbortSignal.abort(reason) })),
  );
  test.each(paths)('before the request, by request: %s', (path) =>
    site.same((dispatcher) =>
      dispatcher.request({ origin: site.origin, path, method: 'GET', signal: AbortSignal.abort(reason) }),
    ),
  );
  test.each(paths)('before the request, without a reason: %s', (path) =>
    site.same((dispatcher) => fetch(site.urlOf(path), { dispatcher, signal: AbortSignal.abort() })),
  );
  test.each(paths)('before the head, by fetch: %s', (path) =>
    site.same(async (dispatcher) => {
      const stop = new AbortController();
      const asked = fetch(site.urlOf(path), { dispatcher, signal: stop.signal });
      setImmediate(() => stop.abort(reason));
      return asked;
    }),
  );
  test.each(paths)('before the head, by request: %s', (path) =>
    site.same(async (dispatcher) => {
      const stop = new AbortController();
      const asked = dispatcher.request({ origin: site.origin, path, method: 'GET', signal: stop.signal });
      setImmediate(() => stop.abort(reason));
      return asked;
    }),
  );
  test('behind the head, by fetch', () =>
    site.same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await fetch(site.urlOf(LARGE), { dispatcher, signal: stop.signal });
      stop.abort(reason);
      return [answer.status, await answer.bytes().catch(errorOf)];
    }));
  test('behind the head, by request', () =>
    site.same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await dispatcher.request({ origin: site.origin, path: LARGE, method: 'GET', signal: stop.signal });
      stop.abort(reason);
      return [answer.statusCode, await answer.body.bytes().catch(errorOf)];
    }));
  test.each([1, 100_000, 2_000_000])('behind %i bytes, by fetch', (most) =>
    site.same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await fetch(site.urlOf(LARGE), { dispatcher, signal: stop.signal });
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
    site.same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await dispatcher.request({ origin: site.origin, path: LARGE, method: 'GET', signal: stop.signal });
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
    site.same(async (dispatcher) => {
      const { body } = await dispatcher.request({ origin: site.origin, path: LARGE, method: 'GET' });
      const closed = new Promise((resolve) => {
        body.on('error', (error) => resolve(errorOf(error)));
      });
      body.destroy(reason);
      return closed;
    }));
  test('a body that is dumped', () =>
    site.same(async (dispatcher) => {
      const { body } = await dispatcher.request({ origin: site.origin, path: LARGE, method: 'GET' });
      await body.dump({ limit: 10_000 });
      return [body.destroyed, body.closed];
    }));
  test('a body that is cancelled', () =>
    site.same(async (dispatcher) => {
      const { body } = await fetch(site.urlOf(LARGE), { dispatcher });
      const reader = body?.getReader();
      await reader?.read();
      await reader?.cancel('enough');
      return reader?.closed.then(() => 'closed');
    }));
  test('an abort behind the end does nothing', () =>
    site.same(async (dispatcher) => {
      const stop = new AbortController();
      const answer = await fetch(site.urlOf(LARGE), { dispatcher, signal: stop.signal });
      const { length } = await answer.bytes();
      stop.abort(reason);
      return length;
    }));
  test('a time limit of the application', () =>
    site.same(async (dispatcher) => {
      site.pause();
      try {
        return await fetch(site.urlOf(LARGE), { dispatcher, signal: AbortSignal.timeout(50) });
      } finally {
        site.resume();
      }
    }));
});

describe('what a handler throws', () => {
  const stages = ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const;
  test.each(stages)('in %s', (stage) =>
    site.same((dispatcher) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const told: string[] = [];
      const step = (name: (typeof stages)[number]) => (): void => {
        if (name !== 'onResponseData') told.push(name);
        if (name === stage) throw new Error(`in ${name}`);
      };
      const steps = Object.fromEntries(stages.map((name) => [name, step(name)])) as Dispatcher.DispatchHandler;
      dispatcher.dispatch(
        { origin: site.origin, path: LARGE, method: 'GET' },
        {
          ...steps,
          onResponseError: (controller, error) => resolve([told, errorOf(error), controller?.aborted]),
        },
      );
      return promise;
    }),
  );
  test.each(stages.slice(0, 3))('aborting in %s', (stage) =>
    site.same((dispatcher) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const abortIn = (name: string) => (controller: Dispatcher.DispatchController) => {
        if (name === stage) controller.abort(new Error(`in ${name}`));
      };
      const steps = Object.fromEntries(stages.slice(0, 3).map((name) => [name, abortIn(name)]));
      dispatcher.dispatch(
        { origin: site.origin, path: LARGE, method: 'GET' },
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
