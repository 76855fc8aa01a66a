// Interception over routes that lie, and of objects that change: right bytes or an error, never a wrong byte.
import { writeFile } from 'node:fs/promises';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { open } from '../../client/io/identity.ts';
import type { RouteOptions } from '../../client/index.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';
import { SITE, bytesOf, content, small, startHiddenSite } from './hidden-site.ts';
import type { HiddenSite } from './hidden-site.ts';

let site: HiddenSite;
beforeAll(async () => {
  site = await startHiddenSite();
});
afterEach(() => site.endTest());
afterAll(() => site[Symbol.asyncDispose]());

describe('routes that lie', () => {
  /** Forwards plain requests to the origin and changes what comes back. */
  function liar(change: (path: string, headers: Record<string, unknown>, body: Buffer) => Buffer): Promise<string> {
    return site.serve(async (incoming, response) => {
      const path = incoming.url ?? '';
      const { range } = incoming.headers;
      const answer = await request(site.world.origin.url + path, { headers: range === undefined ? {} : { range } });
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
      const dispatcher = site.dispatcherOver([{ name: 'liar', url }, ...site.overLinks()]);
      expect((await bytesOf(dispatcher, key)).equals(key === 'a.bin' ? content : small)).toBe(true);
    }
  });

  test.each(lies)('%s: alone, there is an error and no wrong byte', async (_name, lie) => {
    const dispatcher = site.dispatcherOver([{ name: 'liar', url: await liar(lie) }], { giveUpMs: 500 });
    for (const key of ['small.bin', 'a.bin']) {
      const outcome = await bytesOf(dispatcher, key).catch((error: unknown) => error);
      if (outcome instanceof Buffer) expect(outcome.equals(key === 'a.bin' ? content : small)).toBe(true);
      else expect(outcome).toBeInstanceOf(Error);
    }
  });

  test('with another key than the pinned one: refused', async () => {
    const dispatcher = site.dispatcherOver(site.overLinks(), { originKey: 'A'.repeat(43) });
    await expect(bytesOf(dispatcher, 'small.bin')).rejects.toMatchObject({ code: 'key-mismatch' });
  });

  describe('that lead to another object of the same name, signed and proven', () => {
    let other: World;
    let originKey: string;
    const liarFirst = (): RouteOptions[] => [{ name: 'liar', url: other.origin.url }, ...site.overLinks()];
    beforeAll(async () => {
      other = await startWorld({ 'a.bin': objectBytes(3_000_001, 1), 'small.bin': objectBytes(40_000, 2) });
      const { body } = await request(`${site.world.origin.url}/v1/manifests/a.bin`);
      originKey = open(await body.text()).signer;
    });
    afterAll(() => other[Symbol.asyncDispose]());

    test.each(['small.bin', 'a.bin'])('%s: with nobody to trust, an error and no byte', async (key) => {
      const dispatcher = site.dispatcherOver(liarFirst());
      await expect(bytesOf(dispatcher, key)).rejects.toMatchObject({ code: 'root-mismatch' });
    });

    test.each(['small.bin', 'a.bin'])('%s: with the key pinned, the right bytes', async (key) => {
      const dispatcher = site.dispatcherOver(liarFirst(), { originKey });
      expect((await bytesOf(dispatcher, key)).equals(key === 'a.bin' ? content : small)).toBe(true);
    });

    test('with the key remembered from before: refused, though it is alone', async () => {
      const knownOrigins = site.world.folder.file('known_origins');
      const named = (url: string): RouteOptions[] => [{ name: 'one', url, origin: 'data' }];
      const before = site.dispatcherOver(named(site.world.origin.url), { knownOrigins });
      expect((await bytesOf(before, 'small.bin')).equals(small)).toBe(true);
      const after = site.dispatcherOver(named(other.origin.url), { knownOrigins });
      await expect(bytesOf(after, 'small.bin')).rejects.toMatchObject({ code: 'key-mismatch' });
    });
  });
});

describe('objects that change', () => {
  test('between two requests: each gets the version of its time, with its ETag', async () => {
    await using changing = await startWorld({ 'c.bin': small });
    const dispatcher = site.dispatcherOver([{ name: 'direct', url: changing.origin.url }]);
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
