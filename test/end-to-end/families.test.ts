// IPv6 and dual stack, and routes that leave by one address or interface: origin, relay and client as processes and as a
// library. Where the machine has no IPv6 the tests that need it say so.
import dns from 'node:dns';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createClient } from '../../client/client.ts';
import { startRelay } from '../../relay/main.ts';
import { makeWorld } from '../origin/fixture.ts';
import type { World } from '../origin/fixture.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';

const BYTES = objectBytes(500_000, 8);
const all = Object.entries(networkInterfaces()).flatMap(([name, each = []]) =>
  each.map(({ address }) => ({ name, address })),
);
const hasIPv6 = all.some(({ address }) => address === '::1');
const BOTH = [
  { address: '::1', family: 6 },
  { address: '127.0.0.1', family: 4 },
];
const loopback = all.find(({ address }) => address === '127.0.0.1')?.name ?? '';

let world: World;
beforeAll(async () => {
  world = await makeWorld({ 'x.bin': BYTES });
});
afterAll(() => world[Symbol.asyncDispose]());

async function fetched(url: string): Promise<Buffer> {
  const { stream } = createClient({ routes: [{ name: 'r', url }] }).get('x.bin');
  return Buffer.from(await new Response(stream).arrayBuffer());
}

describe.skipIf(!hasIPv6)('IPv6 (where this machine has it)', () => {
  test('origin and relay listen on ::1, and routes go there', async () => {
    await using origin = await world.start({}, { listen: { host: '::1', port: 0 } });
    expect(origin.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(Buffer.compare(await fetched(origin.url), BYTES)).toBe(0);
    await using relay = await startRelay({
      listen: { host: '::1', port: 0 },
      upstreams: [`main=${origin.url}`],
      insecureOpen: true,
    });
    expect(Buffer.compare(await fetched(`${relay.url}/v1/via/main`), BYTES)).toBe(0);
    const { code, stdout } = await heddle(['get', 'x.bin', '-o', '-', '--quiet', '--route', `six=${origin.url}`]);
    expect([code, Buffer.compare(stdout, BYTES)]).toEqual([0, 0]);
  });

  test('a name with addresses of both families is reached by the one that answers', async () => {
    const names = vi
      .spyOn(dns, 'lookup')
      .mockImplementation(((_name, _options, done) => done(null, BOTH as never, 0)) as typeof dns.lookup);
    try {
      await using six = await world.start({}, { listen: { host: '::1', port: 0 } });
      expect(Buffer.compare(await fetched(`http://both.test:${six.port}`), BYTES)).toBe(0);
      await using four = await world.start({}, { stateDir: `${world.stateDir}-4` });
      expect(Buffer.compare(await fetched(`http://both.test:${four.port}`), BYTES)).toBe(0);
      expect(names.mock.calls.some(([name]) => name === 'both.test')).toBe(true);
    } finally {
      names.mockRestore();
    }
  });

  test('a server that listens on :: is reached by both', async () => {
    await using both = await world.start({}, { listen: { host: '::', port: 0 } });
    for (const host of ['127.0.0.1', '[::1]']) {
      expect(Buffer.compare(await fetched(`http://${host}:${both.port}`), BYTES)).toBe(0);
    }
  });
});

describe('a route bound to an address or interface', () => {
  test.each(['127.0.0.2', loopback])('leaves by %s, plain requests as well', async (local) => {
    const from = new Set<string>();
    const server = createServer((_, response) => response.end('{"objects":[]}'));
    const seen = ({ socket }: IncomingMessage): void => void from.add(socket.remoteAddress ?? '');
    server.on('request', seen).on('upgrade', (request: IncomingMessage) => {
      seen(request);
      request.socket.destroy();
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    const { port } = server.address() as { readonly port: number };
    const route = `a=http://localhost:${port}#local=${local}`;
    expect((await heddle(['routes', '--route', route])).code).toBe(0);
    expect((await heddle(['get', 'x.bin', '-o', '-', '--quiet', '--route', route])).code).toBe(3);
    expect([...from]).toEqual([local === loopback ? '127.0.0.1' : local]);
    server.close();
  });

  test('an interface that is not there is a mistake that names those that are', async () => {
    const { code, stderr } = await heddle(['get', 'x.bin', '-o', '-', '--route', 'a=http://h#local=none0']);
    expect(code).toBe(2);
    expect(stderr).toContain(`"none0" is neither an IP address nor an interface of this machine (`);
    expect(stderr).toContain(loopback);
  });
});
