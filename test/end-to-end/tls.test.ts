// TLS on every leg, by processes told by files: the client to a relay, the relay to an origin that asks for a certificate,
// and the client to the relay alone. What crosses is verified as ever; who is not vouched for gets nothing.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OTHER_CERTIFICATE, OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../relay/tls-fixture.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Outcome } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { lastLine } from '../support/world.ts';

const SIZE = 8_000_000;
const owned = new AsyncDisposableStack();
let folder: TemporaryFolder;
let origin: string;
let relay: string;

async function start(role: 'origin' | 'relay', yaml: string): Promise<string> {
  const config = folder.file(`${role}.yaml`);
  await writeFile(config, yaml);
  const program = owned.use(startProgram([role, '--config', config], { tethered: true }));
  const [, url = ''] = await program.said(/ on (https:\S+)/);
  return url.replace('127.0.0.1', 'localhost');
}

beforeAll(async () => {
  folder = owned.use(await temporaryFolder());
  await mkdir(folder.file('data'));
  await writeFile(folder.file('data/a.bin'), objectBytes(SIZE, 1));
  const files = {
    'one.pem': TEST_CERTIFICATE,
    'one.key': TEST_KEY,
    'two.pem': OTHER_CERTIFICATE,
    'two.key': OTHER_KEY,
  };
  for (const [name, pem] of Object.entries(files)) await writeFile(folder.file(name), pem);
  const one = '{certificate: one.pem, key: one.key}';
  origin = await start(
    'origin',
    'dir: data\nstateDir: state\nlisten: 127.0.0.1:0\ntls: {certificate: one.pem, key: one.key, clientAuthorities: two.pem}\n',
  );
  relay = await start(
    'relay',
    `listen: 127.0.0.1:0\ninsecureOpen: true\nupstreams: {main: "${origin}"}\ntls: ${one}\nupstreamTls: {certificate: two.pem, key: two.key}\ntrustedCertificates: one.pem\n`,
  );
});
afterAll(() => owned.disposeAsync());

const get = (url: string, env: Record<string, string>): Promise<Outcome> =>
  heddle(['get', 'a.bin', '-o', 'out.bin', '--json', '--route', `r=${url}`], { cwd: folder.path, env });

describe('over TLS', () => {
  test('an object crosses a relay and arrives verified', async () => {
    const outcome = await get(`${relay}/v1/via/main`, { NODE_EXTRA_CA_CERTS: folder.file('one.pem') });
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 0, stderr: '' });
    expect(lastLine(outcome)).toMatchObject({ type: 'done', bytes: SIZE, verified: true });
    expect((await readFile(folder.file('out.bin'))).equals(objectBytes(SIZE, 1))).toBe(true);
  });

  test('a relay that nobody vouches for is not used', async () => {
    const outcome = await get(`${relay}/v1/via/main`, {});
    expect(outcome.code).toBe(3);
    expect(lastLine(outcome)).toMatchObject({ type: 'error', code: 'no-route' });
  });

  test('an origin that asks for a certificate is closed to who has none', async () => {
    const outcome = await get(origin, { NODE_EXTRA_CA_CERTS: folder.file('one.pem') });
    expect(outcome.code).toBe(3);
  });

  describe('with what the client is told', () => {
    const run = (args: readonly string[]): Promise<Outcome> => heddle(args, { cwd: folder.path });
    const OUT = ['get', 'a.bin', '-o', 'out.bin', '--json'];
    const ONE = ['--ca', 'one.pem', '--client-cert', 'two.pem', '--client-key', 'two.key'];

    test('--ca vouches for a relay', async () => {
      const outcome = await run([...OUT, '--ca', 'one.pem', '--route', `r=${relay}/v1/via/main`]);
      expect(lastLine(outcome)).toMatchObject({ type: 'done', verified: true });
      const other = await run([...OUT, '--ca', 'two.pem', '--route', `r=${relay}/v1/via/main`]);
      expect(lastLine(other)).toMatchObject({ type: 'error', code: 'no-route' });
    });

    test('a certificate opens an origin that asks for one, by flags and by file; routes are looked at the same way', async () => {
      const outcome = await run([...OUT, ...ONE, '--route', `direct=${origin}`, '--route', `r=${relay}/v1/via/main`]);
      expect(lastLine(outcome)).toMatchObject({ type: 'done', verified: true });
      await writeFile(
        folder.file('client.yaml'),
        `routes: [{name: direct, url: "${origin}"}]\ntrustedCertificates: one.pem\ntls: {certificate: two.pem, key: two.key}\n`,
      );
      const config = ['--config', folder.file('client.yaml')];
      expect(lastLine(await run([...OUT, ...config]))).toMatchObject({ type: 'done', verified: true });
      const looked = await run(['routes', 'a.bin', '--json', ...config]);
      expect(JSON.parse(looked.stdout.toString().trim())).toMatchObject({
        works: true,
        bytesPerSecond: expect.any(Number),
      });
    });

    test.each<[args: string[], message: RegExp]>([
      [['--client-cert', 'two.pem'], /a client certificate is two files/],
      [['--ca', 'none.pem'], /"none\.pem" cannot be read \(there is no such file or folder\)/],
      [['--ca', 'data/a.bin'], /is not PEM/],
      [['--client-cert', 'two.pem', '--client-key', 'one.key'], /cannot be used together/],
    ])('%j is one clear line', async (args, message) => {
      const outcome = await run([...OUT, ...args, '--route', `r=${relay}/v1/via/main`]);
      expect(lastLine(outcome)).toMatchObject({ type: 'error', message: expect.stringMatching(message) });
    });
  });

  test('the proxy asks relays with it, plainly and in transfers', async () => {
    const args = ['proxy', '--listen', '127.0.0.1:0', '--ca', 'one.pem', '--route', `r=${relay}/v1/via/main`];
    await using proxy = startProgram(args, { cwd: folder.path, tethered: true });
    const [, url = ''] = await proxy.said(/listening on (http:\S+)/);
    const answer = await fetch(`${url}/o/a.bin`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(objectBytes(SIZE, 1))).toBe(true);
  });
});
