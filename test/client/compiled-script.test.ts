// A script that has run once starts with the code of its first run, and only with what this user has written, whole.
import { execFile } from 'node:child_process';
import { chown, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const MODULE = join(import.meta.dirname, '../../client/compiled-script.ts');
const SCRIPT = `const { basename } = require('node:path');
exports.answer = async () => {
  const { pid } = require('node:process');
  return [basename(__filename), pid > 0, requireBeside('./beside.mjs').told].join();
};
`;

type Said = { readonly stdout: string; readonly stderr: string };

/** What another process says of the script: its answer, and whether its code was there. */
async function start(folder: TemporaryFolder, { keep = true, code = 0 } = {}): Promise<string> {
  const program = `import { runCompiled } from ${JSON.stringify(MODULE)};
    const [file, folder] = process.argv.slice(1);
    const { exports, isKept } = runCompiled(file, folder);
    console.log(await exports.answer(), isKept);
    process.exitCode = ${code};`;
  const given = keep ? [folder.file('script.cjs'), folder.file('code')] : [folder.file('script.cjs')];
  const args = ['--input-type=module', '--eval', program, ...given];
  const { stdout, stderr } = await run(process.execPath, args).catch((error: unknown) => error as Said);
  expect(stderr).toBe('');
  return stdout.trim();
}

async function codeIn(folder: TemporaryFolder): Promise<string[]> {
  return (await readdir(folder.file('code'))).map((name) => folder.file(`code/${name}`));
}

async function withScript(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await run('mkdir', [folder.file('code')]);
  await writeFile(folder.file('script.cjs'), SCRIPT);
  await writeFile(folder.file('beside.mjs'), "export const told = 'beside';\n");
  return folder;
}

test('the second run has the code of the first', async () => {
  await using folder = await withScript();
  expect(await start(folder)).toBe('script.cjs,true,beside false');
  const [kept = '', ...others] = await codeIn(folder);
  expect(others).toEqual([]);
  expect((await stat(kept)).mode & 0o777).toBe(0o600);
  const written = await readFile(kept);
  expect(await start(folder)).toBe('script.cjs,true,beside true');
  expect((await readFile(kept)).equals(written)).toBe(true);
});

test('nothing is kept of a run that failed, nor where no folder is', async () => {
  await using folder = await withScript();
  expect(await start(folder, { code: 1 })).toBe('script.cjs,true,beside false');
  expect(await start(folder, { keep: false })).toBe('script.cjs,true,beside false');
  expect(await codeIn(folder)).toEqual([]);
});

test('another script of the same length has code of its own', async () => {
  await using folder = await withScript();
  await start(folder);
  await writeFile(folder.file('script.cjs'), SCRIPT.replace('pid > 0', 'pid < 0'));
  expect(await start(folder)).toBe('script.cjs,false,beside false');
  expect(await start(folder)).toBe('script.cjs,false,beside true');
  expect(await codeIn(folder)).toHaveLength(2);
});

test('code that is cut off or changed is not run, and made anew', async () => {
  await using folder = await withScript();
  await start(folder);
  const [kept = ''] = await codeIn(folder);
  const whole = await readFile(kept);
  const changed = Buffer.from(whole);
  changed[whole.length - 100] = (changed[whole.length - 100] ?? 0) ^ 1;
  for (const spoil of [
    () => writeFile(kept, changed),
    () => truncate(kept, whole.length / 2),
    () => truncate(kept, 0),
  ]) {
    await spoil();
    expect(await start(folder)).toBe('script.cjs,true,beside false');
    expect(await start(folder)).toBe('script.cjs,true,beside true');
  }
});

test('code that somebody else has written is not run', async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('only root can give a file away');
  await using folder = await withScript();
  await start(folder);
  const [kept = ''] = await codeIn(folder);
  await chown(kept, 1, 1);
  expect(await start(folder)).toBe('script.cjs,true,beside false');
});

test('a built-in module is loaded when something of it is used, and the clock is the one of a start', async () => {
  await using folder = await withScript();
  const script = `const dgram = require('node:dgram');
    const isLoaded = () => process.moduleLoadList.includes('NativeModule dgram');
    exports.answer = () => {
      const before = [isLoaded(), dgram.__esModule, isLoaded(), performance === globalThis.performance];
      return [...before, typeof dgram.createSocket, isLoaded(), Object.keys(dgram).length].join();
    };`;
  await writeFile(folder.file('script.cjs'), script);
  expect(await start(folder)).toBe('false,,false,false,function,true,0 false');
});
