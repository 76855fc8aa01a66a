// A proxy whose file changes while it runs: on a signal and when it is saved. New requests go by what is there now, what is
// under way goes on, and a mistake changes nothing.
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../../client/demo/link-shaper.ts';
import { startDnsServer } from '../../support/dns-server.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { startProgram } from '../../support/program.ts';
import type { Program } from '../../support/program.ts';
import { startWorld } from '../../support/world.ts';
import type { World } from '../../support/world.ts';

const content = objectBytes(600_000, 91);
const owned = new AsyncDisposableStack();
let world: World;
let one: ShapedLink;
let two: ShapedLink;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
  const shape = { target: { port: world.origin.port }, megabitsPerSecond: 400, delayMs: 1 };
  one = owned.use(await startLink(shape));
  two = owned.use(await startLink(shape));
});
afterAll(() => owned.disposeAsync());

const routes = (...links: readonly ShapedLink[]): string =>
  `routes: [${links.map(({ port }) => `{name: r${port}, url: "http://127.0.0.1:${port}"}`).join(', ')}]\n`;

type Running = AsyncDisposable & {
  readonly program: Program;
  readonly url: string;
  /** Writes the file; `how` says what makes the proxy read it. Settles with the line it says about it. */
  change(yaml: string, how: 'signal' | 'save'): Promise<string>;
  metrics(): Promise<string[]>;
  get(key: string): Promise<Response>;
};

let files = 0;

async function start(yaml: string): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  files += 1;
  const config = world.folder.file(`client-${files}.yaml`);
  await writeFile(config, yaml);
  const args = ['proxy', '--listen', '127.0.0.1:0', '--config', config, '--admin', '127.0.0.1:0'];
  const program = stack.use(startProgram(args, { tethered: true, env: { XDG_STATE_HOME: world.folder.file('own') } }));
  const [, url = '', admin = ''] = await program.said(/ on (http:\/\/127\.0\.0\.1:\d+) \(admin on (http:\S+)\)/);
  let readings = 0;
  const owns = stack.move();
  return {
    program,
    url,
    change: async (next, how) => {
      await writeFile(`${config}.new`, next);
      await rename(`${config}.new`, config);
      if (how === 'signal') program.signal('SIGHUP');
      readings += 1;
      const line = '(?:heddle: (.*(?:settings read again|settings read before).*)\\n[^]*?)';
      const [, said = ''] = await program.complained(new RegExp(`${line}{${readings}}`));
      return said.replace(config, 'FILE');
    },
    metrics: async () => (await (await fetch(`${admin}/metrics`)).text()).split('\n'),
    get: (key) => fetch(`${url}/o/${key}`),
    [Symbol.asyncDispose]: () => owns.disposeAsync(),
  };
}

async function whole(answer: Response): Promise<boolean> {
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer()).equals(content);
}

/** What each link brought while `what` was done. */
async function brought(what: () => Promise<void>): Promise<[one: number, two: number]> {
  const before = [one.carriedBytes.down, two.carriedBytes.down] as const;
  await what();
  return [one.carriedBytes.down - before[0], two.carriedBytes.down - before[1]];
}

