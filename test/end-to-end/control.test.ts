// The control interface over HTTP, of real programs: whoever has the token watches and steers transfers, and nobody else
// does. Every answer and event is held against the OpenAPI description.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ControlEvent, SegmentRuns, TransferSnapshot } from '../../client/control/messages.ts';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { ControlClient } from '../support/control-client.ts';
import { eventually, settled } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Between two looks at a transfer in another process, ms. */
const LOOK_MS = 10;
const SIZE = 4_000_001;
const content = objectBytes(SIZE, 81);
const owned = new AsyncDisposableStack();
let world: World;
let links: ShapedLink[];
let routes: string[];

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
  const target = { port: world.origin.port };
  links = await Promise.all([1, 2].map(() => startLink({ target, megabitsPerSecond: 16, delayMs: 2 })));
  routes = links.flatMap((link, at) => ['--route', `r${at}=http://127.0.0.1:${owned.use(link).port}`]);
});
afterAll(() => owned.disposeAsync());

type Watched = { readonly program: Program; readonly control: ControlClient };

/** `heddle get --ui` of the object over both links. */
async function startGet(output: string, more: readonly string[] = ['--ui']): Promise<Watched> {
  const program = startProgram([
    'get',
    'a.bin',
    '-o',
    world.output(output),
    ...routes,
    '--no-memory',
    '--quiet',
    ...more,
  ]);
  return { program, control: await controlOf(program) };
}

/** The interface that a program says it has. */
async function controlOf(program: Program): Promise<ControlClient> {
  const said = (): string | undefined => /watch and steer at (\S+)/.exec(program.stderr)?.[1];
  await eventually(() => said() !== undefined || program.child.exitCode !== null);
  const url = said();
  if (url === undefined) throw new Error(`the program ended: ${program.stderr}`);
  return new ControlClient(url);
}

async function receivedBytes(control: ControlClient): Promise<number> {
  const { body } = await control.ask('GET', '/v1/transfers/1');
  return body.progress.receivedBytes;
}

/** Waits until the transfer is as it should be. */
async function until(control: ControlClient, isSo: (snapshot: TransferSnapshot) => boolean): Promise<void> {
  for (;;) {
    const { status, body } = await control.ask('GET', '/v1/transfers/1');
    if (status === 200 && isSo(body)) return;
    await sleep(LOOK_MS);
  }
}

function caught(control: ControlClient, bytes: number): Promise<void> {
  return until(control, ({ progress }) => progress.receivedBytes >= bytes);
}

/** Long enough for what is not to happen. Too short a time can only hide a fault, never make one up. */
function aWhile(): Promise<unknown> {
  return settled(() => 0);
}

