// Several objects and whole prefixes in one command: every byte in its place below the folder, nothing outside of it, one
// failure does not cost the others, and what was there is not fetched again.
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { expectOneLine } from '../support/one-line.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Outcome } from '../support/program.ts';
import { refusingPort, startRelayProgram } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const OBJECTS: Readonly<Record<string, Buffer>> = {
  'data/a.bin': objectBytes(300_000, 1),
  'data/deep/b.bin': objectBytes(1, 2),
  'data/deep/c d.bin': objectBytes(70_000, 3),
  'data/empty': Buffer.alloc(0),
  'data/large.bin': objectBytes(9_000_000, 4),
  'database/x': objectBytes(10, 5),
  'top.bin': objectBytes(40_000, 6),
};
const BELOW_DATA = Object.keys(OBJECTS).filter((key) => key.startsWith('data/'));

type Line = Readonly<Record<string, unknown>>;

const owned = new AsyncDisposableStack();
let world: World;
let routes: string[];

beforeAll(async () => {
  world = owned.use(await startWorld(OBJECTS));
  const relay = owned.use(await startRelayProgram({ main: world.origin.url }));
  routes = ['--route', `relay=${relay.url}/v1/via/main`, '--route', `direct=${world.origin.url}`];
});
afterAll(() => owned.disposeAsync());

function linesOf({ stdout }: Outcome): Line[] {
  return stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** All files below `folder`, sorted. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map(({ parentPath, name }) => `${parentPath}/${name}`.slice(folder.length + 1)).sort();
}

async function expectFiles(folder: string, keys: readonly string[]): Promise<void> {
  expect(await filesBelow(folder)).toEqual([...keys].sort());
  for (const key of keys) expect((await readFile(`${folder}/${key}`)).equals(OBJECTS[key] ?? Buffer.of(1))).toBe(true);
}

