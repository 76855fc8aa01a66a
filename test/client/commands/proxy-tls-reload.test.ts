// Certificates of a running proxy that are renewed: an origin lets in who shows the right one. The new pair counts without a
// restart, also where only flags name it; half a pair changes nothing, and is said.
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OTHER_CERTIFICATE, OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../../relay/tls-fixture.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { startProgram } from '../../support/program.ts';
import type { Program } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import type { TemporaryFolder } from '../../support/temporary-folder.ts';

const content = objectBytes(300_000, 5);
const owned = new AsyncDisposableStack();
let folder: TemporaryFolder;
let origin: string;

beforeAll(async () => {
  folder = owned.use(await temporaryFolder());
  await mkdir(folder.file('data'));
  await put({ 'data/a.bin': content, 'one.pem': TEST_CERTIFICATE, 'one.key': TEST_KEY, 'two.pem': OTHER_CERTIFICATE });
  await put({
    'origin.yaml':
      'dir: data\nstateDir: state\nlisten: 127.0.0.1:0\ntls: {certificate: one.pem, key: one.key, clientAuthorities: two.pem}\n',
  });
  const program = owned.use(startProgram(['origin', '--config', folder.file('origin.yaml')], { tethered: true }));
  const [, url = ''] = await program.said(/ on (https:\S+)/);
  origin = url.replace('127.0.0.1', 'localhost');
});
afterAll(() => owned.disposeAsync());

async function put(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await writeFile(folder.file(`${name}.new`), text);
    await rename(folder.file(`${name}.new`), folder.file(name));
  }
}

type Running = AsyncDisposable & {
  readonly program: Program;
  status(): Promise<number>;
  metrics(): Promise<string>;
};

async function start(args: readonly string[]): Promise<Running> {
  await put({ 'shown.pem': TEST_CERTIFICATE, 'shown.key': TEST_KEY });
  const listen = ['proxy', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
  const env = { XDG_STATE_HOME: folder.file('own') };
  const program = startProgram([...listen, ...args], { cwd: folder.path, tethered: true, env });
  const [, url = '', admin = ''] = await program.said(/ on (http:\/\/127\.0\.0\.1:\d+) \(admin on (http:\S+)\)/);
  return {
    program,
    status: async () => {
      const answer = await fetch(`${url}/o/a.bin`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (answer.status === 200) expect(bytes.equals(content)).toBe(true);
      return answer.status;
    },
    metrics: async () => (await fetch(`${admin}/metrics`)).text(),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

describe('the certificate of a proxy', () => {
  const file = (): string =>
    `routes: [{name: direct, url: "${origin}"}]\ntrustedCertificates: one.pem\ntls: {certificate: shown.pem, key: shown.key}\n`;

  test('is read again when its files change, and kept when the new ones do not belong together', async () => {
    await put({ 'client.yaml': file() });
    await using proxy = await start(['--config', 'client.yaml']);
    expect(await proxy.status()).not.toBe(200);
    await put({ 'shown.pem': OTHER_CERTIFICATE, 'shown.key': OTHER_KEY });
    await proxy.program.complained(/settings read again: tls/);
    expect(await proxy.status()).toBe(200);
    await put({ 'shown.pem': TEST_CERTIFICATE });
    await proxy.program.complained(
      /client\.yaml:3:\d+: .*cannot be used together: .*write a pair .* \(the settings read before stay in force\)/,
    );
    expect(await proxy.status()).toBe(200);
    const metrics = await proxy.metrics();
    expect(metrics).toContain('heddle_client_config_reloads_total{result="refused"} 1');
    expect(metrics).toContain('heddle_client_config_last_reload_successful 0');
  });

  test('is read again on a signal where only flags name it', async () => {
    const shown = ['--ca', 'one.pem', '--client-cert', 'shown.pem', '--client-key', 'shown.key'];
    await using proxy = await start([...shown, '--route', `direct=${origin}`]);
    expect(await proxy.status()).not.toBe(200);
    await put({ 'shown.pem': OTHER_CERTIFICATE, 'shown.key': OTHER_KEY });
    proxy.program.signal('SIGHUP');
    await proxy.program.complained(/settings read again: tls/);
    expect(await proxy.status()).toBe(200);
  });
});
