// The scripts for long runs, called wrongly: one line that says what to do, exit code 2, no stack; and with --help, a usage.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
/** Those that say they read their options in this way. */
const CALLS: readonly (readonly [string, readonly string[]])[] = Object.entries(scripts).flatMap(([name, line]) => {
  const [program, ...args] = line.split(' ');
  const file = args.at(-1) ?? '';
  if (program !== 'node' || !/^test\/(?:chaos|fuzz|soak|simulation)\//.test(file)) return [];
  return [[name, args] as const];
});

function run(args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>();
  execFile(process.execPath, args, { cwd: ROOT }, (error, stdout, stderr) => {
    resolve({ code: error === null ? 0 : error.code, stdout, stderr });
  });
  return promise;
}

test('there are such scripts', () => {
  expect(CALLS.map(([name]) => name)).toEqual(
    expect.arrayContaining(['chaos', 'crowd', 'resume', 'soak', 'fuzz', 'simulate', 'simulate:random']),
  );
});

test.each(CALLS)('npm run %s: --help says what it can be told, another option is one line', async (name, args) => {
  const [helped, mistaken] = await Promise.all([run([...args, '--help']), run([...args, '--no-such-thing'])]);
  expect(helped).toMatchObject({ code: 0, stderr: '' });
  expect(helped.stdout.startsWith(`npm run ${name} -- [OPTION …]\n\n  --`)).toBe(true);
  expect(mistaken).toMatchObject({ code: 2, stdout: '' });
  expect(mistaken.stderr).toMatch(/^Unknown option [^\n]+; see npm run [\w:]+ -- --help\n$/);
});

test.each([
  ['--runs', 'x', 'a whole number, at least 1'],
  ['--runs', '0', 'a whole number, at least 1'],
  ['--seed', '-1', 'ambiguous'],
  ['--seed=-1', '', 'a whole number, at least 0'],
])('%s %s is one line', async (option, value, wanted) => {
  const { code, stdout, stderr } = await run(['test/chaos/resume.ts', option, value].filter(Boolean));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^[^\n]+; see npm run resume -- --help\n$/);
  expect(stderr).toContain(wanted);
});
