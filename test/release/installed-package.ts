// The package as somebody else gets it: packed by npm, installed by npm into an empty folder far from the checkout. Owns
// the npm commands and what to say where the registry cannot be reached; what the package does is the tests' business.
import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

const ROOT: string = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** What npm says where nobody answers, or where it may not ask. */
const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/;
const NPM_TIMEOUT_MS = 240_000;

/** Where it was installed. */
export type InstalledPackage = AsyncDisposable & {
  readonly folder: TemporaryFolder;
  readonly tarball: string;
  /** The command that npm linked. */
  readonly command: string;
};

/** Packs the checkout into `folder`, which builds it, and gives the path of the tarball. */
export async function packInto(folder: string): Promise<string> {
  await npm(['pack', '--pack-destination', folder], ROOT);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack has left no tarball');
  return join(folder, tarball);
}

/** Installs the checkout's tarball, and `others` beside it; a text says why that cannot be done here. */
export async function installPackage(others: readonly string[] = []): Promise<InstalledPackage | string> {
  await using stack = new AsyncDisposableStack();
  const packed = stack.use(await temporaryFolder());
  const folder = stack.use(await temporaryFolder());
  const tarball = await packInto(packed.path);
  await writeFile(folder.file('package.json'), '{"name":"somebody-elses","version":"1.0.0","type":"module"}\n');
  try {
    await npm(['install', '--prefer-offline', '--ignore-scripts', tarball, ...others], folder.path);
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    if (!UNREACHABLE.test(stderr)) throw error;
    return 'the registry cannot be reached, from which npm takes the dependencies';
  }
  const owned = stack.move();
  return {
    folder,
    tarball,
    command: folder.file('node_modules/.bin/heddle'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  const PATH = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  await run('npm', [...args, ...quiet], { cwd, timeout: NPM_TIMEOUT_MS, env: { ...process.env, PATH } });
}
