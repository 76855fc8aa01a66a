// How the local proxy ends: nobody new is let in, what is under way is brought to its end, until a deadline or a second
// signal. Answers are held by a server of the test, so that nothing depends on time.
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { startProxy } from '../../client/proxy/server.ts';
import type { RunningProxy } from '../../client/proxy/server.ts';
import { eventually } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { startWorld } from '../support/world.ts';

const NEVER = new AbortController().signal;
const owned = new AsyncDisposableStack();
/** A server whose answers to `/held` begin, and end when the test says so. */
let slow: string;
let held: ServerResponse[] = [];

beforeAll(async () => {
  const server = createServer((request, response) => {
    if (request.url !== '/held') return void response.end('at once');
    response.write('the beginning, ');
    held.push(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owned.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  slow = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => owned.disposeAsync());

const plainProxy = (): Promise<RunningProxy> => startProxy({ host: '127.0.0.1', port: 0, origins: [] });

/** The answer to a request through the proxy, when its head has come. */
async function asked(proxy: { readonly port: number }, url: string, agent?: Agent): Promise<IncomingMessage> {
  const request = httpRequest({
    host: '127.0.0.1',
    port: proxy.port,
    path: url,
    ...(agent === undefined ? {} : { agent }),
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

function release(): void {
  for (const response of held) response.end('and the end');
  held = [];
}

async function refusedBy(proxy: { readonly port: number }): Promise<unknown> {
  const socket = connect(proxy.port, '127.0.0.1');
  const [error] = await once(socket, 'error');
  return (error as NodeJS.ErrnoException).code;
}

describe('a proxy that drains', () => {
  test('has nothing to wait for when nothing is under way, kept connections or not', async () => {
    await using proxy = await plainProxy();
    const agent = new Agent({ keepAlive: true });
    expect(await text(await asked(proxy, `${slow}/`, agent))).toBe('at once');
    expect(proxy.underWay()).toBe(0);
    await proxy.drain(NEVER);
    expect(await refusedBy(proxy)).toBe('ECONNREFUSED');
    agent.destroy();
  });

  test('lets nobody in, and answers what it was asked to its end', async () => {
    await using proxy = await plainProxy();
    const answer = await asked(proxy, `${slow}/held`);
    expect(proxy.underWay()).toBe(1);
    const drained = proxy.drain(NEVER);
    expect(await refusedBy(proxy)).toBe('ECONNREFUSED');
    release();
    expect(await text(answer)).toBe('the beginning, and the end');
    await drained;
  });

  test('tells a kept connection that has a second request in it that this is the last answer', async () => {
    await using proxy = await plainProxy();
    const socket = connect(proxy.port, '127.0.0.1');
    const all = text(socket);
    const head = (path: string): string => `GET ${slow}${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(head('/held'));
    await eventually(() => held.length === 1);
    const drained = proxy.drain(NEVER);
    socket.write(head('/'));
    await eventually(() => proxy.underWay() === 2);
    release();
    const [first = '', second = ''] = (await all).split('at once')[0]?.split('and the end') ?? [];
    expect(first).toContain('the beginning, ');
    expect(second).toMatch(/connection: close/i);
    await drained;
  });

  test('waits for tunnels as well, until it is told not to', async () => {
    const server = createTcpServer((socket) => void socket.on('error', () => {}).resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    owned.defer(() => void server.close());
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using proxy = await plainProxy();
    const [one, other] = [connect(proxy.port, '127.0.0.1'), connect(proxy.port, '127.0.0.1')];
    for (const socket of [one, other]) socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await Promise.all([once(one, 'data'), once(other, 'data')]);
    const now = new AbortController();
    const drained = proxy.drain(now.signal);
    one.resume().end();
    await once(one, 'close');
    await eventually(() => proxy.underWay() === 1);
    now.abort();
    await drained;
    const ended = once(other.resume(), 'close');
    await proxy[Symbol.asyncDispose]();
    await ended;
  });
});

describe('the command', () => {
  const content = objectBytes(2_000_000, 77);

  /** A proxy program with a transfer that has begun and gets nothing more until the link is told to resume. */
  async function underWay(stack: AsyncDisposableStack) {
    const world = stack.use(await startWorld({ 'a.bin': content }));
    const link = stack.use(await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 8, delayMs: 1 }));
    const args = ['proxy', '--listen', '127.0.0.1:0', '--route', `only=http://127.0.0.1:${link.port}`];
    const program = stack.use(
      startProgram(args, { tethered: true, env: { XDG_STATE_HOME: world.folder.file('own') } }),
    );
    const [, url = ''] = await program.said(/ on (http:\/\/127\.0\.0\.1:\d+)/);
    const answer = await fetch(`${url}/o/a.bin`);
    link.pause();
    return { program, link, answer };
  }

  const toldOnce = async (program: Program): Promise<void> => {
    program.signal('SIGTERM');
    await program.complained(/a request is under way and may take 20 s; a second signal ends them\n/);
  };

  test('finishes the transfer that is under way when it is told to end', async () => {
    await using stack = new AsyncDisposableStack();
    const { program, link, answer } = await underWay(stack);
    await toldOnce(program);
    link.setRate(400);
    link.resume();
    expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true);
    expect((await program.ended).code).toBe(0);
  });

  test('ends at once when it is told a second time', async () => {
    await using stack = new AsyncDisposableStack();
    const { program, answer } = await underWay(stack);
    await toldOnce(program);
    program.signal('SIGTERM');
    await expect(answer.arrayBuffer()).rejects.toThrow();
    expect((await program.ended).code).toBe(0);
  });

  test('a time that is none is refused in one line', async () => {
    await using program = startProgram(['proxy', '--drain', 'soon', '--route', 'a=http://x']);
    expect(await program.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--drain cannot be "soon".*\n$/),
    });
  });
});