describe('heddle get --ui', () => {
  test('can be paused, so that no more bytes come, and resumed, to the same bytes; the interface ends with it', async () => {
    const { program, control } = await startGet('paused.bin');
    await using _program = program;
    await caught(control, 1_000_000);
    const { body: paused } = await control.ask('POST', '/v1/transfers/1/pause');
    expect(paused).toMatchObject({ id: '1', key: 'a.bin', state: 'paused', target: world.output('paused.bin') });
    await until(control, ({ routes: all }) => all.every(({ outBytes }) => outBytes === 0));
    const before = await receivedBytes(control);
    expect(before).toBeLessThan(SIZE);
    const { size } = await stat(`${world.output('paused.bin')}.part`);
    expect(size).toBe(SIZE);
    const blocks = async (): Promise<number> => (await stat(`${world.output('paused.bin')}.part`)).blocks;
    const written = await blocks();
    const carried = links.map((link) => link.carriedBytes.down);
    await aWhile();
    // nothing but PONGs
    for (const [at, link] of links.entries()) expect(link.carriedBytes.down - carried[at]!).toBeLessThan(10_000);
    expect(await receivedBytes(control)).toBe(before);
    expect(await blocks()).toBe(written);
    expect((await control.ask('POST', '/v1/transfers/1/resume')).body.state).toBe('running');
    expect(await program.ended).toMatchObject({ code: 0 });
    expect((await world.read('paused.bin')).equals(content)).toBe(true);
    await expect(control.ask('GET', '/v1/transfers')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('tells what happens until the end, to those who watch one transfer or all', async () => {
    const { program, control } = await startGet('told.bin');
    await using _program = program;
    const overview: ControlEvent[] = [];
    const all = (async () => {
      for await (const event of control.events('/v1/events')) overview.push(event);
    })();
    await caught(control, 100_000);
    const detail: ControlEvent[] = [];
    const one = (async () => {
      for await (const event of control.events('/v1/transfers/1/events')) detail.push(event);
    })();
    await caught(control, 1_000_000);
    await control.ask('PUT', '/v1/transfers/1/routes/r1', { body: { preference: 'prefer' } });
    await control.ask('POST', '/v1/transfers/1/ranges', {
      body: { ranges: [{ first: 3_000_000, last: 3_100_000 }, { first: 3_500_000 }] },
    });
    await program.ended;
    await Promise.all([all, one]);
    expect(detail[0]?.type).toBe('snapshot');
    expect(detail.at(-1)).toMatchObject({
      type: 'ended',
      summary: { state: 'done', progress: { receivedBytes: SIZE } },
    });
    const types = new Set(detail.map(({ type }) => type));
    for (const type of ['progress', 'routes', 'route', 'pattern', 'cells', 'raised']) expect(types).toContain(type);
    expect(overview.map(({ type }) => type)).toContain('progress');
    expect(overview.at(-1)?.type).toBe('ended');
    const ids = detail.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  });

  test('leaves an excluded route alone, and keeps to limits', async () => {
    const { program, control } = await startGet('excluded.bin');
    await using _program = program;
    await caught(control, 500_000);
    const excluded = await control.ask('PUT', '/v1/transfers/1/routes/r1', { body: { preference: 'exclude' } });
    expect(excluded.body).toMatchObject({ name: 'r1', preference: 'exclude', state: 'excluded', fault: null });
    const last = await control.ask('PUT', '/v1/transfers/1/routes/r0', { body: { preference: 'exclude' } });
    expect(last).toMatchObject({ status: 400, body: { code: 'usage' } });
    const limited = await control.ask('PUT', '/v1/transfers/1/limits', { body: { maxBytesPerSecond: 400_000 } });
    expect(limited.body).toEqual({ maxBytesPerSecond: 400_000, costBudget: null });
    await until(control, ({ routes: all }) => all[1]?.connections === 0);
    const rest = links[1]!.carriedBytes.down;
    // what was asked for before the limit comes first
    await until(control, ({ routes: all }) => (all[0]?.outBytes ?? 0) <= 65_536);
    const { body: from } = await control.ask('GET', '/v1/transfers/1');
    await caught(control, from.progress.receivedBytes + 300_000);
    const { body: to } = await control.ask('GET', '/v1/transfers/1');
    const bytes = to.progress.receivedBytes - from.progress.receivedBytes;
    const rate = (1_000 * bytes) / (to.elapsedMs - from.elapsedMs);
    expect(rate).toBeLessThan(1.3 * 400_000);
    expect(links[1]!.carriedBytes.down).toBe(rest);
    await control.ask('PUT', '/v1/transfers/1/limits', { body: { maxBytesPerSecond: null } });
    const slow = await control.ask('PUT', '/v1/transfers/1/routes/r0', { body: { maxBytesPerSecond: 1_500_000 } });
    expect(slow.body).toMatchObject({ maxBytesPerSecond: 1_500_000 });
    expect(await program.ended).toMatchObject({ code: 0 });
    expect((await world.read('excluded.bin')).equals(content)).toBe(true);
  });

  test('can be cancelled; what came is there for the next time', async () => {
    const { program, control } = await startGet('cancelled.bin');
    await using _program = program;
    await caught(control, 1_500_000);
    await control.ask('POST', '/v1/transfers/1/cancel');
    expect(await program.ended).toMatchObject({ code: 130 });
    expect(await world.outputs()).toContain('cancelled.bin.part');
    const again = await heddle([
      'get',
      'a.bin',
      '-o',
      world.output('cancelled.bin'),
      ...routes,
      '--no-memory',
      '--json',
    ]);
    const done = JSON.parse(again.stdout.toString().trim().split('\n').at(-1)!) as { resumedBytes: number };
    expect(done.resumedBytes).toBeGreaterThan(1_000_000);
    expect((await world.read('cancelled.bin')).equals(content)).toBe(true);
  });

  test('says where it is as JSON as well, and says what is wrong with an address', async () => {
    const { stdout } = await heddle([
      'get',
      'a.bin',
      '-o',
      world.output('json.bin'),
      ...routes,
      '--no-memory',
      '--json',
      '--ui',
    ]);
    const first = JSON.parse(stdout.toString().split('\n')[0]!) as { type: string; url: string };
    expect(first).toEqual({ type: 'ui', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/) });
    const wide = await heddle(['get', 'a.bin', '-o', world.output('no.bin'), ...routes, '--ui', '0.0.0.0:0']);
    expect(wide).toMatchObject({ code: 1, stderr: expect.stringContaining('for this machine alone') });
    const used = await heddle([
      'get',
      'a.bin',
      '-o',
      world.output('no.bin'),
      ...routes,
      `--ui=127.0.0.1:${world.origin.port}`,
    ]);
    expect(used).toMatchObject({ code: 6, stderr: expect.stringContaining('somebody listens there already') });
  });

  test('is not even loaded when nobody asks for it', async () => {
    const said = 'process.stderr.write(`loaded ${url}\\n`)';
    const hook = `import { registerHooks } from "node:module"; registerHooks({ load(url, context, next) { ${said}; return next(url, context); } });`;
    const nodeArguments = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`];
    const args = ['get', 'a.bin', '-o', world.output('idle.bin'), ...routes, '--no-memory'];
    const { code, stderr } = await heddle(args, { nodeArguments });
    expect(code).toBe(0);
    expect(stderr).toMatch(/loaded \S+\/client\/client\.ts/);
    expect(stderr).not.toMatch(/loaded \S+\/(client\/control\b|node_modules\/fastify)/);
    const library = join(import.meta.dirname, '../../client/index.ts');
    const program = ['--input-type=module', '--eval', `await import(${JSON.stringify(library)})`];
    const loaded = spawnSync(process.execPath, [...nodeArguments, ...program]).stderr.toString();
    expect(loaded).toMatch(/loaded \S+\/client\/client\.ts/);
    expect(loaded).not.toMatch(/loaded \S+\/(client\/control\b|node_modules\/fastify)/);
  });

  test('on a unix socket asks for no token: only its owner gets in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'heddle-'));
    const path = join(folder, 'control.sock');
    const { program, control } = await startGet('unix.bin', ['--ui', `unix:${path}`]);
    await using _program = program;
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await control.ask('GET', '/v1/transfers')).status).toBe(200);
    expect((await control.ask('GET', '/v1/transfers', { headers: { origin: 'http://localhost' } })).status).toBe(403);
    await control.ask('PUT', '/v1/transfers/1/limits', { body: { costBudget: 5 } });
    await program.ended;
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await rm(folder, { recursive: true });
  });
});

describe('whoever asks', () => {
  let held: Watched;
  let control: ControlClient;

  beforeAll(async () => {
    held = await startGet('held.bin');
    owned.use(held.program);
    ({ control } = held);
    await caught(control, 100_000);
    await control.ask('POST', '/v1/transfers/1/pause');
  });
  afterAll(async () => {
    await control.ask('POST', '/v1/transfers/1/cancel');
    await held.program.ended;
  });

  test.each<[why: string, headers: Record<string, string>, status: number]>([
    ['without a token', { authorization: '' }, 401],
    ['with another token', { authorization: `Bearer ${'x'.repeat(43)}` }, 401],
    ['with the token in another way', { authorization: 'Basic eDp5' }, 401],
    ['by a name of a stranger', { host: 'evil.example:80' }, 421],
    ['from a page of another site', { origin: 'http://evil.example' }, 403],
    ['from a page without an origin', { origin: 'null' }, 403],
    ['from a page that the browser calls another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['from another port of this machine', { 'sec-fetch-site': 'same-site' }, 403],
  ])('%s is refused, reading and commanding', async (_, headers, status) => {
    for (const [method, path] of [
      ['GET', '/v1/transfers'],
      ['GET', '/v1/transfers/1/events'],
      ['POST', '/v1/transfers/1/cancel'],
    ] as const) {
      const answer = await control.ask(method, path, { headers });
      expect(answer).toMatchObject({
        status,
        headers: { 'content-type': expect.stringContaining('application/problem+json') },
        body: { status },
      });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      if (status === 401) expect(answer.headers['www-authenticate']).toContain('Bearer');
    }
    expect((await control.ask('GET', '/v1/transfers/1')).body.state).toBe('paused');
  });

  test('from the page itself is answered', async () => {
    const { host } = { host: `127.0.0.1:${portOf(held.program)}` };
    const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
    expect((await control.ask('GET', '/v1/transfers', { headers })).status).toBe(200);
  });

  test('gets the page without a token, with a policy that lets nothing in', async () => {
    const { status, headers, body } = await control.ask<string>('GET', '/', { headers: { authorization: '' } });
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'text/html; charset=utf-8' });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers).toMatchObject({ 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' });
    expect(body).not.toContain(control.token);
  });

  test.each<
    [
      method: string,
      path: string,
      asked: { body?: unknown; text?: string; headers?: Record<string, string> },
      status: number,
    ]
  >([
    ['GET', '/v1/transfers/99', {}, 404],
    ['GET', '/v1/transfers/99/events', {}, 404],
    ['POST', '/v1/transfers/99/pause', {}, 404],
    ['GET', '/v1/nothing', {}, 404],
    ['PUT', '/v1/transfers/1/routes/nobody', { body: { preference: 'prefer' } }, 404],
    ['PUT', '/v1/transfers/1/routes/r0', { body: { preference: 'perhaps' } }, 400],
    ['PUT', '/v1/transfers/1/routes/r0', { body: { prefered: 'prefer' } }, 400],
    ['PUT', '/v1/transfers/1/routes/r0', { body: { maxBytesPerSecond: 3 } }, 400],
    ['PUT', '/v1/transfers/1/routes/r0', { body: { maxBytesPerSecond: '100000' } }, 400],
    ['PUT', '/v1/transfers/1/limits', { text: '{' }, 400],
    ['PUT', '/v1/transfers/1/limits', { text: '', headers: { 'content-type': 'application/json' } }, 400],
    [
      'PUT',
      '/v1/transfers/1/limits',
      { text: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
    ],
    ['PUT', '/v1/transfers/1/limits', { text: `"${'x'.repeat(70_000)}"` }, 413],
    ['PUT', '/v1/transfers/1/limits', { body: { costBudget: -1 } }, 400],
    ['POST', '/v1/transfers/1/ranges', { body: { ranges: [{ first: 9, last: 3 }] } }, 400],
    ['POST', '/v1/transfers/1/ranges', { body: { ranges: 'all' } }, 400],
    ['GET', '/v1/transfers/1/segments?first=-1', {}, 400],
    ['GET', '/v1/transfers/1/segments?count=1e9', {}, 400],
  ])('%s %s with %j is told what is wrong: %i', async (method, path, asked, status) => {
    const answer = await control.ask(method, path, asked);
    expect(answer).toMatchObject({ status, body: { type: 'about:blank', status, detail: expect.any(String) } });
  });

  test('gets every kind of answer that is described', async () => {
    await control.ask('GET', '/v1/openapi.json');
    await control.ask('GET', '/v1/transfers');
    await control.ask('POST', '/v1/transfers/1/pause');
    await control.ask('POST', '/v1/transfers/1/ranges', { body: { ranges: [{ first: 0 }] } });
    const { body } = await control.ask<SegmentRuns>('GET', '/v1/transfers/1/segments?first=0&count=100');
    expect(body.runs.reduce((sum, [, length]) => sum + length, 0)).toBe(100);
  });
});

describe('heddle proxy', () => {
  test('with control: in its file shows the transfers it makes for others; the token is its owner’s', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'heddle-'));
    const yaml = [
      'routes:',
      ...links.map((link, at) => `  - {name: r${at}, url: "http://127.0.0.1:${link.port}"}`),
      'control: {listen: "127.0.0.1:0", tokenFile: control.token}',
    ];
    await writeFile(join(folder, 'heddle.yaml'), `${yaml.join('\n')}\n`);
    await using program = startProgram(['proxy', '--listen', '127.0.0.1:0', '--config', join(folder, 'heddle.yaml')]);
    await eventually(() => /proxy listening on \S+/.test(program.stdout.toString()));
    const [proxy = ''] = /http:\S+/.exec(program.stdout.toString()) ?? [];
    const [url = ''] = /http:[^#\s]+/.exec(program.stderr) ?? [];
    const file = join(folder, 'control.token');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const token = (await readFile(file, 'utf8')).trim();
    expect(program.stderr).not.toContain(token);
    const control = new ControlClient(url, token);
    expect((await control.ask('GET', '/v1/transfers')).body).toEqual({ transfers: [] });
    const overview: ControlEvent[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of control.events('/v1/events', stop.signal)) overview.push(event);
    })();
    const response = await fetch(`${proxy}/o/a.bin`);
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    await eventually(() => overview.some(({ type }) => type === 'ended'));
    const { body } = await control.ask<unknown>('GET', '/v1/transfers');
    expect(body).toMatchObject({ transfers: [{ key: 'a.bin', target: null, output: 'order', state: 'done' }] });
    expect(overview.map(({ type }) => type)).toContain('started');
    stop.abort();
    await watching;
    program.child.kill('SIGTERM');
    expect((await program.ended).code).toBe(0);
    await rm(folder, { recursive: true });
  });
});

function portOf(program: Program): string {
  return /127\.0\.0\.1:(\d+)\/#token/.exec(program.stderr)?.[1] ?? '';
}
