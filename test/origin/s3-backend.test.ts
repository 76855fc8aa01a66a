// What is particular to object stores: what a store says is wrong with bucket and credentials, listings, signatures that
// last, and that no secret is ever said.
import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { resolveTuning } from '../../origin/options.ts';
import { bucketAddress, openS3Backend } from '../../origin/s3-backend.ts';
import type { S3Place } from '../../origin/s3-backend.ts';
import { parseListing } from '../../origin/s3-listing.ts';
import { openSecret } from '../../origin/secret-file.ts';
import { startScripted } from '../support/mirrors.ts';
import { BUCKET, KEYS, startStrictStore } from '../support/strict-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { keysOf, readAll } from './backend-suite.ts';
import { bytesOf } from './fixture.ts';

const TUNING = resolveTuning({ backendFreshMs: 0, backendAttempts: 2 });

describe('what no waiting will cure stops the start', () => {
  test.each<[what: string, options: Partial<S3Place>, message: RegExp]>([
    ['an unknown key', { accessKeyId: 'AKIDOTHER' }, /does not know the access key/],
    ['a wrong secret', { secretAccessKey: 'not-the-secret' }, /secret access key is not that of the access key/],
    ['another region', { region: 'us-east-1' }, /in another region; write its region/],
    ['another bucket', { bucket: 'no-bucket' }, /no such bucket/],
  ])('%s', async (_what, options, message) => {
    await using store = await startStrictStore();
    const opening = openS3Backend(
      { bucket: BUCKET, endpoint: store.url, ...KEYS, ...options },
      TUNING,
      expect.unreachable,
    );
    await expect(opening).rejects.toMatchObject({ code: 'bad-configuration', message: expect.stringMatching(message) });
    const said = await opening.catch((error: Error) => error.message);
    for (const secret of ['not-the-secret', KEYS.secretAccessKey]) expect(said).not.toContain(secret);
  });
});

describe('what may pass is said, and the origin starts', () => {
  test.each<[what: string, status: number, body: string, line: RegExp]>([
    ['a store that may not be listed', 403, '<Error><Code>AccessDenied</Code></Error>', /403 \(AccessDenied\)/],
    ['a store that is down', 503, '<Error><Code>SlowDown</Code></Error>', /503 \(SlowDown\)/],
    ['a page of something else', 200, '<html></html>', /sent no listing/],
    ['half a listing', 200, '<ListBucketResult><Contents><Key>a</Key>', /sent no listing/],
  ])('%s', async (_what, status, body, line) => {
    await using server = await startScripted((_request, response) => response.writeHead(status).end(body));
    const log = vi.fn<(text: string) => void>();
    const backend = await openS3Backend({ bucket: BUCKET, endpoint: server.url, ...KEYS }, TUNING, log);
    expect(log.mock.calls).toEqual([[expect.stringMatching(line)]]);
    await expect(keysOf(backend)).rejects.toMatchObject({ code: 'read-failed' });
    await backend.close();
  });
});

test('a public bucket is asked without a signature; a redirect is a mistake', async () => {
  const asked: unknown[] = [];
  await using server = await startScripted((request, response) => {
    asked.push(request.headers.authorization, request.headers['x-amz-date']);
    if (request.url?.startsWith('/b/moved') === true) response.writeHead(307, { Location: '/b/elsewhere' }).end();
    else response.writeHead(200).end('<ListBucketResult></ListBucketResult>');
  });
  const backend = await openS3Backend({ bucket: 'b', endpoint: server.url }, TUNING, expect.unreachable);
  await expect(backend.stat('moved')).rejects.toMatchObject({ message: expect.stringContaining('it answered 307') });
  expect(new Set(asked)).toEqual(new Set([undefined]));
  await backend.close();
});

