// When every way to the origin breaks, an application sees the same with and without Heddle: cut, refused and silent ways,
// and a dispatcher that was closed.
import { Agent, fetch } from 'undici';
import type { Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDispatcher } from '../../client/interceptor.ts';
import { errorOf, observeRequest } from '../client/intercept/observe.ts';
import { LARGE, startInterceptedSite } from './intercepted-site.ts';
import type { InterceptedSite } from './intercepted-site.ts';

let site: InterceptedSite;
beforeAll(async () => {
  site = await startInterceptedSite();
});
afterAll(() => site[Symbol.asyncDispose]());

describe('broken ways', () => {
  /** Both ways end behind `most` bytes. */
  async function cutBehind(most: number, dispatcher: Dispatcher): Promise<unknown> {
    const { body } = await fetch(site.urlOf(LARGE), { dispatcher });
    let bytes = 0;
    try {
      for await (const chunk of body ?? []) {
        bytes += (chunk as Uint8Array).length;
        if (bytes >= most) site.kill();
      }
    } catch (error) {
      const { name, message, cause } = errorOf(error) as { name: string; message: string; cause: { code: string } };
      return [name, message, ['UND_ERR_SOCKET', 'ECONNRESET'].includes(cause.code)];
    } finally {
      await site.restore();
    }
    return bytes;
  }

  test.each([1, 200_000])('all of them cut behind %i bytes: the body breaks', (most) =>
    site.whileThin(() => site.same((dispatcher) => cutBehind(most, dispatcher))),
  );

  test('all of them refused', async () => {
    site.kill();
    try {
      const codeOf = async (dispatcher: Dispatcher): Promise<unknown> => {
        const { name, message, cause } = errorOf(
          await fetch(site.urlOf(LARGE), { dispatcher }).catch((error: unknown) => error),
        );
        return [name, message, (cause as { code: string }).code];
      };
      expect(await site.both(codeOf)).toEqual(['TypeError', 'fetch failed', 'ECONNREFUSED']);
    } finally {
      await site.restore();
    }
  });

  test('all of them silent: the time limit for the head', async () => {
    site.pause();
    try {
      const observed = await site.both((dispatcher) =>
        observeRequest(dispatcher, site.urlOf(LARGE), { headersTimeout: 300 }),
      );
      expect(observed).toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
    } finally {
      site.resume();
    }
  });

  test('all of them silent in the body: its time limit', async () => {
    const play = async (dispatcher: Dispatcher): Promise<unknown> => {
      const { body } = await dispatcher.request({ origin: site.origin, path: LARGE, method: 'GET', bodyTimeout: 600 });
      let bytes = 0;
      try {
        for await (const chunk of body) {
          bytes += (chunk as Buffer).length;
          site.pause();
        }
      } catch (error) {
        return errorOf(error);
      } finally {
        site.resume();
      }
      return bytes;
    };
    const observed = await site.whileThin(() => site.both(play));
    expect(observed).toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' });
  });
});

test('a closed dispatcher refuses, as an agent does', async () => {
  const own = createDispatcher({ origins: [{ origin: site.origin, routes: site.routes }] });
  const agent = new Agent();
  await Promise.all([own.close(), agent.close()]);
  const observed = await observeRequest(own, site.urlOf(LARGE), {});
  expect(observed).toEqual(await observeRequest(agent, site.urlOf(LARGE), {}));
});
