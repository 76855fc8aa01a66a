// Interception as its users set it up: over several routes, for an origin that nobody can reach directly, globally, by a
// fetch of its own. Broken and slow routes are overcome, and what is left behind is nothing.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getGlobalDispatcher, request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { INTERCEPTED_CHANNEL } from '../../client/intercept/events.ts';
import type { InterceptedMessage } from '../../client/intercept/events.ts';
import { createDispatcher, createFetch, install } from '../../client/interceptor.ts';
import { eventually } from '../support/eventually.ts';
import { refusingPort, startRelayProgram } from '../support/servers.ts';
import { LINK, SITE, bytesOf, content, small, startHiddenSite } from './hidden-site.ts';
import type { HiddenSite } from './hidden-site.ts';

let site: HiddenSite;
beforeAll(async () => {
  site = await startHiddenSite();
});
afterEach(() => site.endTest());
afterAll(() => site[Symbol.asyncDispose]());

describe('what goes where', () => {
  test('a large object comes over all routes, though its origin cannot be reached', async () => {
    const heard = listen();
    expect((await bytesOf(site.dispatcherOver(site.overLinks()), 'a.bin')).equals(content)).toBe(true);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({ origin: SITE, key: 'a.bin' });
    const parts = heard[0]?.report.routes.map(({ segments }) => segments) ?? [];
    expect(parts).toHaveLength(2);
    for (const segments of parts) expect(segments).toBeGreaterThan(0);
  });

  test('a small object comes in one answer, without a transfer', async () => {
    const heard = listen();
    const dispatcher = site.dispatcherOver(site.overLinks());
    expect((await bytesOf(dispatcher, 'small.bin')).equals(small)).toBe(true);
    expect((await bytesOf(dispatcher, 'a.bin', { range: 'bytes=70000-130000' })).length).toBe(60_001);
    expect(heard).toEqual([]);
  });

  test('paths are mapped to keys', async () => {
    const dispatcher = site.dispatcherOver(site.overLinks(), { paths: [{ path: '/files/', key: 'sub/' }] });
    const answer = await request(`${SITE}/files/b.bin`, { dispatcher });
    expect(Buffer.from(await answer.body.arrayBuffer()).equals(small)).toBe(true);
    expect(answer.headers['content-length']).toBe('40000');
  });

  test('everything else passes untouched, and fails as it would', async () => {
    const dispatcher = site.dispatcherOver(site.overLinks());
    await expect(request(`http://127.0.0.1:${await refusingPort()}/`, { dispatcher })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    const { statusCode, body } = await request(`${site.world.origin.url}/livez`, { dispatcher });
    expect([statusCode, await body.text()]).toEqual([200, 'ok\n']);
  });

  test('over a chain of relays, and with a key prefix', async () => {
    const near = site.opened.use(await startRelayProgram({ main: site.world.origin.url }));
    const far = site.opened.use(await startRelayProgram({ next: near.url }));
    const url = `${far.url}/v1/via/next/v1/via/main`;
    expect((await bytesOf(site.dispatcherOver([{ name: 'chain', url }]), 'a.bin')).equals(content)).toBe(true);
  });
});

describe('routes that do not work', () => {
  test('a refused one is passed over', async () => {
    const dead = { name: 'dead', url: `http://127.0.0.1:${await refusingPort()}` };
    const dispatcher = site.dispatcherOver([dead, ...site.overLinks()]);
    for (const key of ['small.bin', 'a.bin']) {
      expect((await bytesOf(dispatcher, key)).equals(key === 'a.bin' ? content : small)).toBe(true);
    }
  });

  test('a silent one is overtaken', async () => {
    const shape = { target: { port: site.world.origin.port }, ...LINK };
    const silent = site.opened.use(await startLink(shape));
    const dispatcher = site.dispatcherOver([
      { name: 'silent', url: `http://127.0.0.1:${silent.port}` },
      ...site.overLinks(),
    ]);
    await bytesOf(dispatcher, 'small.bin');
    silent.pause();
    expect((await bytesOf(dispatcher, 'a.bin')).equals(content)).toBe(true);
    expect((await bytesOf(dispatcher, 'small.bin')).equals(small)).toBe(true);
  });

  test('a thin one with a quick head holds nobody up, and is asked first only once', async () => {
    const shape = { target: { port: site.world.origin.port }, megabitsPerSecond: 0.1, delayMs: 0 };
    const thin = site.opened.use(await startLink(shape));
    const heard = listen();
    const dispatcher = site.dispatcherOver([
      { name: 'thin', url: `http://127.0.0.1:${thin.port}` },
      ...site.overLinks(),
    ]);
    for (let count = 0; count < 3; count += 1) {
      expect((await bytesOf(dispatcher, 'small.bin')).equals(small)).toBe(true);
    }
    // what a thin lead does not bring, a transfer does
    expect(heard.length).toBeLessThanOrEqual(1);
  });

  test('one that refuses is passed over, and shown only when all refuse', async () => {
    const refusing = await site.serve((_request, response) => {
      response.writeHead(503, { 'Retry-After': '1', 'Proxy-Status': 'eu; error=connection_limit_reached' }).end('busy');
    });
    const route = { name: 'busy', url: refusing };
    expect((await bytesOf(site.dispatcherOver([route, ...site.overLinks()]), 'small.bin')).equals(small)).toBe(true);
    const answer = await request(`${SITE}/v1/objects/small.bin`, { dispatcher: site.dispatcherOver([route]) });
    expect([answer.statusCode, await answer.body.text()]).toEqual([503, 'busy']);
  });
});

describe('ways to set it up', () => {
  test('a fetch of its own', async () => {
    await using heddleFetch = createFetch({ origins: [{ origin: SITE, routes: site.overLinks() }] });
    const answer = await heddleFetch(`${SITE}/v1/objects/a.bin`);
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '3000001']);
    expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
    const asked = await heddleFetch(new Request(`${SITE}/v1/objects/small.bin`, { headers: { range: 'bytes=1-2' } }));
    expect(Buffer.from(await asked.arrayBuffer()).equals(small.subarray(1, 3))).toBe(true);
  });

  test('globally, until it is disposed', async () => {
    const before = getGlobalDispatcher();
    {
      await using _installed = install({ origins: [{ origin: SITE, routes: site.overLinks() }] });
      const answer = await fetch(`${SITE}/v1/objects/a.bin`);
      expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
      const { body } = await request(`${SITE}/v1/objects/small.bin`);
      expect(Buffer.from(await body.arrayBuffer()).equals(small)).toBe(true);
    }
    expect(getGlobalDispatcher()).toBe(before);
  });

  test.each<[string, object]>([
    ['no origin', { origin: 'data.example' }],
    ['an origin with a path', { origin: `${SITE}/files` }],
    ['another scheme', { origin: 'ftp://data.example' }],
    ['a path that does not end in a slash', { origin: SITE, paths: [{ path: '/files' }] }],
    ['a key that could leave', { origin: SITE, paths: [{ path: '/f/', key: '../' }] }],
    ['no routes', { origin: SITE, routes: [] }],
  ])('%s is refused at once', (_name, origin) => {
    const origins = [{ routes: site.overLinks(), origin: SITE, ...origin }];
    expect(() => createDispatcher({ origins })).toThrow(
      expect.objectContaining({ code: 'bad-configuration' }) as Error,
    );
  });

  test('the same origin twice is refused', () => {
    const once = { origin: SITE, routes: site.overLinks() };
    expect(() => install({ origins: [once, { ...once, origin: 'HTTP://DATA.example:80/' }] })).toThrow(/twice/);
  });
});

