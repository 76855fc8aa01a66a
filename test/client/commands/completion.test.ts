// Completions as a shell gives them: the printed script in a real bash, compared with what the help of every command says.
// Of zsh and fish the grammar is checked where they are installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectOneLine } from '../../support/one-line.ts';
import { heddle } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import type { TemporaryFolder } from '../../support/temporary-folder.ts';

/** Lets bash say what it would offer for these words, with the cursor behind the last. */
const ASK = `
source "$1"; shift
complete -p heddle >/dev/null || exit 1
while [[ $# -gt 0 ]]; do
  IFS=$'\\t' read -r -a COMP_WORDS <<<"$1"; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); shift
  [[ \${COMP_WORDS[COMP_CWORD]} == '∅' ]] && COMP_WORDS[COMP_CWORD]=''
  _heddle heddle "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
  (IFS=$'\\t'; echo "\${COMPREPLY[*]}")
done`;

/** Every command that has flags of its own. */
const COMMANDS = ['', 'get', 'verify', 'routes', 'origin', 'relay', 'proxy', 'config', 'config check'].concat([
  ...['config schema', 'keygen', 'token', 'completion', 'demo'],
]);

const owned = new AsyncDisposableStack();
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = owned.use(await temporaryFolder());
  await mkdir(folder.file('some folder'));
  await writeFile(folder.file('some file.yaml'), '');
  await writeFile(folder.file('other'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout, code } = await heddle(['completion', shell]);
    expect(code).toBe(0);
    await writeFile(folder.file(`.${shell}`), stdout);
  }
});
afterAll(() => owned.disposeAsync());

/** What bash offers behind `heddle` and each of these lines; an empty word stands at the end of one with a blank. */
function offered(...typed: readonly string[]): string[][] {
  const words = typed.map((line) => ['heddle', ...line.split(' ').map((word) => word || '∅')].join('\t'));
  const said = execFileSync('bash', ['--norc', '-c', ASK, 'ask', folder.file('.bash'), ...words], {
    cwd: folder.path,
    encoding: 'utf8',
  });
  return said
    .split('\n')
    .slice(0, typed.length)
    .map((line) => line.split('\t').filter(Boolean).sort());
}

test('every flag and command that the help tells is offered, and nothing else', async () => {
  for (const command of COMMANDS) {
    const { stdout } = await heddle([...command.split(' ').filter(Boolean), '--help']);
    const help = stdout.toString();
    const flags = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag = '']) => flag);
    const names = [...(help.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    const before = command === '' ? '' : `${command} `;
    const [dashes, blank = []] = offered(`${before}--`, before);
    expect([command, dashes]).toEqual([command, flags.toSorted()]);
    if (names.length > 0) expect([command, blank]).toEqual([command, names.toSorted()]);
  }
});

test('values: files with blanks, folders only, one of some words, or nothing that a shell could know', () => {
  const files = ['.bash', '.fish', '.zsh', 'other', 'some file.yaml', 'some folder'];
  const questions: readonly (readonly [string, readonly string[]])[] = [
    ['get k -o some', ['some file.yaml', 'some folder']],
    ['get k --config = some', ['some file.yaml', 'some folder']],
    ['get k --config =', files],
    ['verify o', ['other']],
    ['origin --dir some', ['some folder']],
    ['get k --if-changed ', ['fail', 'restart']],
    ['get k --if-changed r', ['restart']],
    ['config schema --role ', ['client', 'origin', 'relay']],
    ['config check --role = r', ['relay']],
    ['completion ', ['bash', 'fish', 'zsh']],
    ['get --route ', []],
    ['get --route relay --js', ['--json']],
    ['config c', ['check']],
    ['nonsense', []],
  ];
  expect(offered(...questions.map(([typed]) => typed))).toEqual(questions.map(([, expected]) => expected));
});

test('at a terminal, the tab key completes', (context) => {
  if (spawnSync('script', ['--version']).status !== 0) context.skip('no `script` of util-linux, so no terminal');
  const typed = `source .bash\nheddle verify --ro\t"x" oth\t\necho heddle ge\t\nexit\n`;
  const { stdout } = spawnSync('script', ['-qc', 'bash --norc --noprofile -i', '/dev/null'], {
    cwd: folder.path,
    input: `heddle() { echo "given:$*"; }\n${typed}`,
    encoding: 'utf8',
    env: { ...process.env, PS1: '> ', HISTFILE: '', TERM: 'dumb' },
    timeout: 20_000,
  });
  expect(stdout).toContain('given:verify --root x other');
});

test.for(['zsh', 'fish'])('%s takes the script', (shell, context) => {
  if (spawnSync(shell, ['--version']).status !== 0) context.skip(`${shell} is not installed`);
  const { status, stderr } = spawnSync(shell, ['-n', folder.file(`.${shell}`)], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('for a shell that is not known: one line', async () => {
  expectOneLine(await heddle(['completion', 'tcsh']), 1);
  expectOneLine(await heddle(['completion']), 1);
});

test.each(['get', 'routes', 'origin', 'relay', 'proxy', 'completion'])(
  'the help of %s ends with examples, whose flags there are',
  async (command) => {
    const { stdout } = await heddle([command, '--help']);
    const [told = '', examples = ''] = stdout.toString().split('\nExamples:\n');
    const lines = examples.trim().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines.length).toBeLessThanOrEqual(4);
    const own = lines.filter((line) => line.includes(`heddle ${command}`));
    expect(own.length).toBeGreaterThan(0);
    for (const [flag] of own.join('\n').matchAll(/--[a-z][a-z-]*/g)) expect(told).toContain(`${flag} `);
  },
);
