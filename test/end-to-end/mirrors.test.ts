// Plain servers as sources: nginx and Python's http.server as they are installed, beside a Heddle origin and instead of
// one. What each can vouch for is said; what none can is said as well; a mirror with other bytes is found out.
import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { answerRange, startNginx, startPython, startScripted } from '../support/mirrors.ts';
import type { MirrorServer } from '../support/mirrors.ts';
import { objectBytes, sha256Of } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import type { Outcome } from '../support/program.ts';
import { refusingPort } from '../support/servers.ts';
import { lastLine, routeOf, startWorld } from '../support/world.ts';
import type { LastLine, World } from '../support/world.ts';

const SIZE = 12_000_000;
const content = objectBytes(SIZE, 31);
/** As long, and other bytes everywhere. */
const other = objectBytes(SIZE, 32);
/** As long, and other bytes in one place that no sample is likely to hit. */
const flawed = Buffer.from(content);
flawed.fill(0, 5_000_000, 5_000_100);
const CHECKSUM = `sha256:${sha256Of(content)}`;
const WRONG = `sha256:${'0'.repeat(64)}`;
const owned = new AsyncDisposableStack();
let world: World;
let root: string;
/** Two servers of one copy. */
let one: string;
let two: string;
/** Servers of what is no copy. */
let stale: string;
let false_: string;
let bad: string;
let python: MirrorServer;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
  const serve = async (name: string, bytes: Buffer): Promise<MirrorServer> => {
    const folder = world.folder.file(name);
    await mkdir(folder);
    await writeFile(`${folder}/a.bin`, bytes);
    return owned.use(await startNginx(folder));
  };
  one = `${owned.use(await startNginx(world.objects)).url}a.bin`;
  two = `${owned.use(await startNginx(world.objects)).url}a.bin`;
  stale = `${(await serve('stale', content.subarray(0, SIZE - 1_000_000))).url}a.bin`;
  false_ = `${(await serve('false', other)).url}a.bin`;
  bad = `${(await serve('bad', flawed)).url}a.bin`;
  python = owned.use(await startPython(world.objects));
  const outcome = await heddle([
    'get',
    'a.bin',
    '-o',
    world.output('root.bin'),
    '--json',
    '--route',
    `o=${world.origin.url}`,
  ]);
  root = lastLine(outcome).root;
}, 60_000);
afterAll(() => owned.disposeAsync());

type Done = LastLine & { readonly checks?: readonly string[] };

/** Gets `key` with these flags into a file; what it said last, and that the file is the object. */
async function downloaded(name: string, key: string, ...flags: string[]): Promise<Done> {
  const outcome = await heddle(['get', key, '-o', world.output(name), '--json', ...flags]);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect((await world.read(name)).equals(content)).toBe(true);
  return lastLine(outcome);
}

/** Gets `key` with these flags into a file and fails; nothing is left of it. */
async function failed(name: string, key: string, ...flags: string[]): Promise<{ code: number | null; line: LastLine }> {
  const outcome = await heddle(['get', key, '-o', world.output(name), '--json', ...flags]);
  expect(await world.outputs()).not.toContain(name);
  expect(await world.outputs()).not.toContain(`${name}.part`);
  return { code: outcome.code, line: lastLine(outcome) };
}

function mirrors(...urls: readonly string[]): string[] {
  return urls.flatMap((url, at) => ['--mirror', `m${at}=${url}`]);
}

/** `url` behind a link that is slow enough for every source to take part. */
async function slowed(url: string, megabitsPerSecond = 100): Promise<string> {
  const { port, pathname } = new URL(url);
  const link = owned.use(await startLink({ target: { port: Number(port) }, megabitsPerSecond, delayMs: 3 }));
  return `http://127.0.0.1:${link.port}${pathname === '/' ? '' : pathname}`;
}