describe('what is left behind', () => {
  test('nothing, by a thousand requests aborted at random points', async () => {
    const dispatcher = site.dispatcherOver(site.overLinks());
    const keys = ['a.bin', 'small.bin', 'missing'];
    let seed = 1;
    const random = (most: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % most;
    };
    const one = async (at: number): Promise<void> => {
      const stop = new AbortController();
      const bytes = random(400_000);
      const early = random(3) === 0;
      const asked = request(`${SITE}/v1/objects/${keys[at % 3]}`, { dispatcher, signal: stop.signal });
      if (early) setImmediate(() => stop.abort());
      try {
        const { body } = await asked;
        let read = 0;
        for await (const chunk of body) {
          read += (chunk as Buffer).length;
          if (read > bytes) break;
        }
        stop.abort();
      } catch (error) {
        expect((error as Error).name).toMatch(/AbortError/);
      }
    };
    for (let at = 0; at < 1_000; at += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, offset) => one(at + offset)));
    }
    await dispatcher.destroy();
    await eventually(() => site.links.every(({ connections }) => connections === 0));
  }, 60_000);
});

/** The transfers that bring intercepted bytes while the test runs. */
function listen(): InterceptedMessage[] {
  const heard: InterceptedMessage[] = [];
  const hear = (message: unknown): void => void heard.push(message as InterceptedMessage);
  subscribe(INTERCEPTED_CHANNEL, hear);
  site.opened.defer(() => void unsubscribe(INTERCEPTED_CHANNEL, hear));
  return heard;
}
