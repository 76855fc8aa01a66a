// Interception as its users set it up: over several routes, for an origin that nobody can reach directly, globally, by a
// fetch of its own, by nothing but a configuration file. Liars and refusals are overcome, and what is left behind is
// nothing.
import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { getGlobalDispatcher, request } from 'undici';
import type { Dispatcher } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { INTERCEPTED_CHANNEL } from '../../client/intercept/events.ts';
import type { InterceptedMessage } from '../../client/intercept/events.ts';
import { open } from '../../client/io/identity.ts';
import { createDispatcher, createFetch, install } from '../../client/interceptor.ts';
import type { RouteOptions } from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { refusingPort, startRelayProgram } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SITE = 'http://data.example';
const REGISTER = join(import.meta.dirname, '../../client/register.ts');
const content = objectBytes(3_000_001, 81);
const small = objectBytes(40_000, 82);
const owned = new AsyncDisposableStack();
let each = new AsyncDisposableStack();
let world: World;
let links: readonly ShapedLink[];

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content, 'small.bin': small, 'sub/b.bin': small }));
  const shape = { target: { port: world.origin.port }, megabitsPerSecond: 100, delayMs: 2 };
  links = [owned.use(await startLink(shape)), owned.use(await startLink(shape))];
});
afterEach(async () => {
  await each.disposeAsync();
  each = new AsyncDisposableStack();
});
afterAll(() => owned.disposeAsync());

function overLinks(): RouteOptions[] {
  return links.map(({ port }, at) => ({ name: `link${at}`, url: `http://127.0.0.1:${port}` }));
}

/** A dispatcher for SITE over `routes`, destroyed behind the test. */
function dispatcherOver(routes: readonly RouteOptions[], more: object = {}): Dispatcher {
  const dispatcher = createDispatcher({ origins: [{ origin: SITE, routes, ...more }] });
  each.defer(() => dispatcher.destroy());
  return dispatcher;
}

async function bytesOf(dispatcher: Dispatcher, key: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const { body } = await request(`${SITE}/v1/objects/${key}`, { dispatcher, headers });
  return Buffer.from(await body.arrayBuffer());
}

/** The transfers that bring intercepted bytes while the test runs. */
function listen(): InterceptedMessage[] {
  const heard: InterceptedMessage[] = [];
  const hear = (message: unknown): void => void heard.push(message as InterceptedMessage);
  subscribe(INTERCEPTED_CHANNEL, hear);
  each.defer(() => void unsubscribe(INTERCEPTED_CHANNEL, hear));
  return heard;
}

