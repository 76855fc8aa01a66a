// Downloads by programs that were told where to look for routes, not which there are: a list that the origin signs, names
// in the DNS. The commands say where each route came from.
import { mkdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import type { RunningTransfer } from '../../client/client.ts';
import { startLink } from '../../client/demo/link-shaper.ts';
import { Discovery } from '../../client/discovery.ts';
import type { SessionReport } from '../../client/io/report.ts';
import { bytesOf } from '../origin/fixture.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { heddle, startProgram } from '../support/program.ts';
import { startRelayProgram } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { lastLine, routeOf, startWorld } from '../support/world.ts';

const SIZE = 3_000_000;

/** An origin behind two relays that it publishes, a third that only the DNS knows, and a client's configuration. */
async function start() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  await mkdir(folder.file('objects'));
  await writeFile(folder.file('objects/a'), bytesOf(SIZE));
  const config = folder.file('origin.yaml');
  await writeFile(config, 'dir: objects\nstateDir: state\nlisten: 127.0.0.1:0\n');
  const first = stack.use(startProgram(['origin', '--config', config], { tethered: true }));
  const [, url = ''] = await first.said(/ on (http:\S+)/);
  const [eu, us, spare] = [
    stack.use(await startRelayProgram({ main: url })),
    stack.use(await startRelayProgram({ main: url })),
    stack.use(await startRelayProgram({ main: url })),
  ];
  const published = `publishedRoutes:\n  - {name: eu, url: "${eu.url}/v1/via/main", places: ["50.1,8.7", "48.9,2.4"]}\n  - {name: us, url: "${us.url}/v1/via/main"}\n`;
  await writeFile(config, `dir: objects\nstateDir: state\nlisten: 127.0.0.1:0\n${published}`);
  first.signal('SIGHUP');
  await expect
    .poll(async () => (await fetch(`${url}/.well-known/heddle/routes`)).status, { timeout: 20_000 })
    .toBe(200);
  const dns = stack.use(
    await startDnsServer({
      'relays.internal': [{ type: 'A', address: '127.0.0.1', ttl: 60 }],
      '_heddle._tcp.internal': [{ type: 'SRV', target: 'localhost', port: spare.port, ttl: 60 }],
    }),
  );
  const client = folder.file('client.yaml');
  const names = `  nameServers: ["${dns.address}"]\n  dns:\n    - {name: pool, url: "http://relays.internal:${spare.port}/v1/via/main"}\n    - {name: srv, service: _heddle._tcp.internal, scheme: http, path: /v1/via/main}\n`;
  await writeFile(client, `place: 52.5,13.4\ndiscovery:\n  origins: ["${url}"]\n${names}`);
  const owned = stack.move();
  return { folder, url, client, spare, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

// several programs, one after another
const TIMEOUT_MS = 120_000;

test('a program that knows no route finds four, uses them all, and says where they came from', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using world = await start();
  const out = world.folder.file('out');
  const done = lastLine(await heddle(['get', 'a', '-o', out, '--json', '--config', world.client]));
  expect(done).toMatchObject({ type: 'done', verified: true, bytes: SIZE });
  const names = ['eu', 'us', 'pool-127.0.0.1', `srv-localhost-${world.spare.port}`];
  expect(done.routes.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  for (const name of names) expect(routeOf(done, name).corrupt).toBe(0);

  const shown = await heddle(['routes', '--json', '--config', world.client]);
  expect(shown.code).toBe(0);
  const lines = shown.stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; source: string; works: boolean; parts: object[] });
  expect(Object.fromEntries(lines.map(({ name, source, works }) => [name, `${source} ${works}`]))).toEqual({
    eu: `list of ${world.url} true`,
    us: `list of ${world.url} true`,
    'pool-127.0.0.1': 'addresses of relays.internal true',
    [`srv-localhost-${world.spare.port}`]: 'SRV _heddle._tcp.internal true',
  });
  // Berlin, Frankfurt, Paris
  const distance = lines
    .find(({ name }) => name === 'eu')
    ?.parts.find((part) => 'part' in part && part.part === 'distance');
  expect(distance).toMatchObject({ value: expect.closeTo(900, -2) });
  const text = await heddle(['routes', '--config', world.client]);
  expect(text.stdout.toString()).toContain(`by list of ${world.url}`);
});

test('a route that is given goes before one of its name; what cannot be found is a warning', {
  timeout: TIMEOUT_MS,
}, async () => {
  await using world = await start();
  const config = world.folder.file('other.yaml');
  await writeFile(config, `discovery:\n  origins: ["${world.url}", "http://127.0.0.1:1"]\n`);
  const args = ['routes', '--json', '--config', config, '--route', `eu=${world.url}`];
  const { code, stdout, stderr } = await heddle(args);
  expect(code).toBe(0);
  expect(stdout.toString()).toMatch(/"name":"eu","url":"http:[^"]+","source":"given"/);
  expect(stderr).toMatch(/^heddle: the route list of 127\.0\.0\.1:1 cannot be fetched: the connection is refused\n$/);
});

test('nothing found is no route, in one line', async () => {
  await using folder = await temporaryFolder();
  const config = folder.file('client.yaml');
  await writeFile(config, 'discovery:\n  origins: ["http://127.0.0.1:1"]\n');
  const { code, stderr } = await heddle(['get', 'a', '-o', folder.file('out'), '--config', config]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/the connection is refused\nheddle: no route is given, and none was found yet[^\n]*\n$/);
});

test('a route that is found during a transfer joins it', { timeout: TIMEOUT_MS }, async () => {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await startWorld({ a: bytesOf(SIZE) }));
  const slow = stack.use(await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 4, delayMs: 5 }));
  const dns = stack.use(await startDnsServer({ 'relays.internal': [] }));
  const discovery = stack.use(
    new Discovery({
      dns: [{ type: 'addresses', name: 'pool', url: `http://relays.internal:${world.origin.port}` }],
      nameServers: [dns.address],
      times: { leastRefreshMs: 100, mostRefreshMs: 100 },
    }),
  );
  await discovery.start();
  const client = createClient({ routes: [{ name: 'slow', url: `http://127.0.0.1:${slow.port}` }], discovery });
  const running = client.download('a', world.output('a'));
  await expect.poll(() => reportOf(running)?.receivedBytes ?? 0, { timeout: 20_000 }).toBeGreaterThan(100_000);
  expect(running.report().routes.map(({ name }) => name)).toEqual(['slow']);
  dns.names.set('relays.internal', [{ type: 'A', address: '127.0.0.1', ttl: 1 }]);
  const report = await running.done;
  expect(report.routes.map(({ name }) => name)).toEqual(['slow', 'pool-127.0.0.1']);
  expect(report.routes[1]?.share).toBeGreaterThan(0.5);
  expect((await world.read('a')).equals(bytesOf(SIZE))).toBe(true);
  // the next one has it from the beginning
  const next = await client.download('a', world.output('b')).done;
  expect(next.routes.map(({ name }) => name)).toEqual(['slow', 'pool-127.0.0.1']);
});

test('a proxy serves objects over routes that it found', { timeout: TIMEOUT_MS }, async () => {
  await using world = await start();
  const args = ['proxy', '--listen', '127.0.0.1:0', '--config', world.client];
  await using proxy = startProgram(args, { tethered: true });
  const [, url = ''] = await proxy.said(/listening on (http:\S+)/);
  const answer = await fetch(`${url}/o/a`);
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytesOf(SIZE))).toBe(true);
});

function reportOf(running: RunningTransfer): SessionReport | undefined {
  try {
    return running.report();
  } catch {
    return undefined;
  }
}
