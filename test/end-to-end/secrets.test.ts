// Secrets stay where they belong: whatever is asked with a token or a password, in whatever way it fails, nothing that anybody
// prints, answers, counts or keeps holds it. Servers and commands as processes, told by files.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Outcome, Program } from '../support/program.ts';
import { sendRaw } from '../support/raw-request.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

const PASSWORD = 'pass-that-is-secret';
const owned = new AsyncDisposableStack();
let folder: TemporaryFolder;
let servers: Program[];
let urls: { origin: string; relay: string; proxy: string };
let admins: string[];
/** Everything that was seen in the world outside. */
const seen: string[] = [];

beforeAll(async () => {
  folder = owned.use(await temporaryFolder());
  await mkdir(folder.file('data'));
  await writeFile(folder.file('data/a.bin'), objectBytes(300_000, 1));
  await run('keygen', '--out', 'ops');
  await run('keygen', '--out', 'strangers');
  const start = (role: string, yaml: string, ...more: string[]): Promise<Program> => startServer(role, yaml, more);
  const origin = await start('origin', 'dir: data\nstateDir: state\nlisten: 127.0.0.1:0\n' + GUARDED);
  const originUrl = (await origin.said(/ on (http:[^,\s]+)/))[1] ?? '';
  const relay = await start('relay', `listen: 127.0.0.1:0\nupstreams: {main: "${originUrl}"}\n${GUARDED}`);
  const relayUrl = (await relay.said(/ on (http:[^,\s]+)/))[1] ?? '';
  await writeFile(folder.file('proxy.token'), await issue('ops', '10min'));
  const routes = `routes:\n  - {name: relay, url: "${relayUrl}/v1/via/main"}\ntokenFile: proxy.token\n`;
  const proxy = await start('proxy', routes, '--listen', '127.0.0.1:0');
  servers = [origin, relay, proxy];
  urls = { origin: originUrl, relay: relayUrl, proxy: (await proxy.said(/ on (http:[^,\s]+)/))[1] ?? '' };
  admins = await Promise.all(
    [origin, relay].map(async (one) => (await one.said(/admin (?:on )?(http:[^\s)]+)/))[1] ?? ''),
  );
});
afterAll(() => owned.disposeAsync());

const GUARDED = 'admin: 127.0.0.1:0\ntokenKeys: ops.public.jwks\n';

async function startServer(role: string, yaml: string, more: readonly string[]): Promise<Program> {
  await writeFile(folder.file(`${role}.yaml`), yaml);
  const env = { XDG_STATE_HOME: folder.file('memory') };
  return owned.use(startProgram([role, '--config', folder.file(`${role}.yaml`), ...more], { tethered: true, env }));
}

/** Runs a command and keeps what it said. */
async function run(...args: string[]): Promise<Outcome> {
  const outcome = await heddle(args, { cwd: folder.path, env: { XDG_STATE_HOME: folder.file('memory') } });
  seen.push(outcome.stdout.toString(), outcome.stderr);
  return outcome;
}

/** A token that nobody has seen yet: it goes to a file. */
async function issue(key: string, time: string): Promise<string> {
  const args = ['token', '--key', `${key}.private.jwk`, '--for', time, '--out', 'issued.token'];
  expect((await run(...args)).code).toBe(0);
  return (await readFile(folder.file('issued.token'), 'utf8')).trim();
}