describe('a URL', () => {
  test('is fetched, and nothing is called verified', async () => {
    const done = await downloaded('url.bin', one);
    expect(done).toMatchObject({ key: one, bytes: SIZE, verified: false, root: null, checks: [], wasteBytes: 0 });
    expect(done.routes).toEqual([expect.objectContaining({ share: 1, state: 'active' })]);
  });

  test('people are told as well', async () => {
    const outcome = await heddle(['get', one, '-o', world.output('people.bin')]);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toContain('NOT VERIFIED');
    expect(outcome.stderr).not.toContain('verified in');
  });

  test('with its checksum is verified', async () => {
    const done = await downloaded('sum.bin', one, '--checksum', CHECKSUM);
    expect(done).toMatchObject({ verified: true, checks: ['checksum'] });
    const outcome = await heddle(['get', one, '--checksum', CHECKSUM]);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout.equals(content)).toBe(true);
    expect(outcome.stderr).toContain('verified in');
  });

  test('with its root is verified', async () => {
    expect(await downloaded('rooted.bin', one, '--root', root)).toMatchObject({
      verified: true,
      root,
      checks: ['root'],
    });
  });

  test.each([
    ['checksum', '--checksum', 'corrupt'],
    ['root', '--root', 'root-mismatch'],
  ])('with another %s leaves no file', async (_, flag, code) => {
    expect(await failed('wrong.bin', one, flag, WRONG)).toMatchObject({ code: 4, line: { type: 'error', code } });
    const outcome = await heddle(['get', one, '--json', flag, WRONG]);
    expect(outcome.code).toBe(4);
    expect(lastLine(outcome, 'stderr')).toMatchObject({ type: 'error', code });
  });

  test('and a range of it', async () => {
    const outcome = await heddle(['get', one, '--range', '5000000-5099999']);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout.equals(content.subarray(5_000_000, 5_100_000))).toBe(true);
  });

  test('of a server without ranges is read from its beginning', async () => {
    const done = await downloaded('python.bin', `${python.url}a.bin`, '--checksum', CHECKSUM);
    expect(done).toMatchObject({ verified: true, wasteBytes: 0 });
    const outcome = await heddle(['get', `${python.url}a.bin`, '--range', '5000000-5099999']);
    expect(outcome.stdout.equals(content.subarray(5_000_000, 5_100_000))).toBe(true);
  });

  test('that is not there is an error in one line', async () => {
    const { code, line } = await failed('none.bin', one.replace('a.bin', 'none.bin'));
    expect({ code, text: line.code }).toEqual({ code: 5, text: 'object-not-found' });
    expect(line.message).toContain('HTTP 404');
  });

  test('that nobody answers', async () => {
    const port = await refusingPort();
    expect(await failed('nobody.bin', `http://127.0.0.1:${port}/a.bin`)).toMatchObject({
      code: 3,
      line: { code: 'no-route' },
    });
  });

  test('whose server announces a digest of other bytes', async () => {
    const base64 = (bytes: Buffer): string => Buffer.from(sha256Of(bytes), 'hex').toString('base64');
    const digests = { 'Repr-Digest': `sha-256=:${base64(content)}:` };
    await using honest = await startScripted((_, response, range) => answerRange(response, content, range, digests));
    await using liar = await startScripted((_, response, range) => answerRange(response, flawed, range, digests));
    const done = await downloaded('digest.bin', `${honest.url}a.bin`);
    expect(done).toMatchObject({ verified: false, checks: ['digest'] });
    expect(await failed('lied.bin', `${liar.url}a.bin`)).toMatchObject({ code: 4, line: { code: 'corrupt' } });
  });
});

describe('several mirrors', () => {
  test('each bring a part', async () => {
    const done = await downloaded('both.bin', await slowed(one), '--mirror', `b=${await slowed(two)}`);
    expect(done).toMatchObject({ verified: false, checks: ['size', 'etag', 'samples'] });
    for (const { share } of done.routes) expect(share).toBeGreaterThan(0.05);
  });

  test('one of three has other bytes: it is dropped, and nothing of it is taken', async () => {
    const done = await downloaded('three.bin', 'a.bin', ...mirrors(one, await slowed(false_), two));
    expect(routeOf(done, 'm1')).toMatchObject({ state: 'excluded', why: expect.stringContaining('not those of') });
  });

  test('one of three has an older copy: it is dropped', async () => {
    const done = await downloaded('older.bin', 'a.bin', ...mirrors(stale, one, two));
    expect(routeOf(done, 'm0')).toMatchObject({ state: 'excluded', why: expect.stringContaining('bytes') });
  });

  test.each<[string, () => string]>([
    ['size', () => stale],
    ['bytes', () => false_],
  ])('two disagree about their %s: nobody knows which is right', async (_, wrong) => {
    const { code, line } = await failed('two.bin', 'a.bin', ...mirrors(one, wrong()));
    expect({ code, text: line.code }).toEqual({ code: 4, text: 'object-changed' });
    expect(line.message).toMatch(/m0.*m1/);
  });

  test('the URL is what the others have to agree with', async () => {
    const done = await downloaded('primary.bin', one, ...mirrors(false_, stale));
    for (const name of ['m0', 'm1']) expect(routeOf(done, name).state).toBe('excluded');
  });

  test('one of them serves no ranges: the others do it', async () => {
    const done = await downloaded('rangeless.bin', 'a.bin', ...mirrors(`${python.url}a.bin`, one));
    expect(routeOf(done, 'm0')).toMatchObject({ state: 'excluded', why: expect.stringContaining('no ranges') });
    expect(routeOf(done, 'm1').share).toBe(1);
  });

  test('one of them dies under way: the others take over', async () => {
    let asked = 0;
    await using dying = await startScripted((_, response, range) => {
      asked += 1;
      if (asked < 12) answerRange(response, content, range);
      else response.socket?.destroy();
    });
    const done = await downloaded('dying.bin', 'a.bin', ...mirrors(await slowed(one), `${dying.url}a.bin`));
    expect(routeOf(done, 'm1').bytes).toBeGreaterThan(0);
  });

  test('one of them changes its copy under way: it is dropped', async () => {
    let asked = 0;
    await using changing = await startScripted((_, response, range) => {
      asked += 1;
      answerRange(response, asked < 12 ? content : other, range, { ETag: asked < 12 ? '"v1"' : '"v2"' });
    });
    const done = await downloaded('changing.bin', 'a.bin', ...mirrors(await slowed(one), `${changing.url}a.bin`));
    expect(routeOf(done, 'm1')).toMatchObject({ state: 'excluded', why: expect.stringContaining('changed under way') });
  });

  test('one of them asks for a pause now and then', async () => {
    let asked = 0;
    await using limited = await startScripted((_, response, range) => {
      asked += 1;
      if (asked % 10 === 0) response.writeHead(429, { 'Retry-After': '0' }).end();
      else answerRange(response, content, range);
    });
    const done = await downloaded('limited.bin', 'a.bin', ...mirrors(await slowed(one), `${limited.url}a.bin`));
    expect(routeOf(done, 'm1').bytes).toBeGreaterThan(0);
  });
});

