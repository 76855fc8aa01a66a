// When objects are hashed: before listening, in the background, on request; once per version, over restarts too.
import { chmod, mkdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Backend, ObjectEntry } from '../../origin/backend.ts';
import { HashIndex } from '../../origin/hash-index.ts';
import { Indexer } from '../../origin/indexer.ts';
import { resolveTuning } from '../../origin/options.ts';
import { KEY_FILE } from '../../origin/signing.ts';
import { bytesOf, eventually, makeWorld, metricOf, WITH_ADMIN } from './fixture.ts';

const HASHED = 'heddle_origin_hashed_bytes_total';
const COUNT = 'heddle_origin_index_seconds_count';

describe('the index of an origin', () => {
  it('is made once and kept over restarts, with the key', async () => {
    await using world = await makeWorld({ a: bytesOf(100_000), 'b/c': bytesOf(50_000, 'b') });
    const first = await world.start({}, WITH_ADMIN);
    expect(await metricOf(first, HASHED)).toBe(150_000);
    const etag = (await fetch(`${first.url}/v1/objects/a`)).headers.get('etag');
    await first.close();
    const second = await world.start({}, WITH_ADMIN);
    expect((await fetch(`${second.url}/v1/objects/a`)).headers.get('etag')).toBe(etag);
    expect(await metricOf(second, HASHED)).toBe(0);
    expect(second.publicKey).toBe(first.publicKey);
    await world.write('a', bytesOf(100_000, 'changed'));
    expect((await fetch(`${second.url}/v1/objects/a`)).headers.get('etag')).not.toBe(etag);
    expect(await metricOf(second, HASHED)).toBe(100_000);
    await second.close();
    await rm(join(world.dir, 'b'), { recursive: true });
    const third = await world.start({}, WITH_ADMIN);
    await third.indexed;
    expect(await metricOf(third, HASHED)).toBe(0);
    const { objects } = (await (await fetch(`${third.url}/v1/objects`)).json()) as { objects: { key: string }[] };
    expect(objects.map(({ key }) => key)).toEqual(['a']);
  });

  it('of a small folder is complete before the origin listens', async () => {
    await using world = await makeWorld(
      Object.fromEntries(Array.from({ length: 600 }, (_, at) => [`f/${at}`, `${at}`])),
    );
    const origin = await world.start({}, WITH_ADMIN);
    expect(await metricOf(origin, COUNT)).toBe(600);
  });

  it('of a large folder is made in the background; what is asked for waits a while, then is told to come again', async () => {
    await using world = await makeWorld({ 'z-small': 'x' });
    await truncate(await world.write('a-large', ''), 200_000_000);
    const origin = await world.start({ smallFolderBytes: 0, indexWaitMs: 0, retryAfterSeconds: 7 }, WITH_ADMIN);
    const early = await fetch(`${origin.url}/v1/objects/a-large`);
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '7']);
    expect(await early.json()).toMatchObject({ code: 'not-indexed' });
    const { objects } = (await (await fetch(`${origin.url}/v1/objects?prefix=a`)).json()) as { objects: object[] };
    expect(objects).toEqual([expect.not.objectContaining({ root: expect.anything() })]);
    await origin.indexed;
    expect((await fetch(`${origin.url}/v1/objects/a-large`, { method: 'HEAD' })).status).toBe(200);
    expect(await metricOf(origin, COUNT)).toBe(2);
  });

  it('holds a request until its object is hashed, before all that nobody asked for', async () => {
    await using world = await makeWorld({ 'z-small': 'x' });
    for (const key of ['a', 'b', 'c']) await truncate(await world.write(key, ''), 200_000_000);
    const origin = await world.start({ smallFolderBytes: 0, indexWaitMs: 60_000 }, WITH_ADMIN);
    expect((await fetch(`${origin.url}/v1/objects/z-small`)).status).toBe(200);
    expect(await metricOf(origin, HASHED)).toBeLessThan(600_000_000);
  });

  it('stays in memory when the state folder cannot be used, and says so', async () => {
    await using world = await makeWorld({ a: 'x', file: 'x' });
    const plainFile = join(world.dir, '..', 'plain-file');
    await writeFile(plainFile, '');
    const origin = await world.start({}, { stateDir: join(plainFile, 'state') });
    expect(world.lines).toEqual([
      expect.stringMatching(/^cannot use the state folder .*a part of the path is no folder.*memory only$/),
    ]);
    expect((await fetch(`${origin.url}/v1/objects/a`)).status).toBe(200);
    await origin.close({ noticeMs: 0 });
    const second = await world.start({}, { stateDir: join(plainFile, 'state') });
    expect(second.publicKey).not.toBe(origin.publicKey);
  });

  it('replaces a damaged database', async () => {
    await using world = await makeWorld({ a: 'x' });
    await (await world.start()).close();
    await writeFile(
      join(world.stateDir, 'index.sqlite'),
      'this was never a database, by no means at all. '.repeat(100),
    );
    const origin = await world.start({}, WITH_ADMIN);
    expect(await metricOf(origin, COUNT)).toBe(1);
    expect(world.lines).toEqual([]);
  });

  it('never lies inside the served folder, not even behind a link', async () => {
    await using world = await makeWorld({ 'sub/a': 'x' });
    await symlink(world.dir, join(world.dir, '..', 'link'));
    for (const stateDir of [world.dir, join(world.dir, 'sub'), join(world.dir, '..', 'link', 'state')]) {
      await expect(world.start({}, { stateDir })).rejects.toMatchObject({ code: 'bad-configuration' });
    }
  });
});

