// Programs that know nothing of Heddle, run through the local proxy: they get the same bytes and the same errors, and the
// bytes come over both routes. A program that is not installed is skipped, with its name in the title.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { startProxy } from '../../client/proxy/server.ts';
import type { RunningProxy } from '../../client/proxy/server.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startOriginProgram } from '../support/servers.ts';
import type { ServerProgram } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

const content = objectBytes(3_000_001, 91);
const digest = createHash('sha256').update(content).digest('hex');
const owned = new AsyncDisposableStack();
let folder: TemporaryFolder;
let origin: ServerProgram;
let links: ShapedLink[];
let proxy: RunningProxy;
/** An origin that only the proxy can reach. */
const SITE = 'http://data.example/v1/objects';

beforeAll(async () => {
  folder = owned.use(await temporaryFolder());
  await mkdir(folder.file('objects'));
  await writeFile(folder.file('objects/a.bin'), content);
  await writeFile(folder.file('objects/small.txt'), 'small\n');
  await makeRepository();
  await makePackage();
  await makeFilm();
  origin = owned.use(await startOriginProgram({ dir: folder.file('objects'), state: folder.file('state') }));
  const shape = { target: { port: origin.port }, megabitsPerSecond: 200, delayMs: 1 };
  links = await Promise.all([startLink(shape), startLink(shape)]);
  for (const link of links) owned.use(link);
  const routes = links.map(({ port }, at) => ({ name: `r${at}`, url: `http://127.0.0.1:${port}` }));
  const origins = [
    { origin: 'http://data.example', routes },
    { origin: origin.url, routes },
  ];
  proxy = owned.use(await startProxy({ host: '127.0.0.1', port: 0, origins }));
});
afterAll(() => owned.disposeAsync());

type Ran = { code: number | null; stdout: string; stderr: string };

/** Runs a program that finds its proxy in the environment. */
async function run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const proxies = { http_proxy: proxy.url, HTTP_PROXY: proxy.url, https_proxy: proxy.url, no_proxy: '', NO_PROXY: '' };
  const child = spawn(command, args, {
    cwd: folder.file('.'),
    env: { ...process.env, ...proxies, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number | null, stdout, stderr };
}

async function digestOf(name: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(folder.file(name)))
    .digest('hex');
}

function has(command: string, ...args: string[]): boolean {
  return spawnSync(command, args.length === 0 ? ['--version'] : args, { stdio: 'ignore' }).status === 0;
}

/** What a program does, or why it is skipped. */
function programs(command: string, installed: boolean, tests: () => void): void {
  describe.skipIf(!installed)(installed ? command : `${command} (is not installed here)`, tests);
}

const carried = (): number[] => links.map(({ carriedBytes }) => carriedBytes.down);

programs('curl', has('curl'), () => {
  test('gets an object over both routes', async () => {
    const before = carried();
    expect((await run('curl', ['-sS', '-o', 'curl.bin', `${SITE}/a.bin`])).code).toBe(0);
    expect(await digestOf('curl.bin')).toBe(digest);
    for (const [at, bytes] of carried().entries()) expect(bytes - (before[at] ?? 0)).toBeGreaterThan(100_000);
  });
  test('goes on with half a file', async () => {
    await writeFile(folder.file('half.bin'), content.subarray(0, 1_234_567));
    expect((await run('curl', ['-sS', '-C', '-', '-o', 'half.bin', `${SITE}/a.bin`])).code).toBe(0);
    expect(await digestOf('half.bin')).toBe(digest);
  });
  test('asks for several things on one connection', async () => {
    const urls = [`${SITE}/small.txt`, `${SITE}/small.txt`, `${SITE}/small.txt`];
    const { stdout } = await run('curl', ['-sS', '-w', '%{num_connects} ', ...urls]);
    expect(stdout).toBe('small\n1 small\n0 small\n0 ');
  });
  test('sees a 404, a 304 and a HEAD', async () => {
    const status = ['-sS', '-o', 'out', '-w', '%{http_code} %{size_download}'];
    expect((await run('curl', [...status, `${SITE}/missing`])).stdout).toMatch(/^404 [1-9]/);
    expect((await run('curl', [...status, '-z', 'Fri, 01 Jan 2100 00:00:00 GMT', `${SITE}/a.bin`])).stdout).toBe(
      '304 0',
    );
    expect((await run('curl', [...status, '-I', `${SITE}/a.bin`])).stdout).toBe('200 0');
  });
  test('fails with the same code where nobody listens inside a tunnel', async () => {
    const { code } = await run('curl', ['-sS', '-p', 'http://127.0.0.1:1/']);
    expect(code).toBe(56);
  });
  test('passes a tunnel', async () => {
    const { stdout } = await run('curl', ['-sS', '-p', `${origin.url}/livez`]);
    expect(stdout).toBe('ok\n');
  });
  test('asks the gateway', async () => {
    expect((await run('curl', ['-sS', '--noproxy', '*', '-o', 'gateway.bin', `${proxy.url}/o/a.bin`])).code).toBe(0);
    expect(await digestOf('gateway.bin')).toBe(digest);
  });
});