describe('beside a Heddle origin', () => {
  test('every segment is proven, whoever sent it', async () => {
    const origin = await slowed(`${world.origin.url}/`);
    const done = await downloaded(
      'beside.bin',
      'a.bin',
      '--route',
      `o=${origin}`,
      '--mirror',
      `m=${await slowed(one)}`,
    );
    expect(done).toMatchObject({ verified: true, root });
    expect(done.checks).toBeUndefined();
    for (const { share } of done.routes) expect(share).toBeGreaterThan(0.05);
  });

  test('a mirror with other bytes is found out by its first segments, and banned', async () => {
    const origin = await slowed(`${world.origin.url}/`);
    const done = await downloaded('found.bin', 'a.bin', '--route', `o=${origin}`, '--mirror', `m=${false_}`);
    expect(done).toMatchObject({ verified: true, root });
    expect(routeOf(done, 'm')).toMatchObject({ state: 'excluded', reason: 'corrupt' });
    expect(routeOf(done, 'm').corrupt).toBeGreaterThanOrEqual(2);
  });

  test('a single wrong segment is asked for elsewhere', async () => {
    const origin = await slowed(`${world.origin.url}/`, 20);
    const done = await downloaded('flaw.bin', 'a.bin', '--route', `o=${origin}`, '--mirror', `m=${await slowed(bad)}`);
    expect(done.verified).toBe(true);
    expect(routeOf(done, 'm').corrupt).toBeLessThanOrEqual(1);
    expect(routeOf(done, 'm').share).toBeGreaterThan(0.3);
  });

  test('a mirror of another size is dropped', async () => {
    const done = await downloaded('sized.bin', 'a.bin', '--route', `o=${world.origin.url}`, '--mirror', `m=${stale}`);
    expect(routeOf(done, 'm')).toMatchObject({ state: 'excluded' });
  });

  test('that nobody reaches, nothing can be proven: an error', async () => {
    const port = await refusingPort();
    const { code, line } = await failed(
      'unproven.bin',
      'a.bin',
      '--route',
      `o=http://127.0.0.1:${port}`,
      ...mirrors(one),
    );
    expect({ code, text: line.code }).toEqual({ code: 3, text: 'no-route' });
  });
});

describe('mistakes', () => {
  test.each<[string, () => readonly string[], number, string]>([
    ['a URL and a route', () => [one, '--route', `o=${world.origin.url}`], 1, 'key'],
    ['a mirror without a name', () => ['a.bin', '--mirror', one], 1, 'NAME=URL'],
    ['a mirror that is no URL', () => ['a.bin', '--mirror', 'm=nowhere'], 2, 'not a URL'],
    ['a mirror over ftp', () => ['ftp://host/a.bin'], 2, 'only http'],
    ['two of one name', () => ['a.bin', '--mirror', `m=${one}`, '--mirror', `m=${two}`], 2, 'two routes'],
    ['a checksum that is none', () => [one, '--checksum', 'md5:1234'], 2, 'checksum'],
    ['a range and a checksum', () => [one, '--checksum', CHECKSUM, '--range', '0-99'], 1, 'range'],
  ])('%s', async (_, args, code, text) => {
    const outcome: Outcome = await heddle(['get', '-o', world.output('mistake.bin'), ...args()]);
    expect({ code: outcome.code, lines: outcome.stderr.trim().split('\n').length }).toEqual({ code, lines: 1 });
    expect(outcome.stderr).toContain(text);
  });
});

test('mirrors stand in the file as well; a flag of the same name takes the place of one', async () => {
  const config = world.folder.file('mirrors.yaml');
  await writeFile(config, `mirrors:\n  - {name: m, url: "${stale}"}\n  - {name: n, url: "${two}"}\n`);
  const args = ['get', 'a.bin', '-o', world.output('file.bin'), '--json', '--config', config, '--checksum', CHECKSUM];
  const line = lastLine(await heddle([...args, '--mirror', `m=${one}`]));
  expect(line).toMatchObject({ type: 'done', verified: true, bytes: SIZE });
  expect(line.routes.map(({ name }) => name).toSorted()).toEqual(['m', 'n']);
});
