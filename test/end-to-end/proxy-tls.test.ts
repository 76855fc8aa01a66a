// The gateway in front of an https origin whose routes are https as well: what only speaks http gets verified bytes that
// travelled encrypted. The certificate is made by openssl; without it these tests are skipped.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectBytes } from '../support/object-bytes.ts';
import { startProgram } from '../support/program.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const hasOpenssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0;
const content = objectBytes(2_000_001, 31);

describe.skipIf(!hasOpenssl)(hasOpenssl ? 'over TLS' : 'over TLS (openssl is not installed here)', () => {
  const owned = new AsyncDisposableStack();
  let world: World;
  let secure: string;
  let gateway: string;

  beforeAll(async () => {
    world = owned.use(await startWorld({ 'a.bin': content, 'small.txt': Buffer.from('small\n') }));
    const [key, cert] = [world.folder.file('key.pem'), world.folder.file('cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    spawnSync('openssl', [...made, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    secure = await startTerminator(key, cert);
    const args = ['proxy', '--listen', '127.0.0.1:0', '--origin', secure, '--route', `direct=${secure}`];
    const env = { NODE_EXTRA_CA_CERTS: cert, XDG_STATE_HOME: world.folder.file('own') };
    const program = owned.use(startProgram(args, { tethered: true, env }));
    [, gateway = ''] = await program.said(/ on (http:\/\/127\.0\.0\.1:\d+)/);
  });
  afterAll(() => owned.disposeAsync());

  /** Ends TLS in front of the origin. */
  async function startTerminator(key: string, cert: string): Promise<string> {
    const [keyText, certText] = await Promise.all([readFile(key), readFile(cert)]);
    const server = createServer({ key: keyText, cert: certText }, (near) => {
      const far = connect(world.origin.port, '127.0.0.1');
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    owned.defer(() => void server.close());
    return `https://localhost:${(server.address() as AddressInfo).port}`;
  }

  test('/https/<host>/<path> is the object, verified', async () => {
    const response = await fetch(`${gateway}/${secure.replace('://', '/')}/v1/objects/a.bin`);
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
  });

  test('so are /o/<key> and what is no object', async () => {
    expect(await (await fetch(`${gateway}/o/small.txt`)).text()).toBe('small\n');
    const live = await fetch(`${gateway}/${secure.replace('://', '/')}/livez`);
    expect(await live.text()).toBe('ok\n');
  });

  test('an https origin that is not configured is refused', async () => {
    expect((await fetch(`${gateway}/https/localhost:1/v1/objects/a.bin`)).status).toBe(403);
  });
});
