// The threat model of an origin as a list: what somebody on the network tries to read, and that nothing but the served folder
// ever comes. Requests go out byte for byte as an attacker would write them.
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningOrigin } from '../../origin/main.ts';
import { createIssuer, secondsFromNow } from '../protocol/access/issuer.ts';
import { openRawChannel, patternOf } from '../support/raw-channel.ts';
import { sendRaw, smuggling, statusesIn } from '../support/raw-request.ts';
import { makeWorld } from './fixture.ts';
import type { World } from './fixture.ts';

const SECRET = 'what nobody may read';
const issuer = await createIssuer();
let world: World;
let open: RunningOrigin;
let closed: RunningOrigin;

beforeAll(async () => {
  world = await makeWorld({ 'data/a': 'aaa', 'other/b': 'bbb', 'swapped/file': 'fine' });
  await mkdir(join(world.dir, '../outside'));
  await writeFile(join(world.dir, '../outside/file'), SECRET);
  await writeFile(join(world.dir, '.hidden'), SECRET);
  await symlink('../outside/file', join(world.dir, 'link'));
  await symlink('../outside', join(world.dir, 'folder'));
  open = await world.start();
  closed = await world.start({}, { tokenKeys: issuer.keys, stateDir: join(world.stateDir, 'closed') });
});
afterAll(() => world[Symbol.asyncDispose]());

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n`;

describe('traversal and links', () => {
  it.each([
    '/v1/objects/../outside/file',
    '/v1/objects/data/../../outside/file',
    '/v1/objects/%2e%2e/outside/file',
    '/v1/objects/..%2foutside%2ffile',
    '/v1/objects/data%2f..%2f..%2foutside%2ffile',
    '/v1/objects/%252e%252e/outside/file',
    '/v1/objects/..%5coutside%5cfile',
    '/v1/objects//etc/passwd',
    '/v1/objects/%2fetc%2fpasswd',
    '/v1/objects/data/a%00.txt',
    '/v1/objects/.hidden',
    '/v1/objects/%2ehidden',
    '/v1/objects/link',
    '/v1/objects/folder/file',
    '/v1/objects/folder',
    '/v1/nodes/link?level=0&from=0&to=1',
    '/v1/manifests/link',
    '/v1/manifests/folder/file',
    'http://origin/v1/objects/link',
    'file:///etc/passwd',
    '/v1/objects?prefix=../outside/',
  ])('%s shows nothing', async (target) => {
    const answer = await sendRaw(open.port, get(target));
    expect(answer).not.toContain(SECRET);
    expect(answer).not.toContain('root:');
    if (target.includes('?prefix=')) expect(answer).toContain('"objects":[]');
    else expect(statusesIn(answer)[0]).toBeGreaterThanOrEqual(400);
  });

  it.each(['link', 'folder/file', 'folder', '.hidden'])('no channel is opened to %s', async (key) => {
    await using channel = await openRawChannel({ url: open.url, key, first: [patternOf(1)] });
    expect(channel.head.status).toBe(404);
    await using other = await openRawChannel({ url: open.url, key: 'data/a', first: [patternOf(1)] });
    expect(other.head.status).toBe(101);
  });

  it('a folder that turns into a link between two looks gives nothing away', async () => {
    const [folder, kept] = [join(world.dir, 'swapped'), join(world.dir, '.kept')];
    const asked = new AbortController();
    const swapping = (async (): Promise<number> => {
      let swaps = 0;
      for (; !asked.signal.aborted; swaps += 1) {
        await rename(folder, kept);
        await symlink('../outside', folder);
        await rm(folder);
        await rename(kept, folder);
      }
      return swaps;
    })();
    const statuses = new Set<number>();
    for (let at = 0; at < 300; at += 1) {
      const response = await fetch(`${open.url}/v1/objects/swapped/file`);
      statuses.add(response.status);
      // a file that goes away under the answer breaks it off
      expect(await response.text().catch(() => '')).not.toContain(SECRET);
    }
    asked.abort();
    expect(await swapping).toBeGreaterThan(10);
    // an object is looked at again when it is not what it was; once nobody swaps any more it is there
    expect((await fetch(`${open.url}/v1/objects/swapped/file`)).status).toBe(200);
    for (const status of statuses) expect([200, 404, 409, 412, 503]).toContain(status);
  });
});

describe('smuggling', () => {
  it.each(smuggling('/v1/objects/data/a', '/v1/objects/other/b', 'origin'))(
    '%s is one request at most',
    async (_, text) => {
      const answer = await sendRaw(open.port, text);
      // an origin has no neighbour to disagree with: a second request is a second request, but never inside a body
      if (!/Content-Length ?: [1-9]|chunked/.test(text)) expect(statusesIn(answer).length).toBeLessThanOrEqual(2);
      else expect(answer).not.toContain('bbb');
    },
  );
});

describe('tokens', () => {
  const status = async (path: string, Authorization: string): Promise<number> =>
    (await fetch(closed.url + path, { headers: { Authorization } })).status;

  it('are refused within a second of their end, and ever after', async () => {
    const exp = secondsFromNow(2);
    const Authorization = await issuer.issue({ exp });
    let [passedAt, refusedAt] = [0, 0];
    while (refusedAt === 0) {
      const askedAt = Date.now();
      if ((await status('/v1/objects/data/a', Authorization)) === 200) passedAt = askedAt;
      else refusedAt = Date.now();
    }
    // asked before the end, or not let in: the machine's slowness counts for neither
    expect(passedAt).toBeGreaterThan(0);
    expect(passedAt).toBeLessThan((exp + 1) * 1_000);
    expect(refusedAt).toBeGreaterThanOrEqual(exp * 1_000);
    for (let again = 0; again < 5; again += 1) expect(await status('/v1/objects/data/a', Authorization)).toBe(401);
  });

  it('for a prefix open no other key however it is spelled', async () => {
    const Authorization = await issuer.issue({ prefixes: ['data/'] });
    const refused = ['other/b', 'data/../other/b', 'data/%2e%2e/other/b', 'data/..%2fother/b', 'Data/a', 'data', ''];
    for (const way of ['objects', 'manifests', 'nodes']) {
      for (const key of refused) {
        const text = `GET /v1/${way}/${key} HTTP/1.1\r\nHost: o\r\nAuthorization: ${Authorization}\r\nConnection: close\r\n\r\n`;
        const answer = await sendRaw(closed.port, text);
        expect(statusesIn(answer)[0], `${way} ${key}`).toBeGreaterThanOrEqual(400);
        expect(answer).not.toContain('bbb');
      }
    }
    expect(await status('/v1/objects/data/a', Authorization)).toBe(200);
  });
});