/** A route that answers HTTP like this, and no transfer. */
async function startFalseList(answer: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(answer);
  server.on('upgrade', (_request, socket) => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

describe('several keys', () => {
  test('each becomes a path below the folder; a line for each, and the total', async () => {
    const out = world.output('keys');
    const keys = ['top.bin', 'data/deep/c d.bin', 'data/empty', 'top.bin'];
    const outcome = await heddle(['get', ...keys, '-o', out, '--json', ...routes]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    await expectFiles(out, keys.slice(0, 3));
    const lines = linesOf(outcome);
    expect(lines.filter(({ type }) => type === 'done').map(({ key, file }) => [key, file])).toEqual(
      expect.arrayContaining(keys.map((key) => [key, `${out}/${key}`])),
    );
    const total = { type: 'total', objects: 3, done: 3, failed: 0, bytes: 110_000, resumedBytes: 0, exitCode: 0 };
    expect(lines.at(-1)).toMatchObject({ ...total, verified: true });
    expect(Object.keys(lines.at(-1) ?? {}).sort()).toEqual([
      ...['bytes', 'done', 'exitCode', 'failed', 'objects', 'resumedBytes', 'seconds', 'type', 'verified'],
    ]);
  });

  test('for people: a line for each object and one for all, and nothing on standard output', async () => {
    const out = world.output('people');
    const outcome = await heddle(['get', 'top.bin', 'data/a.bin', '-o', out, ...routes]);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stdout.length).toBe(0);
    expect(outcome.stderr).toMatch(/people\/top\.bin: 40\.0 kB verified in .*\n/);
    expect(outcome.stderr).toMatch(/\n2 of 2 objects: 340 kB in [\d.]+ s \(.*\)\n$/);
    const quiet = await heddle(['get', 'top.bin', 'data/a.bin', '-o', world.output('quiet'), '--quiet', ...routes]);
    expect(quiet).toMatchObject({ code: 0, stderr: '' });
  });

  test('what fails costs itself only, and the worst failure gives the exit code', async () => {
    const out = world.output('failing');
    await mkdir(`${out}/data/a.bin`, { recursive: true });
    const keys = ['none.bin', 'top.bin', '../up.bin', 'data/a.bin', 'data/deep/b.bin'];
    const outcome = await heddle(['get', ...keys, '-o', out, '--json', ...routes]);
    expect(outcome).toMatchObject({ code: 6, stderr: '' });
    await expectFiles(out, ['top.bin', 'data/deep/b.bin']);
    const failed = linesOf(outcome).filter(({ type }) => type === 'error');
    expect(failed.map(({ key, code }) => `${String(key)} ${String(code)}`).sort()).toEqual([
      '../up.bin bad-request',
      'data/a.bin local-io',
      'none.bin object-not-found',
    ]);
    expect(linesOf(outcome).at(-1)).toMatchObject({ type: 'total', done: 2, failed: 3, exitCode: 6 });
    const plain = await heddle(['get', 'none.bin', 'top.bin', '-o', out, ...routes]);
    expect(plain.code).toBe(5);
    expect(plain.stderr).toMatch(/^heddle: .*none\.bin.* \(object-not-found\)$/m);
  });

  test.each([
    ['a file and a folder', ['data/a.bin', 'data/a.bin/x'], /"data\/a\.bin" would be a file and a folder/],
    ['dots', ['top.bin', 'data/../../x'], /cannot be a path below the folder/],
    ['an absolute path', ['top.bin', '/etc/x'], /"\/etc\/x" cannot be a path below the folder/],
    ['a backslash', ['top.bin', String.raw`a\..\x`], /cannot be a path below the folder.*backslash/],
    ['an unfinished file', ['top.bin', 'top.bin.part'], /"top\.bin\.part" is the name of an unfinished file/],
  ])('%s: refused with one line, the other is fetched', async (name, keys, says) => {
    const out = world.output(`refused ${name}`);
    const outcome = await heddle(['get', ...keys, '-o', out, ...routes]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr.match(/^heddle: .*\([a-z-]+\)$/gm)).toEqual([expect.stringMatching(says)]);
    await expectFiles(out, keys.slice(0, 1));
  });

  test('a link that leads out of the folder is not followed', async () => {
    const [out, outside] = [world.output('linked'), world.folder.file('outside')];
    await mkdir(out);
    await mkdir(outside);
    await symlink(outside, `${out}/data`);
    const outcome = await heddle(['get', 'data/deep/b.bin', 'top.bin', '-o', out, ...routes]);
    expect(outcome.code).toBe(6);
    expect(outcome.stderr).toMatch(/leads out of .*remove that link/);
    expect(await readdir(outside)).toEqual([]);
    expect((await readFile(`${out}/top.bin`)).equals(OBJECTS['top.bin'] ?? Buffer.of())).toBe(true);
  });

  test.each([
    [['top.bin', 'data/a.bin'], /name their folder with -o DIR/],
    [['--recursive', 'data/'], /name their folder with -o DIR/],
    [
      ['top.bin', 'data/a.bin', '-o', 'x', '--checksum', `sha256:${'0'.repeat(64)}`],
      /--checksum is said of one object/,
    ],
    [['top.bin', 'data/a.bin', '-o', 'x', '--root', `sha256:${'0'.repeat(64)}`], /--root is said of one object/],
    [['top.bin', 'http://127.0.0.1:1/x', '-o', 'x'], /mirror is that of one object/],
    [['--recursive', '/data', '-o', 'x'], /no key begins with a slash; write "data"/],
  ])('%j makes no sense: one line', async (args, says) => {
    const outcome = await heddle(['get', ...args, ...routes], { cwd: world.folder.path });
    expectOneLine(outcome, 1);
    expect(outcome.stderr).toMatch(says);
  });
});

test('a folder that is a file: one line, exit 6', async () => {
  await writeFile(world.output('file'), 'kept');
  const outcome = await heddle(['get', 'top.bin', 'data/a.bin', '-o', world.output('file'), ...routes]);
  expectOneLine(outcome, 6);
  expect(outcome.stderr).toMatch(/cannot make the folder .*file: it is no folder; name another with -o DIR/);
  expect((await world.read('file')).toString()).toBe('kept');
});

test('with a token for a prefix that prefix is fetched, and another is refused', async () => {
  const [keys, token] = [world.folder.file('ops'), world.folder.file('token')];
  expect(await heddle(['keygen', '--out', keys])).toMatchObject({ code: 0 });
  const issue = ['token', '--key', `${keys}.private.jwk`, '--prefix', 'data/', '--out', token];
  expect(await heddle(issue)).toMatchObject({ code: 0 });
  const serving = ['origin', '--dir', world.objects, '--state', world.folder.file('closed'), '--listen', '127.0.0.1:0'];
  await using program = startProgram([...serving, '--token-keys', `${keys}.public.jwks`], { tethered: true });
  const [, url = ''] = await program.said(/ on (http:\/\/[^\s:]+:\d+)/);
  const out = world.output('token');
  const args = ['-o', out, '--route', `closed=${url}`, '--token-file', token];
  expect(await heddle(['get', '--recursive', 'data/', ...args])).toMatchObject({ code: 0 });
  await expectFiles(out, BELOW_DATA);
  const other = await heddle(['get', '--recursive', 'database/', ...args]);
  expectOneLine(other, 5);
  expect(other.stderr).toMatch(/the list of objects: the token is not for this object \(refused\)/);
});

describe('a prefix', () => {
  test.each(['data/', 'data'])('%s brings all below it, and nothing beside it', async (prefix) => {
    const out = world.output(`prefix ${prefix.length}`);
    const outcome = await heddle(['get', '--recursive', prefix, '-o', out, '--json', ...routes]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    await expectFiles(out, BELOW_DATA);
    expect(linesOf(outcome).at(-1)).toMatchObject({ type: 'total', objects: 5, done: 5, bytes: 9_370_001 });
  });

  test('the empty one brings everything; overlapping ones bring nothing twice', async () => {
    const out = world.output('everything');
    const outcome = await heddle(['get', '--recursive', '', 'data/deep', '-o', out, '--json', ...routes]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    await expectFiles(out, Object.keys(OBJECTS));
    expect(linesOf(outcome).filter(({ type }) => type === 'done')).toHaveLength(7);
  });

  test('without objects: one line, exit 5', async () => {
    const outcome = await heddle(['get', '--recursive', 'dat', '-o', world.output('nothing'), ...routes]);
    expectOneLine(outcome, 5);
    expect(outcome.stderr).toMatch(/no object has a key that begins with "dat\/"/);
    expect(await world.outputs()).not.toContain('nothing');
  });

  test('one that brings nothing costs the others nothing', async () => {
    const out = world.output('partly');
    const outcome = await heddle(['get', '--recursive', 'none', 'data/deep/', '-o', out, '--json', ...routes]);
    expect(outcome).toMatchObject({ code: 5, stderr: '' });
    await expectFiles(out, ['data/deep/b.bin', 'data/deep/c d.bin']);
    const failed = linesOf(outcome).filter(({ type }) => type === 'error');
    expect(failed).toEqual([expect.objectContaining({ key: 'none/', file: null, code: 'object-not-found' })]);
    expect(linesOf(outcome).at(-1)).toMatchObject({ type: 'total', objects: 3, done: 2, failed: 1, exitCode: 5 });
  });

  test('more than a page of objects comes whole', async () => {
    const names = Array.from({ length: 25 }, (_, at) => `many/${at}`);
    await using other = await startWorld({ ...Object.fromEntries(names.map((name) => [name, Buffer.from(name)])) });
    const seen: string[] = [];
    await using pages = await startFalseList((request, response) => {
      const url = new URL(`${other.origin.url}${request.url ?? ''}`);
      seen.push(url.searchParams.get('after') ?? '');
      url.searchParams.set('limit', '10');
      void fetch(url).then(async (answer) => response.end(await answer.text()));
    });
    const ways = ['--route', `pages=${pages.url}`, '--route', `direct=${other.origin.url}`];
    const out = other.output('many');
    const outcome = await heddle(['get', '--recursive', 'many/', '-o', out, '--json', ...ways]);
    expect(outcome).toMatchObject({ code: 0 });
    expect(seen).toHaveLength(3);
    expect(await filesBelow(out)).toEqual(names.toSorted());
    for (const name of names) expect((await readFile(`${out}/${name}`)).toString()).toBe(name);
  });

  test('the list comes over the route that answers', async () => {
    const dead = ['--route', `dead=http://127.0.0.1:${await refusingPort()}`];
    const out = world.output('dead');
    const args = ['get', '--recursive', 'data/deep/', '-o', out, '--json'];
    expect(await heddle([...args, ...dead, ...routes])).toMatchObject({ code: 0 });
    await expectFiles(out, ['data/deep/b.bin', 'data/deep/c d.bin']);
    const none = await heddle([...args.slice(0, -1), ...dead]);
    expectOneLine(none, 3);
    expect(none.stderr).toMatch(/no route gives the list of objects; dead: .*the connection is refused.*\(no-route\)/);
  });
});

test('interrupted while the list is awaited: one line, exit 130', async () => {
  const asked = Promise.withResolvers<void>();
  await using silent = await startFalseList(() => asked.resolve());
  const way = ['--route', `silent=${silent.url}`];
  await using program = startProgram(['get', '--recursive', 'data/', '-o', world.output('silent'), ...way]);
  await asked.promise;
  program.signal('SIGINT');
  expectOneLine(await program.ended, 130);
});

describe('a list that lies', () => {
  test.each([
    ['no JSON', 'hello', /it is no JSON/],
    ['no list', '{"objects":7}', /it is none/],
    ['no keys', '{"objects":[{"size":1}]}', /an entry has no key or no size/],
    ['other keys', '{"objects":[{"key":"etc/x","size":1}]}', /does not begin with what was asked for/],
    ['no end', '{"objects":[{"key":"data/x","size":1}],"next":"data/x"}', /its pages do not end/],
    ['nothing, for ever', '{"objects":[],"next":"b"}', /its pages do not end/],
  ])('%s: one line, exit 3', async (_, body, says) => {
    await using liar = await startFalseList((_request, response) => response.end(body));
    const args = ['get', '--recursive', 'data/', '-o', world.output('lied'), '--route', `liar=${liar.url}`];
    const outcome = await heddle(args);
    expectOneLine(outcome, 3);
    expect(outcome.stderr).toMatch(says);
    expect(await world.outputs()).not.toContain('lied');
  });

  test('keys that lead out of the folder are refused, the others are fetched', async () => {
    const keys = ['data/../../x', 'data//x', String.raw`data/..\x`, 'data/\u001b[2Jx', 'data/deep/b.bin'];
    const body = JSON.stringify({ objects: keys.map((key) => ({ key, size: 1 })) });
    await using liar = await startFalseList((_request, response) => response.end(body));
    const out = world.output('led');
    const ways = ['--route', `liar=${liar.url}`, ...routes];
    const outcome = await heddle(['get', '--recursive', 'data/', '-o', out, '--quiet', ...ways]);
    expect(outcome.code).toBe(1);
    expect(
      outcome.stderr.match(/^heddle: the key .* cannot be a path below the folder: .* \(bad-request\)$/gm),
    ).toHaveLength(4);
    expect(outcome.stderr).not.toContain('\u001b');
    await expectFiles(out, ['data/deep/b.bin']);
  });
});

describe('once more', { timeout: 60_000 }, () => {
  test('what is whole is proven and not fetched; what changed is', async () => {
    const out = world.output('again');
    const args = ['get', '--recursive', 'data/', '-o', out, '--json', ...routes];
    expect(await heddle(args)).toMatchObject({ code: 0 });
    const bent = Buffer.from(OBJECTS['data/a.bin'] ?? []);
    bent[200_000] = (bent[200_000] ?? 0) ^ 1;
    await writeFile(`${out}/data/a.bin`, bent);
    const outcome = await heddle(args);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    await expectFiles(out, BELOW_DATA);
    expect(linesOf(outcome).at(-1)).toMatchObject({ bytes: 9_370_001, resumedBytes: 9_070_001, verified: true });
  });

  test('an interrupted one goes on: the finished and the begun are kept, 130 says that it was interrupted', async () => {
    const link = await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 16, delayMs: 5 });
    await using _link = link;
    const out = world.output('interrupted');
    const args = ['get', '--recursive', 'data/', '-o', out, '--json', '--route', `one=http://127.0.0.1:${link.port}`];
    await using program = startProgram(args);
    for (const key of BELOW_DATA.slice(0, 4)) await program.said(new RegExp(`"type":"done","key":"${key}"`));
    await program.said(/"type":"progress","bytes":9000000,"receivedBytes":[1-9]\d{6}/);
    program.signal('SIGINT');
    const stopped = await program.ended;
    expect(stopped.code).toBe(130);
    expect(linesOf(stopped).at(-1)).toMatchObject({ type: 'total', done: 4, failed: 1, exitCode: 130 });
    const outcome = await heddle([...args.slice(0, -2), ...routes]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    await expectFiles(out, BELOW_DATA);
    const large = linesOf(outcome).find(({ type, key }) => type === 'done' && key === 'data/large.bin');
    expect(large?.['resumedBytes']).toBeGreaterThan(0);
  });
});