describe('what goes where', () => {
  test('a large object comes over all routes, though its origin cannot be reached', async () => {
    const heard = listen();
    expect((await bytesOf(dispatcherOver(overLinks()), 'a.bin')).equals(content)).toBe(true);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatchObject({ origin: SITE, key: 'a.bin' });
    const parts = heard[0]?.report.routes.map(({ segments }) => segments) ?? [];
    expect(parts).toHaveLength(2);
    for (const segments of parts) expect(segments).toBeGreaterThan(0);
  });

  test('a small object comes in one answer, without a transfer', async () => {
    const heard = listen();
    const dispatcher = dispatcherOver(overLinks());
    expect((await bytesOf(dispatcher, 'small.bin')).equals(small)).toBe(true);
    expect((await bytesOf(dispatcher, 'a.bin', { range: 'bytes=70000-130000' })).length).toBe(60_001);
    expect(heard).toEqual([]);
  });

  test('paths are mapped to keys', async () => {
    const dispatcher = dispatcherOver(overLinks(), { paths: [{ path: '/files/', key: 'sub/' }] });
    const answer = await request(`${SITE}/files/b.bin`, { dispatcher });
    expect(Buffer.from(await answer.body.arrayBuffer()).equals(small)).toBe(true);
    expect(answer.headers['content-length']).toBe('40000');
  });

  test('everything else passes untouched, and fails as it would', async () => {
    const dispatcher = dispatcherOver(overLinks());
    await expect(request(`http://127.0.0.1:${await refusingPort()}/`, { dispatcher })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    const { statusCode, body } = await request(`${world.origin.url}/livez`, { dispatcher });
    expect([statusCode, await body.text()]).toEqual([200, 'ok\n']);
  });

  test('over a chain of relays, and with a key prefix', async () => {
    const near = each.use(await startRelayProgram({ main: world.origin.url }));
    const far = each.use(await startRelayProgram({ next: near.url }));
    const url = `${far.url}/v1/via/next/v1/via/main`;
    expect((await bytesOf(dispatcherOver([{ name: 'chain', url }]), 'a.bin')).equals(content)).toBe(true);
  });
});

describe('routes that do not work', () => {
  test('a refused one is passed over', async () => {
    const dead = { name: 'dead', url: `http://127.0.0.1:${await refusingPort()}` };
    const dispatcher = dispatcherOver([dead, ...overLinks()]);
    for (const key of ['small.bin', 'a.bin']) {
      expect((await bytesOf(dispatcher, key)).equals(key === 'a.bin' ? content : small)).toBe(true);
    }
  });

  test('a silent one is overtaken', async () => {
    const shape = { target: { port: world.origin.port }, megabitsPerSecond: 100, delayMs: 2 };
    const silent = each.use(await startLink(shape));
    const dispatcher = dispatcherOver([{ name: 'silent', url: `http://127.0.0.1:${silent.port}` }, ...overLinks()]);
    await bytesOf(dispatcher, 'small.bin');
    silent.pause();
    expect((await bytesOf(dispatcher, 'a.bin')).equals(content)).toBe(true);
    expect((await bytesOf(dispatcher, 'small.bin')).equals(small)).toBe(true);
  });

  test('a thin one with a quick head holds nobody up, and is asked first only once', async () => {
    const shape = { target: { port: world.origin.port }, megabitsPerSecond: 0.1, delayMs: 0 };
    const thin = each.use(await startLink(shape));
    const heard = listen();
    const dispatcher = dispatcherOver([{ name: 'thin', url: `http://127.0.0.1:${thin.port}` }, ...overLinks()]);
    for (let count = 0; count < 3; count += 1) {
      expect((await bytesOf(dispatcher, 'small.bin')).equals(small)).toBe(true);
    }
    // what a thin lead does not bring, a transfer does
    expect(heard.length).toBeLessThanOrEqual(1);
  });

  test('one that refuses is passed over, and shown only when all refuse', async () => {
    const refusing = await serve((_request, response) => {
      response.writeHead(503, { 'Retry-After': '1', 'Proxy-Status': 'eu; error=connection_limit_reached' }).end('busy');
    });
    const route = { name: 'busy', url: refusing };
    expect((await bytesOf(dispatcherOver([route, ...overLinks()]), 'small.bin')).equals(small)).toBe(true);
    const answer = await request(`${SITE}/v1/objects/small.bin`, { dispatcher: dispatcherOver([route]) });
    expect([answer.statusCode, await answer.body.text()]).toEqual([503, 'busy']);
  });
});

describe('routes that lie', () => {
  /** Forwards plain requests to the origin and changes what comes back. */
  function liar(change: (path: string, headers: Record<string, unknown>, body: Buffer) => Buffer): Promise<string> {
    return serve(async (incoming, response) => {
      const path = incoming.url ?? '';
      const { range } = incoming.headers;
      const answer = await request(world.origin.url + path, { headers: range === undefined ? {} : { range } });
      const headers: Record<string, unknown> = { ...answer.headers };
      const body = change(path, headers, Buffer.from(await answer.body.arrayBuffer()));
      response.writeHead(answer.statusCode, { ...(headers as Record<string, string>), 'content-length': body.length });
      response.end(body);
    });
  }
  const flip = (body: Buffer): Buffer => {
    const copy = Buffer.from(body);
    copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
    return copy;
  };

  const lies: readonly (readonly [string, Parameters<typeof liar>[0]])[] = [
    ['about the bytes', (path, _headers, body) => (path.startsWith('/v1/objects/') ? flip(body) : body)],
    ['about the nodes', (path, _headers, body) => (path.startsWith('/v1/nodes/') ? flip(body) : body)],
    ['about the manifest', (path, _headers, body) => (path.startsWith('/v1/manifests/') ? flip(body) : body)],
    [
      'about the ETag',
      (_path, headers, body) => {
        headers['etag'] = `"sha256-${'0'.repeat(64)}"`;
        return body;
      },
    ],
    [
      'about the size',
      (path, headers, body) => {
        if (path.startsWith('/v1/objects/')) headers['content-range'] = `bytes 0-${body.length - 1}/${body.length}`;
        return body;
      },
    ],
    [
      'that there is no ETag',
      (_path, headers, body) => {
        delete headers['etag'];
        return body;
      },
    ],
  ];

  test.each(lies)('%s: the bytes are right, over the honest ones', async (_name, lie) => {
    const url = await liar(lie);
    for (const key of ['small.bin', 'a.bin']) {
      const dispatcher = dispatcherOver([{ name: 'liar', url }, ...overLinks()]);
      expect((await bytesOf(dispatcher, key)).equals(key === 'a.bin' ? content : small)).toBe(true);
    }
  });

  test.each(lies)('%s: alone, there is an error and no wrong byte', async (_name, lie) => {
    const dispatcher = dispatcherOver([{ name: 'liar', url: await liar(lie) }], { giveUpMs: 500 });
    for (const key of ['small.bin', 'a.bin']) {
      const outcome = await bytesOf(dispatcher, key).catch((error: unknown) => error);
      if (outcome instanceof Buffer) expect(outcome.equals(key === 'a.bin' ? content : small)).toBe(true);
      else expect(outcome).toBeInstanceOf(Error);
    }
  });

  test('with another key than the pinned one: refused', async () => {
    const dispatcher = dispatcherOver(overLinks(), { originKey: 'A'.repeat(43) });
    await expect(bytesOf(dispatcher, 'small.bin')).rejects.toMatchObject({ code: 'key-mismatch' });
  });

  describe('that lead to another object of the same name, signed and proven', () => {
    let other: World;
    let originKey: string;
    const liarFirst = (): RouteOptions[] => [{ name: 'liar', url: other.origin.url }, ...overLinks()];
    beforeAll(async () => {
      other = owned.use(await startWorld({ 'a.bin': objectBytes(3_000_001, 1), 'small.bin': objectBytes(40_000, 2) }));
      const { body } = await request(`${world.origin.url}/v1/manifests/a.bin`);
      originKey = open(await body.text()).signer;
    });

    test.each(['small.bin', 'a.bin'])('%s: with nobody to trust, an error and no byte', async (key) => {
      const dispatcher = dispatcherOver(liarFirst());
      await expect(bytesOf(dispatcher, key)).rejects.toMatchObject({ code: 'root-mismatch' });
    });

    test.each(['small.bin', 'a.bin'])('%s: with the key pinned, the right bytes', async (key) => {
      const dispatcher = dispatcherOver(liarFirst(), { originKey });
      expect((await bytesOf(dispatcher, key)).equals(key === 'a.bin' ? content : small)).toBe(true);
    });

    test('with the key remembered from before: refused, though it is alone', async () => {
      const knownOrigins = world.folder.file('known_origins');
      const named = (url: string): RouteOptions[] => [{ name: 'one', url, origin: 'data' }];
      const before = dispatcherOver(named(world.origin.url), { knownOrigins });
      expect((await bytesOf(before, 'small.bin')).equals(small)).toBe(true);
      const after = dispatcherOver(named(other.origin.url), { knownOrigins });
      await expect(bytesOf(after, 'small.bin')).rejects.toMatchObject({ code: 'key-mismatch' });
    });
  });
});

describe('objects that change', () => {
  test('between two requests: each gets the version of its time, with its ETag', async () => {
    await using changing = await startWorld({ 'c.bin': small });
    const dispatcher = dispatcherOver([{ name: 'direct', url: changing.origin.url }]);
    const first = await request(`${SITE}/v1/objects/c.bin`, { dispatcher });
    expect(Buffer.from(await first.body.arrayBuffer()).equals(small)).toBe(true);
    const next = objectBytes(200_000, 99);
    await writeFile(`${changing.objects}/c.bin`, next);
    for (const headers of [{ range: 'bytes=-150000' }, {}]) {
      const second = await request(`${SITE}/v1/objects/c.bin`, { dispatcher, headers });
      const wanted = 'range' in headers ? next.subarray(50_000) : next;
      expect(Buffer.from(await second.body.arrayBuffer()).equals(wanted)).toBe(true);
      expect(second.headers['etag']).not.toBe(first.headers['etag']);
    }
  });
});

describe('ways to set it up', () => {
  test('a fetch of its own', async () => {
    await using heddleFetch = createFetch({ origins: [{ origin: SITE, routes: overLinks() }] });
    const answer = await heddleFetch(`${SITE}/v1/objects/a.bin`);
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '3000001']);
    expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
    const asked = await heddleFetch(new Request(`${SITE}/v1/objects/small.bin`, { headers: { range: 'bytes=1-2' } }));
    expect(Buffer.from(await asked.arrayBuffer()).equals(small.subarray(1, 3))).toBe(true);
  });

  test('globally, until it is disposed', async () => {
    const before = getGlobalDispatcher();
    {
      await using _installed = install({ origins: [{ origin: SITE, routes: overLinks() }] });
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
    const origins = [{ routes: overLinks(), origin: SITE, ...origin }];
    expect(() => createDispatcher({ origins })).toThrow(
      expect.objectContaining({ code: 'bad-configuration' }) as Error,
    );
  });

  test('the same origin twice is refused', () => {
    const site = { origin: SITE, routes: overLinks() };
    expect(() => install({ origins: [site, { ...site, origin: 'HTTP://DATA.example:80/' }] })).toThrow(/twice/);
  });
});