programs('wget', has('wget'), () => {
  test('gets an object, and its timestamp', async () => {
    expect((await run('wget', ['-q', '-O', 'wget.bin', `${SITE}/a.bin`])).code).toBe(0);
    expect(await digestOf('wget.bin')).toBe(digest);
    const { code, stderr } = await run('wget', ['-N', `${SITE}/small.txt`]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('saved')]);
    expect((await run('wget', ['-N', `${SITE}/small.txt`])).stderr).toMatch(/not modified|not retrieving/);
  });
  test('fails for what is not there', async () => {
    expect((await run('wget', ['-q', `${SITE}/missing`])).code).toBe(8);
  });
});

programs('aria2c', has('aria2c'), () => {
  test('splits by itself, what is split again here', async () => {
    const args = ['-q', '-x4', '-s4', '-k1M', '--no-conf', '-o', 'aria.bin', `${SITE}/a.bin`];
    expect((await run('aria2c', args)).code).toBe(0);
    expect(await digestOf('aria.bin')).toBe(digest);
  });
});

programs('python3', has('python3'), () => {
  const script = (url: string): string => `
import hashlib, urllib.request
with urllib.request.urlopen("${url}") as answer:
    print(answer.status, answer.headers["Content-Length"], hashlib.sha256(answer.read()).hexdigest())
`;
  test('urllib', async () => {
    const { stdout, stderr } = await run('python3', ['-c', script(`${SITE}/a.bin`)]);
    expect([stderr, stdout]).toEqual(['', `200 3000001 ${digest}\n`]);
    expect((await run('python3', ['-c', script(`${SITE}/missing`)])).stderr).toContain('HTTP Error 404: Not Found');
  });
});

programs('git', has('git'), () => {
  test('clones over http', async () => {
    const { code, stderr } = await run('git', ['clone', '-q', `${origin.url}/v1/objects/repository.git`, 'clone']);
    expect([code, stderr]).toEqual([0, '']);
    expect(await digestOf('clone/a.bin')).toBe(digest);
  });
});

programs('apt', has('/usr/lib/apt/apt-helper', '--version'), () => {
  test('downloads a file and checks it', async () => {
    const options = ['-o', `Acquire::http::Proxy=${proxy.url}`, '-o', 'APT::Sandbox::User=root'];
    const args = [...options, 'download-file', `${SITE}/a.bin`, folder.file('apt.bin'), `SHA256:${digest}`];
    const { code, stderr } = await run('/usr/lib/apt/apt-helper', args);
    expect([code, stderr]).toEqual([0, '']);
    expect(await digestOf('apt.bin')).toBe(digest);
  });
});

programs('npm', has('npm'), () => {
  test('packs a package from its URL', async () => {
    const args = ['pack', '--silent', '--proxy', proxy.url, `${SITE}/package.tgz`];
    const { code, stdout } = await run('npm', args, { npm_config_cache: folder.file('npm-cache') });
    expect([code, stdout.trim()]).toEqual([0, 'woven-1.2.3.tgz']);
    expect(await readdir(folder.file('.'))).toContain('woven-1.2.3.tgz');
  }, 60_000);
});

programs('ffprobe', has('ffprobe', '-version'), () => {
  test('reads a film with seeks', async () => {
    const args = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', `${proxy.url}/o/film.mp4`];
    const { code, stdout } = await run('ffprobe', args, { http_proxy: '' });
    expect([code, Math.round(Number(stdout))]).toEqual([0, 3]);
  });
});

/** A bare repository with one commit of one large file, as a plain file server shows it. */
async function makeRepository(): Promise<void> {
  const work = folder.file('work');
  await mkdir(work);
  await writeFile(`${work}/a.bin`, content);
  const who = ['-c', 'user.name=A', '-c', 'user.email=a@example.invalid'];
  const bare = folder.file('objects/repository.git');
  for (const args of [
    ['init', '-q', work],
    ['-C', work, 'add', 'a.bin'],
    ['-C', work, ...who, 'commit', '-q', '-m', 'one'],
    ['clone', '-q', '--bare', work, bare],
    ['-C', bare, 'update-server-info'],
  ]) {
    spawnSync('git', args, { stdio: 'ignore', env: { ...process.env, GIT_CONFIG_GLOBAL: '', GIT_CONFIG_SYSTEM: '' } });
  }
}

/** An npm package as a tarball. */
async function makePackage(): Promise<void> {
  await mkdir(folder.file('package'));
  await writeFile(folder.file('package/package.json'), JSON.stringify({ name: 'woven', version: '1.2.3' }));
  await writeFile(folder.file('package/a.bin'), content.subarray(0, 200_000));
  spawnSync('tar', ['-czf', folder.file('objects/package.tgz'), 'package'], { cwd: folder.file('.'), stdio: 'ignore' });
}

/** Three seconds of a film, where ffmpeg is there to make one. */
async function makeFilm(): Promise<void> {
  const source = ['-f', 'lavfi', '-i', 'testsrc=duration=3:size=320x240:rate=10'];
  spawnSync('ffmpeg', ['-v', 'error', ...source, folder.file('objects/film.mp4')], { stdio: 'ignore' });
}
