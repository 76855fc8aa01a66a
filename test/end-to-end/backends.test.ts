// An origin whose objects lie elsewhere: in an object store and on a web server. What is downloaded over two routes is
// verified; each object is fetched once for its hashes, over restarts too; nothing says a secret.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { bytesOf, eventually, makeWorld, metricOf, WITH_ADMIN } from '../origin/fixture.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { startRelayProgram } from '../support/servers.ts';
import { BUCKET, KEYS, startStrictStore } from '../support/strict-store.ts';
import type { StrictStore } from '../support/strict-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { lastLine } from '../support/world.ts';

const SIZE = 5_345_678;
const LONG_AGO = Date.UTC(2021, 8, 6);

/** An origin program over a store, and what it says about itself. */
async function startOver(folder: TemporaryFolder, backend: string): Promise<Program & { url: string; admin: string }> {
  const config = folder.file('origin.yaml');
  await writeFile(config, `listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nstateDir: state\nbackend:\n${backend}`);
  const program = startProgram(['origin', '--config', config], { tethered: true });
  const [, url = '', admin = ''] = await program.said(/ on (http:\S+), admin (http:\S+)/);
  return Object.assign(program, { url, admin });
}

function s3(store: StrictStore, secret: string = KEYS.secretAccessKey): string {
  return `  s3: {bucket: ${BUCKET}, endpoint: "${store.url}", region: ${KEYS.region}, accessKeyId: ${KEYS.accessKeyId}, secretAccessKey: "${secret}"}\n`;
}

/** The bytes that an origin got from its store for objects. */
async function fetchedBytes(admin: string): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return Number(/^heddle_origin_backend_bytes_total (\d+)$/m.exec(text)?.[1]);
}

async function download(folder: TemporaryFolder, origin: string, relay: string) {
  const args = ['get', 'data/large.bin', '-o', folder.file('out'), '--json'];
  const routes = ['--route', `direct=${origin}`, '--route', `relayed=${relay}/v1/via/main`];
  return heddle([...args, ...routes]);
}

describe.each<[kind: string, store: 's3' | 'open', backend: (store: StrictStore) => string]>([
  ['an object store', 's3', s3],
  ['a web server', 'open', (store) => `  http: {url: "${store.url}", keys: [data/large.bin]}\n`],
])('objects on %s', (_kind, kind, backend) => {
  test('are downloaded over two routes and verified; hashes outlive the origin', { timeout: 120_000 }, async () => {
    await using folder = await temporaryFolder();
    await using store = await startStrictStore(kind);
    const bytes = bytesOf(SIZE);
    store.objects.set('data/large.bin', { bytes, modified: LONG_AGO });
    let root = '';
    for (const start of ['first', 'second']) {
      const before = store.sentBytes();
      await using origin = await startOver(folder, backend(store));
      await using relay = await startRelayProgram({ main: origin.url });
      const outcome = await download(folder, origin.url, relay.url);
      expect(lastLine(outcome)).toMatchObject({ type: 'done', verified: true, bytes: SIZE });
      expect(start === 'first' || lastLine(outcome).root === root).toBe(true);
      ({ root } = lastLine(outcome));
      // once for the hashes at the first start, and for the two readers, which share what they read, about once more
      const fetched = (store.sentBytes() - before) / SIZE;
      expect(await fetchedBytes(origin.admin)).toBeGreaterThanOrEqual(SIZE);
      expect(fetched).toBeGreaterThanOrEqual(start === 'first' ? 2 : 1);
      expect(fetched).toBeLessThan(start === 'first' ? 2.5 : 1.5);
      origin.signal('SIGTERM');
      const { code, stdout, stderr } = await origin.ended;
      expect(code).toBe(0);
      expect(`${stdout.toString()}${stderr}`).not.toContain(KEYS.secretAccessKey);
    }
    expect(store.complaints).toEqual([]);
  });

  test('that are replaced are other objects, never a mixture', async () => {
    await using folder = await temporaryFolder();
    await using store = await startStrictStore(kind);
    store.objects.set('data/large.bin', { bytes: bytesOf(SIZE), modified: LONG_AGO });
    await using origin = await startOver(folder, backend(store));
    const url = `${origin.url}/v1/objects/data/large.bin`;
    const first = await fetch(url);
    const old = Buffer.from(await first.arrayBuffer());
    expect(old.equals(bytesOf(SIZE))).toBe(true);
    store.objects.set('data/large.bin', { bytes: bytesOf(SIZE, 'new'), modified: LONG_AGO + 5_000 });
    // what is known of the version counts for a moment; a read says at once that it is gone
    await expect
      .poll(
        async () => {
          const answer = await fetch(url).catch(() => undefined);
          const body = await answer?.arrayBuffer().catch(() => undefined);
          if (body === undefined) return 'broken off';
          return Buffer.from(body).equals(bytesOf(SIZE, 'new')) ? 'new' : 'something else';
        },
        { timeout: 20_000 },
      )
      .toBe('new');
    expect((await fetch(url)).headers.get('etag')).not.toBe(first.headers.get('etag'));
  });
});

test('a store that is down at the start is asked again: its objects are hashed when it is back', {
  timeout: 60_000,
}, async () => {
  await using world = await makeWorld();
  await using store = await startStrictStore();
  store.objects.set('a', { bytes: bytesOf(100_000), modified: LONG_AGO });
  store.setDown(true);
  const backend = { type: 's3', bucket: BUCKET, endpoint: store.url, ...KEYS } as const;
  const tuning = { backendAttempts: 1, backendRescanMs: 100 };
  const origin = await world.start(tuning, { ...WITH_ADMIN, backend });
  await eventually(() => world.lines.filter((line) => line.startsWith('indexing stopped')).length).toBeGreaterThan(1);
  store.setDown(false);
  await origin.indexed;
  expect(await metricOf(origin, 'heddle_origin_hashed_bytes_total')).toBe(100_000);
});

test('credentials that are wrong end the start with one line and no secret', async () => {
  await using folder = await temporaryFolder();
  await using store = await startStrictStore();
  const config = folder.file('origin.yaml');
  await writeFile(config, `listen: 127.0.0.1:0\nstateDir: state\nbackend:\n${s3(store, 'wrong/secret')}`);
  const { code, stderr } = await heddle(['origin', '--config', config]);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^heddle origin: \S+, bucket bucket: the secret access key is not that of the access key; write [^\n]+\n$/,
  );
  expect(stderr).not.toContain('wrong/secret');
  const shown = await heddle(['config', 'check', config, '--role', 'origin', '--effective']);
  expect(shown.stdout.toString()).toContain('secretAccessKey: (secret)');
  expect(shown.stdout.toString()).not.toContain('wrong/secret');
});
