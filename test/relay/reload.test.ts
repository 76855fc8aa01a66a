// A relay whose settings change while it runs: on a signal and when a file is saved. What they still allow goes on, what they
// forbid ends, and a mistake changes nothing.
import { rename, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createIssuer } from '../protocol/access/issuer.ts';
import type { Issuer } from '../protocol/access/issuer.ts';
import { startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { closed, openChannel, request } from './channel-client.ts';
import { echoing, startUpstream } from './upstream-server.ts';

const path = (upstream: string): string => `/v1/via/${upstream}/v1/objects/a`;

type Running = AsyncDisposable & {
  readonly program: Program;
  readonly port: number;
  /** Writes the file; `how` says what makes the relay read it. Settles with the line it says about it. */
  change(yaml: string, how: 'signal' | 'save'): Promise<string>;
  metric(line: string): Promise<boolean>;
};

/** A relay with a file; KEYS in it stands for a file with the keys of `issuers`. */
async function start(yaml: string, files: Readonly<Record<string, string>> = {}): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const config = folder.file('relay.yaml');
  await writeFile(config, yaml);
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
  const program = stack.use(startProgram(['relay', '--config', config, '--admin', '127.0.0.1:0'], { tethered: true }));
  const [, port, admin] = await program.said(/ on http:\/\/127\.0\.0\.1:(\d+) \(admin on (http:\S+)\)/);
  const said: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  let rest = '';
  program.child.stderr?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('heddle relay: ')) continue;
      const text = line.replace('heddle relay: ', '').replace(config, 'FILE');
      const take = waiting.shift();
      if (take === undefined) said.push(text);
      else take(text);
    }
  });
  const nextLine = async (): Promise<string> => {
    const line = said.shift();
    if (line !== undefined) return line;
    const { promise, resolve } = Promise.withResolvers<string>();
    waiting.push(resolve);
    return promise;
  };
  const owned = stack.move();
  return {
    program,
    port: Number(port),
    change: async (text, how) => {
      const line = nextLine();
      if (how === 'save') {
        await writeFile(`${config}.new`, text);
        await rename(`${config}.new`, config);
      } else {
        await writeFile(config, text);
        program.signal('SIGHUP');
      }
      return line;
    },
    metric: async (line) => (await (await fetch(`${admin}/metrics`)).text()).split('\n').includes(line),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

describe('a relay reads its settings again', () => {
  test('on SIGHUP: upstreams come, change and go; a session that is open goes on', async () => {
    await using one = await startUpstream({ onUpgrade: echoing, onRequest: (_, response) => response.end('one') });
    await using two = await startUpstream({ onRequest: (_, response) => response.end('two') });
    const head = 'listen: 127.0.0.1:0\ninsecureOpen: true\n';
    await using relay = await start(`${head}upstreams: {main: "${one.url}"}\n`);
    using channel = await openChannel(relay.port, '/v1/via/main/v1/segments/a');
    const text = async (upstream: string): Promise<string> =>
      (await request(relay.port, path(upstream))).body.toString();
    expect(await text('main')).toBe('one');
    expect(await relay.change(`${head}upstreams: {main: "${two.url}", new: "${one.url}"}\n`, 'signal')).toBe(
      'settings read again: upstreams.main, upstreams.new',
    );
    expect([await text('main'), await text('new')]).toEqual(['two', 'one']);
    expect(await relay.change(`${head}upstreams: {new: "${one.url}"}\n`, 'signal')).toBe(
      'settings read again: upstreams.main',
    );
    expect((await request(relay.port, path('main'))).status).toBe(404);
    channel.socket.write('still here');
    expect((await channel.read(10)).toString()).toBe('still here');
    expect(await relay.change(`${head}upstreams: {new: "${one.url}"}\n`, 'signal')).toBe(
      'settings read again: nothing changed',
    );
  });

  test('when the file is replaced: limits count at once, addresses after a restart', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    const rest = `insecureOpen: true\nupstreams: {main: "${upstream.url}"}\n`;
    await using relay = await start(`listen: 127.0.0.1:0\n${rest}`);
    using first = await openChannel(relay.port, '/v1/via/main/v1/segments/a');
    expect(first.head.status).toBe(101);
    const limits = 'limits: {maxSessions: 1, headTimeoutMs: 20s, maxConnections: 50}\n';
    expect(await relay.change(`listen: 127.0.0.1:1\n${rest}${limits}`, 'save')).toBe(
      'settings read again: limits.maxSessions, limits.maxConnections; a restart is needed for listen, limits.headTimeoutMs',
    );
    using second = await openChannel(relay.port, '/v1/via/main/v1/segments/a');
    expect(second.head.status).toBe(503);
    expect(await relay.change(`listen: 127.0.0.1:1\n${rest}`, 'save')).toBe(
      'settings read again: limits.maxSessions, limits.maxConnections; a restart is needed for listen',
    );
    using third = await openChannel(relay.port, '/v1/via/main/v1/segments/a');
    expect(third.head.status).toBe(101);
  });

  test.each<[name: string, yaml: (url: string) => string, line: RegExp]>([
    [
      'a word that is unknown',
      (url) => `lisen: 127.0.0.1:0\nupstreams: {main: "${url}"}\n`,
      /^FILE:1:1: "lisen" is not known here; did you mean "listen"\?/,
    ],
    ['half a file', () => 'listen: 127.0.0.1:0\nupstreams: {main:', /^FILE:2:18: a "}" is missing/],
    ['nothing', () => '', /^FILE:1:1: the file is empty/],
    ['no guard', (url) => `listen: 127.0.0.1:0\nupstreams: {main: "${url}"}\n`, /^a relay is closed by default/],
    [
      'keys that are not there',
      (url) => `listen: 127.0.0.1:0\nupstreams: {new: "${url}"}\ntokenKeys: none\n`,
      /none" cannot be read \(there is no such file or folder\)/,
    ],
    [
      'keys that are none',
      (url) => `listen: 127.0.0.1:0\nupstreams: {new: "${url}"}\ntokenKeys: empty.jwks\n`,
      /not a JWKS with a key in it/,
    ],
  ])('but keeps those before when there is %s', async (_, yaml, line) => {
    await using upstream = await startUpstream({ onRequest: (_request, response) => response.end('ok') });
    const good = `listen: 127.0.0.1:0\ninsecureOpen: true\nupstreams: {main: "${upstream.url}"}\n`;
    await using relay = await start(good, { 'empty.jwks': '{"keys":[]}' });
    const said = await relay.change(yaml(upstream.url), 'signal');
    expect(said).toMatch(line);
    expect(said).toMatch(/ \(the settings read before stay in force\)$/);
    expect((await request(relay.port, path('main'))).status).toBe(200);
    expect((await request(relay.port, path('new'))).status).toBe(404);
    expect(await relay.metric('heddle_relay_config_last_reload_successful 0')).toBe(true);
    expect(await relay.metric('heddle_relay_config_reloads_total{result="refused"} 1')).toBe(true);
    expect(await relay.change(good, 'signal')).toBe('settings read again: nothing changed');
    expect(await relay.metric('heddle_relay_config_last_reload_successful 1')).toBe(true);
  });
});