test.each<[options: Partial<S3Place>, address: string]>([
  [{}, 'https://my-bucket.s3.us-east-1.amazonaws.com/'],
  [{ region: 'eu-west-3', pathStyle: true }, 'https://s3.eu-west-3.amazonaws.com/my-bucket/'],
  [{ endpoint: 'http://store:9000/' }, 'http://store:9000/my-bucket/'],
  [{ endpoint: 'https://store/a', pathStyle: true }, 'https://store/a/my-bucket/'],
  [{ endpoint: 'https://store:1', pathStyle: false }, 'https://my-bucket.store:1/'],
])('%j: the bucket is at %s', (options, address) => {
  expect(bucketAddress({ bucket: 'my-bucket', ...options }).href).toBe(address);
});

test('secrets come from files', async () => {
  await using folder = await temporaryFolder();
  await using store = await startStrictStore();
  store.objects.set('a', { bytes: bytesOf(1_000), modified: 0 });
  await writeFile(folder.file('id'), `${KEYS.accessKeyId}\n`);
  await writeFile(folder.file('key'), KEYS.secretAccessKey);
  const files = { accessKeyIdFile: folder.file('id'), secretAccessKeyFile: folder.file('key'), region: KEYS.region };
  const options = { bucket: BUCKET, endpoint: store.url, ...files };
  const backend = await openS3Backend(options, TUNING, expect.unreachable);
  expect((await readAll(backend, 'a')).equals(bytesOf(1_000))).toBe(true);
  await backend.close();
  const wrong = openS3Backend({ ...options, secretAccessKeyFile: folder.file('none') }, TUNING, expect.unreachable);
  await expect(wrong).rejects.toMatchObject({
    code: 'bad-configuration',
    message: expect.stringContaining('there is no such file or folder'),
  });
});

test('a secret that is renewed on disk counts some seconds later, one that is being replaced does not matter', async () => {
  await using folder = await temporaryFolder();
  let now = 0;
  await writeFile(folder.file('secret'), ' first \n');
  const secret = await openSecret(undefined, folder.file('secret'), 'secret', () => now);
  await writeFile(folder.file('secret'), 'second');
  expect(await secret?.()).toBe('first');
  now += 10_000;
  expect(await secret?.()).toBe('second');
  await rm(folder.file('secret'));
  now += 10_000;
  expect(await secret?.()).toBe('second');
  await writeFile(folder.file('secret'), 'two\nlines');
  await expect(openSecret(undefined, folder.file('secret'), 'secret')).rejects.toThrow(/does not hold one line/);
});

describe('a listing', () => {
  const one = (inner: string): string => `<?xml version="1.0"?><ListBucketResult xmlns="x">${inner}</ListBucketResult>`;
  const object = (key: string): string =>
    `<Contents><Key>${key}</Key><LastModified>2021-09-06T10:00:00.123Z</LastModified><ETag>"e"</ETag><Size>5</Size></Contents>`;

  test('is read with entities, or with percent signs when it says so', () => {
    expect(parseListing(one(object('a&amp;b&#x20;&#233;&lt;')))?.objects[0]?.key).toBe('a&b é<');
    expect(parseListing(one(`<EncodingType>url</EncodingType>${object('a%26+%C3%A9%2B')}`))?.objects[0]?.key).toBe(
      'a& é+',
    );
    expect(parseListing(one(object('x')))?.objects[0]).toMatchObject({
      size: 5,
      etag: '"e"',
      modified: 1_630_922_400_000,
    });
  });

  test.each([
    ['without a size', one('<Contents><Key>a</Key><ETag>"e"</ETag></Contents>')],
    ['that goes on, but not where', one('<IsTruncated>true</IsTruncated>')],
    ['that stops in the middle', one(object('a')).slice(0, -5)],
    ['of another kind', '<Other></Other>'],
    ['with a broken key', one(`<EncodingType>url</EncodingType>${object('%zz')}`)],
  ])('%s is none', (_what, text) => {
    expect(parseListing(text)).toBeUndefined();
  });
});