describe('node --import heddle/register', () => {
  const APP = `
    const answer = await fetch('${SITE}/v1/objects/a.bin');
    let bytes = 0;
    for await (const chunk of answer.body) bytes += chunk.length;
    console.log(answer.status, bytes);
  `;

  const ABORTING = `
    let [seed, ended] = [7, 0];
    const random = (most) => (seed = (seed * 48271) % 2147483647) % most;
    const one = async (at) => {
      const stop = new AbortController();
      const asked = fetch('${SITE}/v1/objects/' + (at % 2 ? 'a.bin' : 'small.bin'), { signal: stop.signal });
      if (random(3) === 0) setTimeout(() => stop.abort(), random(20));
      let left = random(300_000);
      try {
        for await (const chunk of (await asked).body) if ((left -= chunk.length) < 0) stop.abort();
      } catch {}
      ended += 1;
    };
    for (let at = 0; at < 200; at += 25) await Promise.all(Array.from({ length: 25 }, (_, offset) => one(at + offset)));
    console.log(ended);
  `;

  async function run(config: string | undefined, app = APP): Promise<{ code: number; stdout: string; stderr: string }> {
    const file = world.folder.file('client.yaml');
    if (config !== undefined) await writeFile(file, config);
    const env = {
      ...process.env,
      XDG_STATE_HOME: world.folder.file('state'),
      HEDDLE_CONFIG: config === undefined ? '' : file,
    };
    const args = ['--import', REGISTER, '--input-type=module', '--eval', app];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code: code as number, stdout, stderr };
  }
  const routes = (): string =>
    overLinks()
      .map(({ name, url }) => `  - { name: ${name}, url: '${url}' }\n`)
      .join('');

  test('a program that knows nothing of it gets its object, and ends by itself', async () => {
    const outcome = await run(`routes:\n${routes()}origins:\n  - origin: ${SITE}\n`);
    expect(outcome).toEqual({ code: 0, stdout: '200 3000001\n', stderr: '' });
  });

  test('a program that aborts many requests at random points ends by itself: nothing is left open', async () => {
    const outcome = await run(`routes:\n${routes()}origins:\n  - origin: ${SITE}\n`, ABORTING);
    expect(outcome).toEqual({ code: 0, stdout: '200\n', stderr: '' });
  }, 60_000);

  test.each([
    ['no file', undefined, /HEDDLE_CONFIG names no configuration file/],
    ['no origins', 'routes: []\n', /no "origins"/],
    ['no routes', `origins:\n  - origin: ${SITE}\n`, /client\.yaml:2:5: there is no route to http:\/\/data\.example/],
    ['a slip of the finger', `origns:\n  - origin: ${SITE}\n`, /client\.yaml:1:1: .* did you mean "origins"\?/],
  ])('%s: one line, and the program does not begin', async (_name, config, line) => {
    const { code, stdout, stderr } = await run(config);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(line);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('what is left behind', () => {
  test('nothing, by a thousand requests aborted at random points', async () => {
    const dispatcher = dispatcherOver(overLinks());
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
    await eventually(() => links.every(({ connections }) => connections === 0));
  }, 60_000);
});

/** A server for one test. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
  const server = createServer((incoming, response) => void answer(incoming, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  each.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
