// All backends do what a backend must: folders, nginx and Python's http.server as they are installed, a strict web
// server, s3rver, and a strict object store that checks every signature.
import { spawnSync } from 'node:child_process';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'vitest';
import type { Backend } from '../../origin/backend.ts';
import { openDirBackend } from '../../origin/dir-backend.ts';
import { openHttpBackend } from '../../origin/http-backend.ts';
import { resolveTuning } from '../../origin/options.ts';
import { openS3Backend } from '../../origin/s3-backend.ts';
import { startNginx, startPython } from '../support/mirrors.ts';
import type { MirrorServer } from '../support/mirrors.ts';
import { S3RVER_KEYS, startS3rver } from '../support/s3rver.ts';
import { BUCKET, KEYS, startStrictStore } from '../support/strict-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { describeBackend } from './backend-suite.ts';
import type { Place } from './backend-suite.ts';

/** Nothing is kept: a test changes objects and asks at once. */
const TUNING = resolveTuning({ backendFreshMs: 0, backendStallMs: 5_000 });
/** The key of the list that a web server's folder has. */
const LIST = 'all-keys.txt';
const LONG_AGO = 10_000;

const missing = (program: string): string | undefined =>
  spawnSync(program, ['--help']).error === undefined ? undefined : `no ${program} on this machine`;

/** A folder, and what is opened over it; a web server cannot list it, so the keys stand in a file there. */
async function overFolder(open: (root: string) => Promise<Backend>, listed = false): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const keys = new Set<string>();
  const writeList = async (): Promise<void> => {
    if (listed) await writeFile(folder.file(LIST), [...keys].join('\n'));
  };
  await writeList();
  const backend = await open(folder.path);
  stack.defer(() => backend.close());
  const owned = stack.move();
  return {
    backend,
    put: async (key, bytes, age = LONG_AGO) => {
      const file = folder.file(key);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, bytes);
      const time = Date.now() / 1_000 - age;
      await utimes(file, time, time);
      keys.add(key);
      await writeList();
    },
    remove: async (key) => {
      await rm(folder.file(key));
      keys.delete(key);
      await writeList();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function overWebServer(start: (root: string) => Promise<MirrorServer>): () => Promise<Place> {
  return async () => {
    await using stack = new AsyncDisposableStack();
    const place = stack.use(
      await overFolder(async (root) => {
        const { url } = stack.use(await start(root));
        return openHttpBackend({ url, list: LIST }, TUNING);
      }, true),
    );
    const owned = stack.move();
    return { ...place, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  };
}

async function overStrictServer(): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await startStrictStore('open'));
  const backend = await openHttpBackend({ url: store.url, list: LIST }, TUNING);
  stack.defer(() => backend.close());
  const writeList = (): void => {
    const keys = [...store.objects.keys()].filter((key) => key !== LIST);
    store.objects.set(LIST, { bytes: Buffer.from(keys.join('\n')), modified: 0 });
  };
  writeList();
  const owned = stack.move();
  return {
    backend,
    put: async (key, bytes, age = LONG_AGO) => {
      store.objects.set(key, { bytes: Buffer.from(bytes), modified: Date.now() - age * 1_000 });
      writeList();
    },
    remove: async (key) => {
      store.objects.delete(key);
      writeList();
    },
    [Symbol.asyncDispose]: async () => {
      await owned.disposeAsync();
      expect(store.complaints).toEqual([]);
    },
  };
}

async function overS3rver(): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await startS3rver());
  const options = { bucket: BUCKET, endpoint: store.url, ...S3RVER_KEYS };
  const backend = await openS3Backend(options, TUNING, expect.unreachable);
  stack.defer(() => backend.close());
  const owned = stack.move();
  return { backend, put: store.put, remove: store.remove, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** With a prefix, and objects beside it that are nobody's business. */
async function overStrictStore(): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await startStrictStore());
  const prefix = 'pre fix/';
  store.objects.set('other', { bytes: Buffer.from('other'), modified: 0 });
  store.objects.set('pre fix', { bytes: Buffer.from('other'), modified: 0 });
  const backend = await openS3Backend(
    { bucket: BUCKET, endpoint: store.url, prefix, ...KEYS },
    TUNING,
    expect.unreachable,
  );
  stack.defer(() => backend.close());
  const owned = stack.move();
  return {
    backend,
    put: async (key, bytes, age = LONG_AGO) =>
      void store.objects.set(prefix + key, { bytes: Buffer.from(bytes), modified: Date.now() - age * 1_000 }),
    remove: async (key) => void store.objects.delete(prefix + key),
    [Symbol.asyncDispose]: async () => {
      await owned.disposeAsync();
      expect(store.complaints).toEqual([]);
    },
  };
}

describeBackend('dir', () => overFolder(openDirBackend));
describeBackend('http over nginx', overWebServer(startNginx), { missing: missing('nginx') });
describeBackend('http over http.server, which knows no ranges', overWebServer(startPython), {
  missing: missing('python3'),
  largest: 900_000,
});
describeBackend('http over a strict server', overStrictServer);
describeBackend('s3 over s3rver', overS3rver, { anyName: false, unordered: true });
describeBackend('s3 over a strict store', overStrictStore);