describe('keys are rotated', () => {
  const keysOf = (...issuers: readonly Issuer[]): string =>
    JSON.stringify({ keys: issuers.flatMap(({ keys }) => keys.keys) });

  test('with two live at once; what the old one opened ends with it', async () => {
    const [old, young] = [await createIssuer('old'), await createIssuer('young')];
    await using upstream = await startUpstream({ onUpgrade: echoing, onRequest: (_, response) => response.end('ok') });
    const file = (keys: string): string =>
      `listen: 127.0.0.1:0\nupstreams: {main: "${upstream.url}"}\ntokenKeys: ${keys}\n`;
    await using relay = await start(file('old.jwks'), { 'old.jwks': keysOf(old), 'young.jwks': keysOf(young) });
    const [oldToken, youngToken] = [await old.issue(), await young.issue()];
    const status = async (Authorization: string): Promise<number> =>
      (await request(relay.port, path('main'), { headers: { Authorization } })).status;
    const open = (token: string) =>
      openChannel(relay.port, '/v1/via/main/v1/segments/a', { headers: [['Authorization', token]] });
    expect([await status(oldToken), await status(youngToken)]).toEqual([200, 401]);
    using byOld = await open(oldToken);
    expect(byOld.head.status).toBe(101);
    expect(await relay.change(file('[old.jwks, young.jwks]'), 'signal')).toBe('settings read again: tokenKeys');
    expect([await status(oldToken), await status(youngToken)]).toEqual([200, 200]);
    using byYoung = await open(youngToken);
    byOld.socket.write('a');
    expect((await byOld.read(1)).toString()).toBe('a');
    expect(await relay.change(file('young.jwks'), 'save')).toBe('settings read again: tokenKeys');
    byOld.socket.resume();
    await closed(byOld.socket);
    expect([await status(oldToken), await status(youngToken)]).toEqual([401, 200]);
    byYoung.socket.write('b');
    expect((await byYoung.read(1)).toString()).toBe('b');
  });
});
