// What the proxy does not split is listed beside its transfers: requests that pass, answers that one route alone gives,
// tunnels, failures; what a transfer brings is listed as that transfer, and only so.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTransferList } from '../../client/control.ts';
import { startProxy } from '../../client/proxy/server.ts';
import type { RunningProxy } from '../../client/proxy/server.ts';
import { ControlClient } from '../support/control-client.ts';
import { eventually } from '../support/eventually.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { startProgram } from '../support/program.ts';
import { sendRaw } from '../support/raw-request.ts';
import { refusingPort } from '../support/servers.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SMALL = 5_000;
const LARGE = 3_000_001;
const owned = new AsyncDisposableStack();
const transfers = createTransferList();
let world: World;
let proxy: RunningProxy;
/** A server that Heddle knows nothing of. */
let other: number;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'small.bin': objectBytes(SMALL, 1), 'large.bin': objectBytes(LARGE, 2) }));
  const routes = [{ name: 'only', url: world.origin.url }];
  const origins = [{ origin: 'http://data.example', routes, transfers }];
  proxy = owned.use(await startProxy({ host: '127.0.0.1', port: 0, origins, requests: transfers.requests }));
  const server = createServer((_request, response) => void response.end('from another server'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owned.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  other = (server.address() as AddressInfo).port;
});
afterAll(() => owned.disposeAsync());

/** The newest request, once it has ended. */
async function newest(): Promise<ReturnType<typeof transfers.requests.list>[number] | undefined> {
  await eventually(() => transfers.requests.list()[0]?.state !== 'running');
  return transfers.requests.list()[0];
}

const through = (url: string): Promise<string> => sendRaw(proxy.port, `GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`);

describe('the list', () => {
  test('has what is passed on, without what stands behind its question mark', async () => {
    await through(`http://127.0.0.1:${other}/page?token=secret`);
    const target = `http://127.0.0.1:${other}/page`;
    expect(await newest()).toMatchObject({ type: 'request', method: 'GET', target, status: 200, receivedBytes: 19 });
  });

  test('has what one route alone answers, under the name it was asked for', async () => {
    await (await fetch(`${proxy.url}/o/small.bin`)).bytes();
    expect(await newest()).toMatchObject({ target: '/o/small.bin', state: 'done', receivedBytes: SMALL });
    await through('http://data.example/v1/objects/missing.bin');
    expect(await newest()).toMatchObject({ target: 'http://data.example/v1/objects/missing.bin', status: 404 });
  });

  test('has no transfer: those have a list of their own', async () => {
    const before = transfers.requests.list().map(({ id }) => id);
    expect((await (await fetch(`${proxy.url}/o/large.bin`)).bytes()).length).toBe(LARGE);
    expect(transfers.list().map((transfer) => transfer.summary().key)).toContain('large.bin');
    expect(transfers.requests.list().map(({ id }) => id)).toEqual(before);
  });

  test('has what failed, and why', async () => {
    await through(`http://127.0.0.1:${await refusingPort()}/`);
    expect(await newest()).toMatchObject({ state: 'failed', status: null, fault: { code: 'connection-lost' } });
  });

  test('has tunnels, with what went through them either way', async () => {
    const server = createTcpServer((socket) => void socket.on('data', (chunk) => socket.end(`${chunk.toString()}!`)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    owned.defer(() => void server.close());
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await once(socket, 'data');
    expect(transfers.requests.list()[0]).toMatchObject({ type: 'tunnel', method: 'CONNECT', target, state: 'running' });
    socket.end('hello');
    await once(socket.resume(), 'close');
    expect(await newest()).toMatchObject({ target, state: 'done', sentBytes: 5, receivedBytes: 6, status: null });
  });
});

test('heddle proxy --ui tells of them over its control interface', async () => {
  const args = ['proxy', '--listen', '127.0.0.1:0', '--ui', '127.0.0.1:0', '--route', `only=${world.origin.url}`];
  await using program = startProgram(args, { tethered: true, env: { XDG_STATE_HOME: world.folder.file('own') } });
  const [, url = ''] = await program.said(/ on (http:\/\/127\.0\.0\.1:\d+)/);
  const [, page = ''] = await program.complained(/steer at (\S+)/);
  await (await fetch(`${url}/o/small.bin`)).bytes();
  const { body } = await new ControlClient(page).ask<object>('GET', '/v1/requests');
  expect(body).toMatchObject({ requests: [{ target: '/o/small.bin', status: 200, receivedBytes: SMALL }] });
});
