// The relay as a process: what it prints, how it answers signals and bad input.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startRelay } from '../../relay/main.ts';
import { RELAY_LIMITS } from '../../relay/options.ts';
import type { RelayOptions } from '../../relay/options.ts';
import type { RelayFlags } from '../../relay/settings.ts';
import { closed, openChannel, request } from './channel-client.ts';
import { echoing, startUpstream } from './upstream-server.ts';

const PATH = '/v1/via/main/v1/segments/a';
const MAIN = pathToFileURL(join(import.meta.dirname, '../../relay/main.ts')).href;
const LISTEN = '127.0.0.1:0';

type Run = AsyncDisposable & {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly complaint: () => string;
  /** Settles with the port once the relay listens. */
  readonly port: Promise<number>;
  readonly exitCode: Promise<number | null>;
};

function run(flags: RelayFlags): Run {
  const program = `const { relayMain } = await import('${MAIN}'); process.exitCode = await relayMain(${JSON.stringify(flags)});`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, complaint] = ['', ''];
  const port = Promise.withResolvers<number>();
  const exitCode = once(child, 'exit').then(([code]) => code as number | null);
  child.stdout.on('data', (text: Buffer) => {
    output += text.toString();
    const match = /^relay listening on http:\/\/127\.0\.0\.1:([0-9]+)/.exec(output);
    if (match !== null) port.resolve(Number(match[1]));
  });
  child.stderr.on('data', (text: Buffer) => {
    complaint += text.toString();
  });
  return {
    child,
    output: () => output,
    complaint: () => complaint,
    port: port.promise,
    exitCode,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exitCode;
    },
  };
}

describe('as a process', () => {
  test('says where it listens and that it is open, relays, and ends on SIGINT with 0', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = run({ listen: LISTEN, upstream: [`main=${upstream.url}`], admin: LISTEN, insecureOpen: true });
    const port = await relay.port;
    expect(relay.output()).toMatch(/^relay listening on http:\/\/\S+ \(admin on http:\/\/\S+\)\n$/);
    expect(relay.complaint()).toMatch(/^heddle relay: WARNING: this relay is OPEN/);
    using channel = await openChannel(port, PATH);
    channel.socket.end('echo');
    expect((await channel.readAll()).toString()).toBe('echo');
    relay.child.kill('SIGINT');
    expect(await relay.exitCode).toBe(0);
  });

  test('on SIGTERM is not ready at once, and a second signal ends it now', async () => {
    await using upstream = await startUpstream({ onUpgrade: echoing });
    await using relay = run({ listen: LISTEN, upstream: [`main=${upstream.url}`], insecureOpen: true });
    const port = await relay.port;
    using channel = await openChannel(port, PATH);
    channel.socket.resume();
    relay.child.kill('SIGTERM');
    while ((await request(port, '/readyz')).status !== 503);
    relay.child.kill('SIGTERM');
    expect(await relay.exitCode).toBe(0);
    await closed(channel.socket);
  });

  test('that is killed leaves no client and no upstream hanging', async () => {
    const upgraded = Promise.withResolvers<Socket>();
    await using upstream = await startUpstream({
      onUpgrade: (incoming, socket, head) => {
        echoing(incoming, socket, head);
        upgraded.resolve(socket);
      },
    });
    await using relay = run({ listen: LISTEN, upstream: [`main=${upstream.url}`], insecureOpen: true });
    using channel = await openChannel(await relay.port, PATH);
    channel.socket.on('end', () => channel.socket.end());
    channel.socket.resume();
    relay.child.kill('SIGKILL');
    await Promise.all([closed(channel.socket), closed(await upgraded.promise)]);
  });

  const good = 'main=http://127.0.0.1:1';
  test.each<[string, RelayFlags, number, RegExp]>([
    [
      'no keys',
      { listen: LISTEN, upstream: [good] },
      2,
      /closed by default: give --token-keys FILE, or --insecure-open/,
    ],
    ['no upstream', { listen: LISTEN, upstream: [], insecureOpen: true }, 2, /at least one upstream/],
    ['both', { listen: LISTEN, upstream: [good], insecureOpen: true, tokenKeys: [MAIN.slice(7)] }, 2, /is not JSON/],
    [
      'no key file',
      { listen: LISTEN, upstream: [good], tokenKeys: ['no-such-file'] },
      2,
      /"no-such-file" cannot be read/,
    ],
    [
      'no address',
      { listen: 'nowhere', upstream: [good], insecureOpen: true },
      2,
      /--listen "nowhere" is not HOST:PORT/,
    ],
    [
      'no admin',
      { listen: LISTEN, upstream: [good], admin: '1', insecureOpen: true },
      2,
      /--admin "1" is not HOST:PORT/,
    ],
  ])('with %s says why in one line', async (_, flags, code, reason) => {
    await using relay = run(flags);
    expect(await relay.exitCode).toBe(code);
    expect(relay.output()).toBe('');
    expect(relay.complaint()).toMatch(/^heddle relay: [^\n]+\n$/);
    expect(relay.complaint()).toMatch(reason);
  });

  test('on a taken port says so in one line', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await using relay = run({ listen: `127.0.0.1:${port}`, upstream: [good], insecureOpen: true });
    expect(await relay.exitCode).toBe(6);
    expect(relay.complaint()).toMatch(
      /^heddle relay: cannot listen on 127\.0\.0\.1:[0-9]+: somebody listens there already; choose another port[^\n]*\n$/,
    );
    server.close();
  });

  test('reads its token keys from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'heddle-relay-'));
    const tokenKeys = join(folder, 'keys.json');
    const key = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
    await writeFile(tokenKeys, JSON.stringify({ keys: [key] }));
    await using relay = run({ listen: LISTEN, upstream: [good], tokenKeys: [tokenKeys] });
    expect((await request(await relay.port, PATH)).status).toBe(401);
    expect(relay.complaint()).toBe('');
    await rm(folder, { recursive: true });
  });
});