test('no output, answer, metric or file outside holds a token, a key or a password', async () => {
  const [good, strange] = [await issue('ops', '10min'), await issue('strangers', '10min')];
  const secrets = [PASSWORD, Buffer.from(`user:${PASSWORD}`).toString('base64')];
  for (const token of [good, strange, (await readFile(folder.file('proxy.token'), 'utf8')).trim()]) {
    secrets.push(token, token.split('.')[1] ?? '', token.split('.')[2] ?? '');
  }
  for (const name of ['ops', 'strangers']) {
    secrets.push((JSON.parse(await readFile(folder.file(`${name}.private.jwk`), 'utf8')) as { d: string }).d);
  }

  for (const [file, token] of Object.entries({ good, strange, broken: `${good} ${good}` })) {
    await writeFile(folder.file(`${file}.token`), token);
    const how = ['--token-file', `${file}.token`, '--route', `r=${urls.relay}/v1/via/main`];
    await run('get', 'a.bin', '-o', `${file}.bin`, '--json', ...how);
    await run('get', 'none.bin', '-o', `${file}.none`, ...how);
    await run('routes', 'a.bin', ...how);
    await run('routes', '--json', ...how);
  }
  await writeFile(folder.file('client.yaml'), `token: ${good}\nroutes: [{name: r, url: "${urls.origin}"}]\n`);
  expect((await run('config', 'check', 'client.yaml', '--role', 'client', '--effective')).code).toBe(0);
  await writeFile(folder.file('wrong.yaml'), `token: [${good}]\ntokn: ${good}\n${OTHER_MISTAKES}`);
  expect((await run('config', 'check', 'wrong.yaml', '--role', 'client')).code).toBe(2);
  const withPassword = urls.origin.replace('http://', `http://user:${PASSWORD}@`);
  await run('get', 'a.bin', '-o', 'p.bin', '--route', `r=${withPassword}`);
  await run('get', `${withPassword}/v1/objects/a.bin`, '-o', 'p.bin', '--json');
  await run('relay', '--listen', '127.0.0.1:0', '--insecure-open', '--upstream', `main=${withPassword}`);
  await run('proxy', '--listen', '127.0.0.1:0', '--origin', withPassword, '--route', `r=${urls.origin}`);

  const head = (lines: string): string => `Host: x\r\n${lines}Connection: close\r\n\r\n`;
  for (const [url, path] of [
    [urls.origin, '/v1/objects/a.bin'],
    [urls.relay, '/v1/via/main/v1/objects/a.bin'],
    [urls.relay, '/v1/via/none/v1/objects/a.bin'],
    [urls.proxy, '/o/a.bin'],
    [urls.proxy, `${urls.relay}/v1/via/main/v1/objects/a.bin`],
  ] as const) {
    const port = Number(new URL(url).port);
    for (const token of url === urls.proxy ? [good] : [good, strange]) {
      const Authorization = `Authorization: Bearer ${token}\r\n`;
      // what somebody puts into an address is his own answer's business, but nobody else's
      const inAddress = [`${path}?token=${token}`, `/${token}`];
      await Promise.all(inAddress.map((target) => sendRaw(port, `GET ${target} HTTP/1.1\r\n${head('')}`)));
      const ways = [Authorization.repeat(2), `Authorization: Basic ${token}\r\n`, `Cookie: t=${token}\r\n`];
      const texts = [Authorization, ...ways].flatMap((lines) => [
        `GET ${path} HTTP/1.1\r\n${head(lines)}`,
        `GET ${path} HTTP/1.1\r\n${head(`${lines}Connection: Upgrade\r\nUpgrade: heddle/1\r\n`)}`,
        `PATCH ${path} HTTP/9.9\r\n${head(lines)}`,
        `GET ${path} HTTP/1.1\r\n${head(`${lines}X: ${'x'.repeat(40_000)}\r\n`)}`,
      ]);
      seen.push(...(await Promise.all(texts.map((text) => sendRaw(port, text)))).map(withoutObject));
    }
  }
  for (const admin of admins) seen.push(await (await fetch(`${admin}/metrics`)).text());
  for (const server of servers) {
    server.signal('SIGINT');
    const { stdout, stderr } = await server.ended;
    seen.push(stdout.toString(), stderr);
  }
  for (const file of await filesIn(folder.file('memory'))) seen.push(await readFile(file, 'latin1'));
  for (const file of await filesIn(folder.file('state'))) {
    if (!file.endsWith('.jwk') && !file.endsWith('.pem')) seen.push(await readFile(file, 'latin1'));
  }

  expect(seen.length).toBeGreaterThan(100);
  expect(seen.join('\n')).toMatch(/"type":"done"[^]*heddle_relay_refused_total/);
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(10);
    const where = seen.find((text) => text.includes(secret));
    expect(where, `holds ${secret}`).toBeUndefined();
  }
}, 60_000);

const OTHER_MISTAKES = `routes:
  - {name: a, url: "http://user:${PASSWORD}@a b"}
  - {name: b, url: "ftp://user:${PASSWORD}@b"}
  - {name: c, url: "http://user:${PASSWORD}@c"}
`;

/** The head of an answer and what stands behind it unless that is the object. */
function withoutObject(answer: string): string {
  return answer.startsWith('HTTP/1.1 200') ? (answer.split('\r\n\r\n')[0] ?? '') : answer;
}

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
