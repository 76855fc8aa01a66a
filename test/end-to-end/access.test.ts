// Access as an operator sets it up: keys by `heddle keygen`, a relay and an origin told by files, tokens by `heddle token`,
// downloads by `heddle get`. What a token does not cover ends with the documented exit code; nothing secret is printed.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Outcome, Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { lastLine } from '../support/world.ts';

const SIZE = 2_000_000;
const owned = new AsyncDisposableStack();
let folder: TemporaryFolder;
let relayUrl: string;
let originUrl: string;
let programs: Program[];

beforeAll(async () => {
  folder = owned.use(await temporaryFolder());
  await mkdir(folder.file('data/open'), { recursive: true });
  await mkdir(folder.file('data/closed'));
  await writeFile(folder.file('data/open/a.bin'), objectBytes(SIZE, 1));
  await writeFile(folder.file('data/closed/b.bin'), objectBytes(SIZE, 2));
  expect((await run('keygen --out ops')).code).toBe(0);
  expect((await run('keygen --out strangers')).code).toBe(0);
  await writeFile(
    folder.file('origin.yaml'),
    'dir: data\nstateDir: state\nlisten: 127.0.0.1:0\ntokenKeys: ops.public.jwks\n',
  );
  const origin = owned.use(startProgram(['origin', '--config', folder.file('origin.yaml')], { tethered: true }));
  originUrl = (await origin.said(/ on (http:\S+)/))[1] ?? '';
  await writeFile(
    folder.file('relay.yaml'),
    `listen: 127.0.0.1:0\nupstreams: {main: "${originUrl}"}\ntokenKeys: ops.public.jwks\n`,
  );
  const relay = owned.use(startProgram(['relay', '--config', folder.file('relay.yaml')], { tethered: true }));
  relayUrl = (await relay.said(/ on (http:\S+)/))[1] ?? '';
  programs = [origin, relay];
});
afterAll(() => owned.disposeAsync());

const run = (args: string, env: Record<string, string> = {}): Promise<Outcome> =>
  heddle(args.split(' '), { cwd: folder.path, env });

async function issue(flags: string, key = 'ops'): Promise<string> {
  const { code, stdout, stderr } = await run(
    `token --key ${key}.private.jwk ${flags} --for 10min`.replaceAll(/ +/g, ' '),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.toString().trim();
}

async function get(key: string, token: string | undefined): Promise<Outcome> {
  const config = `routes:\n  - {name: relay, url: "${relayUrl}/v1/via/main"}\n  - {name: direct, url: "${originUrl}"}\n`;
  await writeFile(folder.file('client.yaml'), config + (token === undefined ? '' : `token: ${token}\n`));
  return run(`get ${key} -o out.bin --config client.yaml --json`);
}

describe('a token', () => {
  test('opens relay and origin to a verified download', async () => {
    const outcome = await get('open/a.bin', await issue('--prefix open/ --upstream main'));
    expect(outcome.stderr).toBe('');
    expect(outcome.code).toBe(0);
    expect(lastLine(outcome)).toMatchObject({ type: 'done', bytes: SIZE, verified: true });
    expect((await readFile(folder.file('out.bin'))).equals(objectBytes(SIZE, 1))).toBe(true);
  });

  test('may come from the environment', async () => {
    const HEDDLE__CLIENT__TOKEN = await issue('');
    const HEDDLE__CLIENT__ROUTES = `[{name: relay, url: "${relayUrl}/v1/via/main"}]`;
    const outcome = await run('get closed/b.bin -o env.bin --quiet', { HEDDLE__CLIENT__TOKEN, HEDDLE__CLIENT__ROUTES });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect((await readFile(folder.file('env.bin'))).equals(objectBytes(SIZE, 2))).toBe(true);
  });

  test.each<[name: string, key: string, flags: string | undefined, signer: string]>([
    ['is missing', 'open/a.bin', undefined, 'ops'],
    ['is for another prefix', 'closed/b.bin', '--prefix open/', 'ops'],
    ['is for another audience', 'open/a.bin', '--audience somebody', 'ops'],
    ['is signed by strangers', 'open/a.bin', '', 'strangers'],
  ])('that %s opens nothing', async (_, key, flags, signer) => {
    const token = flags === undefined ? undefined : await issue(flags, signer);
    const outcome = await get(key, token);
    expect(lastLine(outcome)).toMatchObject({ type: 'error' });
    expect(outcome.code).toBe(5);
    expect(outcome.stdout.toString()).toMatch(/refused/);
    if (token !== undefined) expect(outcome.stdout.toString() + outcome.stderr).not.toContain(token.slice(-20));
  });
});

test('a token that is renewed in its file carries a transfer past the end of the first', async () => {
  const put = async (seconds: number): Promise<void> => {
    const { code } = await run(`token --key ops.private.jwk --for ${seconds}s --out renewed.token`);
    expect(code).toBe(0);
  };
  await put(4);
  const thin = await startLink({ target: { port: Number(new URL(relayUrl).port) }, megabitsPerSecond: 2, delayMs: 1 });
  await using _ = thin;
  const download = run(
    `get open/a.bin -o renewed.bin --json --token-file renewed.token --route r=http://127.0.0.1:${thin.port}/v1/via/main`,
  );
  await put(600);
  const outcome = await download;
  expect(lastLine(outcome)).toMatchObject({ type: 'done', bytes: SIZE, verified: true });
  expect((await readFile(folder.file('renewed.bin'))).equals(objectBytes(SIZE, 1))).toBe(true);
});

test('no server has printed a token or a key', async () => {
  const token = await issue('');
  await get('open/a.bin', token);
  await fetch(`${relayUrl}/v1/via/main/v1/objects/open/a.bin?token=${token}`, {
    headers: { Authorization: `Bearer ${token}x` },
  });
  const { d } = JSON.parse(await readFile(folder.file('ops.private.jwk'), 'utf8')) as { d: string };
  const said = programs.map((program) => program.stdout.toString() + program.stderr).join('');
  expect(said).toMatch(/listening on/);
  for (const secret of [token, token.split('.')[2] ?? token, d]) expect(said).not.toContain(secret);
});