describe('options', () => {
  const listen = { host: '127.0.0.1', port: 0 };
  const open = { listen, insecureOpen: true };
  test.each<[RelayOptions, string, RegExp]>([
    [{ ...open, upstreams: ['main'] }, 'bad-configuration', /"main" is not NAME=BASEURL/],
    [{ ...open, upstreams: ['ma in=http://a'] }, 'bad-configuration', /upstream name "ma in"/],
    [{ ...open, upstreams: ['main=a:b'] }, 'bad-configuration', /neither http/],
    [{ ...open, upstreams: ['main=//a'] }, 'bad-configuration', /is not a URL/],
    [{ ...open, upstreams: ['main=http://u:p@a'] }, 'bad-configuration', /must not hold credentials/],
    [{ ...open, upstreams: ['main=http://a?b'] }, 'bad-configuration', /query or fragment/],
    [{ ...open, upstreams: ['main=http://a', 'main=http://b'] }, 'bad-configuration', /"main" is given twice/],
    [{ ...open, upstreams: ['main=http://a'], tokenKeys: { keys: [] } }, 'usage', /exclude each other/],
    [{ listen, upstreams: ['main=http://a'] }, 'bad-configuration', /closed by default/],
    [
      { ...open, upstreams: ['a=http://a'], limits: { maxSessions: 0 } },
      'bad-configuration',
      /maxSessions must be .*sessions/,
    ],
    [
      { ...open, upstreams: ['a=http://a'], limits: { nothing: 1 } as never },
      'bad-configuration',
      /"nothing" is not a limit/,
    ],
  ])('that are wrong are refused: %j', async (options, code, message) => {
    await expect(startRelay(options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('have defaults within their bounds', () => {
    for (const { value, min, max, unit, why } of Object.values(RELAY_LIMITS)) {
      expect(value).toBeGreaterThanOrEqual(min);
      expect(value).toBeLessThanOrEqual(max);
      expect(`${unit}: ${why}`).toMatch(/^[a-z/]+: .{10}/);
    }
  });
});
