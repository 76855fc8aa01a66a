// What users do wrong: each ends with the documented exit code and one clear line on standard error, without a stack
// trace, and leaves nothing behind under the final name.
import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NONSENSE, startNonsense } from '../support/false-relay.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { expectOneLine } from '../support/one-line.ts';
import { heddle } from '../support/program.ts';
import { refusingPort, startRelayProgram } from '../support/servers.ts';
import { lastLine, startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';
import { MISTAKES, SIZE } from './mistakes.ts';

const owned = new AsyncDisposableStack();
let world: World;
/** Placeholders of the table and what they stand for. */
let values: Readonly<Record<string, string>>;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': objectBytes(SIZE, 1) }));
  const relay = owned.use(await startRelayProgram({ main: world.origin.url }));
  const answer = NONSENSE['something that is not HTTP'] ?? ((): void => undefined);
  const nonsense = owned.use(await startNonsense(answer));
  const page = owned.use(await startNonsense(NONSENSE['HTTP 200 with a page'] ?? answer));
  await mkdir(world.output('folder'));
  await mkdir(world.output('taken.part'));
  const file = (name: string): string => world.folder.file(name);
  await writeFile(file('not-yaml'), 'routes:\n  - name: a\n   url: http://127.0.0.1\n');
  await writeFile(file('unknown-word'), 'routes:\n  - name: a\n    adress: http://127.0.0.1\n');
  await writeFile(file('no-url'), 'routes:\n  - name: a\n');
  await writeFile(file('empty'), '');
  await writeFile(file('bad-key'), '{"kty":"RSA"}');
  values = {
    RELAY: `${relay.url}/v1/via/main`,
    UNKNOWN: `${relay.url}/v1/via/nobody`,
    REFUSING: `http://127.0.0.1:${await refusingPort()}`,
    REFUSING_TOO: `http://127.0.0.1:${await refusingPort()}`,
    NONSENSE: nonsense.url,
    PAGE: page.url,
    OUT: world.output('out.bin'),
    OUTPUTS: world.output(''),
    FILES: world.folder.file(''),
  };
});
afterAll(() => owned.disposeAsync());

test.each(MISTAKES)('$name: exit $exit, one line, nothing left behind', async ({ args, exit, says }) => {
  const before = await world.outputs();
  const outcome = await heddle(['get', ...args.split(' ').map(filled)]);
  expectOneLine(outcome, exit);
  expect(outcome.stderr).toMatch(says);
  expect(outcome.stdout.length).toBe(0);
  expect(await world.outputs()).toEqual(before);
});

const ONE_OF_EACH_CODE = MISTAKES.filter(({ code }, at) => MISTAKES.findIndex((other) => other.code === code) === at);

test.each([...ONE_OF_EACH_CODE, ...MISTAKES.slice(-4)])(
  '$name: with --json the last line says $code',
  async ({ args, exit, code, says }) => {
    const outcome = await heddle(['get', ...args.split(' ').map(filled), '--json']);
    expect(outcome).toMatchObject({ code: exit, stderr: '' });
    expect(lastLine(outcome)).toMatchObject({ type: 'error', code });
    expect(lastLine(outcome).message).toMatch(says);
  },
);

function filled(word: string): string {
  return word.replaceAll(/\$([A-Z_]+)/g, (_, name: string) => values[name] ?? name);
}