describe('a proxy reads its file again', () => {
  test.each(['signal', 'save'] as const)('on a %s: the next request takes the routes of now', async (how) => {
    await using proxy = await start(routes(one));
    const ask = async (): Promise<void> => expect(await whole(await proxy.get('a.bin'))).toBe(true);
    const [first, unused] = await brought(ask);
    expect(first).toBeGreaterThan(content.length);
    expect(unused).toBe(0);
    expect(await proxy.change(routes(two), how)).toBe('settings read again: routes');
    const [gone, added] = await brought(ask);
    expect(gone).toBe(0);
    expect(added).toBeGreaterThan(content.length);
    const metrics = await proxy.metrics();
    expect(metrics).toContain('heddle_client_config_reloads_total{result="applied"} 1');
    expect(metrics).toContain('heddle_client_config_last_reload_successful 1');
  });

  test('and brings to its end what began by the routes before', async () => {
    await using link = await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 4, delayMs: 1 });
    await using proxy = await start(routes(link));
    const answer = await proxy.get('a.bin');
    link.pause();
    expect(await proxy.change(routes(two), 'signal')).toBe('settings read again: routes');
    const [, added] = await brought(async () => expect(await whole(await proxy.get('a.bin'))).toBe(true));
    expect(added).toBeGreaterThan(content.length);
    link.setRate(400);
    link.resume();
    expect(await whole(answer)).toBe(true);
  });

  test('a route that is added joins what is under way', async () => {
    await using link = await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 4, delayMs: 1 });
    await using proxy = await start(routes(link));
    const answer = await proxy.get('a.bin');
    // it brings nothing more, and only who joins can
    link.pause();
    const [, added] = await brought(async () => {
      expect(await proxy.change(routes(link, two), 'signal')).toBe('settings read again: routes');
      expect(await whole(answer)).toBe(true);
    });
    expect(added).toBeGreaterThan(0);
  });

  test('nor is an answer cut off that is passed on as it is', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    const server = createServer((_request, response) => {
      response.write('the beginning, ');
      held.resolve(response);
    });
    await using _ = {
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using proxy = await start(routes(one));
    const path = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const request = httpRequest({ host: '127.0.0.1', port: new URL(proxy.url).port, path, agent: false });
    request.end();
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    expect(await proxy.change(routes(two), 'signal')).toBe('settings read again: routes');
    expect((await proxy.get('a.bin')).status).toBe(200);
    (await held.promise).end('and the end');
    expect(await text(answer)).toBe('the beginning, and the end');
  });

  test('what was found is not looked for again, unless the places to look are others', async () => {
    await using dns = await startDnsServer({ 'relays.internal': [{ type: 'A', address: '127.0.0.1', ttl: 3_600 }] });
    const found = ({ port }: ShapedLink): string =>
      `discovery: {nameServers: ["${dns.address}"], dns: [{name: pool, url: "http://relays.internal:${port}"}]}\n`;
    await using proxy = await start(found(one));
    const ask = async (): Promise<void> => expect(await whole(await proxy.get('a.bin'))).toBe(true);
    const asked = dns.asked.length;
    expect(await proxy.change(`${found(one)}reorderBytes: 8MiB\n`, 'signal')).toBe('settings read again: reorderBytes');
    const [kept] = await brought(ask);
    expect(kept).toBeGreaterThan(content.length);
    expect(dns.asked.length).toBe(asked);
    expect(await proxy.change(found(two), 'signal')).toBe('settings read again: discovery, reorderBytes');
    const [gone, added] = await brought(ask);
    expect(gone).toBe(0);
    expect(added).toBeGreaterThan(content.length);
  });

  test('web origins come and go', async () => {
    const origins = (name: string): string => `${routes(one)}origins: [{origin: "http://${name}"}]\n`;
    await using proxy = await start(origins('old.example'));
    const status = async (name: string): Promise<number> => {
      const answer = await fetch(`${proxy.url}/http/${name}/v1/objects/a.bin`);
      await answer.arrayBuffer();
      return answer.status;
    };
    expect([await status('old.example'), await status('new.example')]).toEqual([200, 403]);
    expect(await proxy.change(origins('new.example'), 'signal')).toBe('settings read again: origins');
    expect([await status('old.example'), await status('new.example')]).toEqual([403, 200]);
  });

  test('what is opened at the start waits for a restart, and is named each time', async () => {
    await using proxy = await start(routes(one));
    const control = 'control: {listen: "127.0.0.1:0"}\n';
    const waits = 'a restart is needed for control';
    expect(await proxy.change(routes(two) + control, 'signal')).toBe(`settings read again: routes; ${waits}`);
    expect(await proxy.change(`${routes(two)}${control}# again\n`, 'signal')).toBe(
      `settings read again: nothing changed; ${waits}`,
    );
    expect(await proxy.change(routes(two), 'signal')).toBe('settings read again: nothing changed');
  });

  test('the time to end is that of the file as it is now', async () => {
    await using link = await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 4, delayMs: 1 });
    await using proxy = await start(`${routes(link)}drainMs: 1h\n`);
    const answer = await proxy.get('a.bin');
    link.pause();
    expect(await proxy.change(`${routes(link)}drainMs: 10ms\n`, 'signal')).toBe('settings read again: drainMs');
    proxy.program.signal('SIGTERM');
    await proxy.program.complained(/a request is under way and may take 0\.01 s/);
    await expect(answer.arrayBuffer()).rejects.toThrow();
    expect((await proxy.program.ended).code).toBe(0);
  });

  test.each<[name: string, yaml: () => string, line: RegExp]>([
    [
      'a word that is unknown',
      () => `route: []\n${routes(two)}`,
      /^FILE:1:1: "route" is not known here; did you mean "routes"\?/,
    ],
    ['nothing to split', () => 'reorderBytes: 64MiB\n', /^there is nothing to split/],
    ['a key file that is not there', () => `${routes(two)}originKeyFile: none.jwk\n`, /none\.jwk/],
    [
      'an origin twice',
      () => `${routes(two)}origins: [{origin: "http://a.example"}, {origin: "http://a.example/"}]\n`,
      /http:\/\/a\.example is configured twice/,
    ],
  ])('but keeps the one before when there is %s', async (_, yaml, line) => {
    await using proxy = await start(routes(one));
    const said = await proxy.change(yaml(), 'signal');
    expect(said).toMatch(line);
    expect(said).toMatch(/ \(the settings read before stay in force\)$/);
    const [old, other] = await brought(async () => expect(await whole(await proxy.get('a.bin'))).toBe(true));
    expect(old).toBeGreaterThan(content.length);
    expect(other).toBe(0);
    const metrics = await proxy.metrics();
    expect(metrics).toContain('heddle_client_config_reloads_total{result="refused"} 1');
    expect(metrics).toContain('heddle_client_config_last_reload_successful 0');
    expect(await proxy.change(routes(two), 'signal')).toBe('settings read again: routes');
    expect(await proxy.metrics()).toContain('heddle_client_config_last_reload_successful 1');
  });
});