describe('the key', () => {
  it('is readable by its owner only, and a looser one is remarked on', async () => {
    await using world = await makeWorld({});
    await (await world.start()).close();
    const file = join(world.stateDir, KEY_FILE);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, 'utf8')).startsWith('-----BEGIN PRIVATE KEY-----')).toBe(true);
    await chmod(file, 0o644);
    await (await world.start()).close();
    expect(world.lines).toEqual([expect.stringContaining('can be read by others')]);
  });

  it('is the same for origins that start at once', async () => {
    await using world = await makeWorld({});
    const origins = await Promise.all([world.start(), world.start(), world.start()]);
    expect(new Set(origins.map(({ publicKey }) => publicKey)).size).toBe(1);
  });

  it('that is none stops the start', async () => {
    await using world = await makeWorld({});
    await mkdir(world.stateDir);
    await writeFile(join(world.stateDir, KEY_FILE), 'no key', { mode: 0o600 });
    await expect(world.start()).rejects.toMatchObject({ code: 'bad-configuration' });
  });
});

describe('the queue', () => {
  /** A place whose objects open only when they are let. */
  function gatedBackend(): { backend: Backend; opened: string[]; allow: (key: string) => void } {
    const opened: string[] = [];
    const gates = new Map<string, PromiseWithResolvers<void>>();
    const gate = (key: string): PromiseWithResolvers<void> => {
      const made = gates.get(key) ?? Promise.withResolvers<void>();
      gates.set(key, made);
      return made;
    };
    const backend: Backend = {
      identity: 'gated',
      isRemote: false,
      async *list() {},
      stat: async (key) => entryOf(key).stat,
      open: async (key) => {
        opened.push(key);
        await gate(key).promise;
        return { stat: entryOf(key).stat, read: async ([buffer]) => void buffer?.fill(1), close: async () => {} };
      },
      close: async () => {},
    };
    return { backend, opened, allow: (key) => gate(key).resolve() };
  }

  function entryOf(key: string): ObjectEntry {
    return { key, stat: { size: 100_000, modified: 0, version: 'v' } };
  }

  it('keeps a place free of background work, lets what is asked for pass, and does nothing twice', async () => {
    const { backend, opened, allow } = gatedBackend();
    await using index = await HashIndex.open(undefined, 2);
    const hashed: number[] = [];
    const tuning = resolveTuning({ indexJobs: 2, hashReadBytes: 32_768 });
    const observer = { hashed: (bytes: number) => hashed.push(bytes), failed: () => {} };
    await using indexer = new Indexer(backend, index, tuning, observer);
    const work = ['a', 'b', 'c'].map((key) => indexer.index(entryOf(key), false));
    await eventually(() => opened).toEqual(['a']);
    expect([indexer.running, indexer.waiting]).toEqual([1, 2]);
    const urgent = indexer.index(entryOf('c'), true);
    allow('c');
    await urgent;
    expect(opened).toEqual(['a', 'c']);
    allow('a');
    await work[0];
    await eventually(() => opened).toEqual(['a', 'c', 'b']);
    allow('b');
    const roots = await Promise.all(work);
    expect(new Set(roots.map((root) => Buffer.from(root).toString('hex'))).size).toBe(1);
    expect(hashed).toEqual([100_000, 100_000, 100_000]);
  });

  it('gives up when the origin stops', async () => {
    const { backend, allow } = gatedBackend();
    await using index = await HashIndex.open(undefined, 1);
    const observer = { hashed: () => {}, failed: () => expect.unreachable() };
    const indexer = new Indexer(backend, index, resolveTuning({ indexJobs: 1, hashReadBytes: 32_768 }), observer);
    const work = ['a', 'b'].map((key) => indexer.index(entryOf(key), false));
    const settled = Promise.allSettled(work);
    const closed = indexer[Symbol.asyncDispose]();
    allow('a');
    await closed;
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(indexer.index(entryOf('c'), true)).rejects.toMatchObject({ code: 'draining' });
  });
});
