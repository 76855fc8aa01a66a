// The server of the control interface in this process: every path is described, every description is answered; a reader who
// does not read costs a bounded amount, is told what he missed, and begins anew; streams live and end in order.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createClient } from '../../../client/client.ts';
import type { RunningTransfer } from '../../../client/client.ts';
import { addApi } from '../../../client/control/api.ts';
import { HEARTBEAT_MS } from '../../../client/control/messages.ts';
import type { ControlEvent } from '../../../client/control/messages.ts';
import { openApi } from '../../../client/control/openapi.ts';
import { startServer } from '../../../client/control/server.ts';
import type { RunningServer } from '../../../client/control/server.ts';
import { TransferList } from '../../../client/control/transfer-list.ts';
import { ControlClient } from '../../support/control-client.ts';
import { eventually } from '../../support/eventually.ts';
import { Described } from '../../support/openapi.ts';
import { refusingPort } from '../../support/servers.ts';

const TOKEN = 'a-token-for-this-test-alone';
const transfers = new TransferList();
let server: RunningServer;
let control: ControlClient;
/** A transfer that waits: nobody listens where its route leads, and it is paused. */
let waiting: RunningTransfer;

beforeAll(async () => {
  server = await startServer({ address: { type: 'tcp', host: '127.0.0.1', port: 0 }, transfers, token: TOKEN });
  control = new ControlClient(server.url);
  const client = createClient({ routes: [{ name: 'r0', url: `http://127.0.0.1:${await refusingPort()}` }], transfers });
  waiting = client.get('a.bin');
  waiting.pause();
});
afterEach(() => vi.useRealTimers());
afterAll(async () => {
  waiting.cancel();
  await server[Symbol.asyncDispose]();
});

describe('the description', () => {
  test('has every path that the server has, and no other', () => {
    const added: string[] = [];
    const adding = (method: string) => (path: string) =>
      void added.push(`${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const app = { get: adding('GET'), post: adding('POST'), put: adding('PUT') } as unknown as Parameters<
      typeof addApi
    >[0];
    addApi(app, transfers, new Set());
    const { operations } = new Described(openApi());
    expect(added.sort()).toEqual(operations.filter((operation) => operation !== 'GET /').sort());
  });

  test('is what the server gives, and fits what it answers to everything that is described', async () => {
    const { body } = await control.ask<unknown>('GET', '/v1/openapi.json');
    expect(body).toEqual(JSON.parse(JSON.stringify(openApi())));
    await control.ask('GET', '/');
    await control.ask('GET', '/v1/transfers');
    const look = { status: 200, receivedBytes: 7, sentBytes: undefined, isSplit: false };
    transfers.requests.add({ type: 'request', method: 'GET', target: 'http://x/', look: () => look });
    const { body: plain } = await control.ask<object>('GET', '/v1/requests');
    expect(plain).toMatchObject({ requests: [{ target: 'http://x/', state: 'running', receivedBytes: 7 }] });
    await control.ask('GET', '/v1/transfers/1');
    await control.ask('GET', '/v1/transfers/1/segments');
    await control.ask('PUT', '/v1/transfers/1/routes/r0', { body: { preference: 'prefer', maxBytesPerSecond: 1e6 } });
    await control.ask('PUT', '/v1/transfers/1/routes/r0', { body: { preference: 'normal', maxBytesPerSecond: null } });
    await control.ask('PUT', '/v1/transfers/1/limits', { body: { maxBytesPerSecond: 1e6, costBudget: 3 } });
    await control.ask('PUT', '/v1/transfers/1/limits', { body: {} });
    await control.ask('POST', '/v1/transfers/1/ranges', { body: { ranges: [] } });
    await control.ask('POST', '/v1/transfers/1/resume');
    await control.ask('POST', '/v1/transfers/1/pause');
    const client = createClient({
      routes: [{ name: 'r0', url: `http://127.0.0.1:${await refusingPort()}` }],
      transfers,
    });
    const other = client.get('b.bin');
    await control.ask('POST', '/v1/transfers/2/cancel');
    await expect(other.done).rejects.toMatchObject({ code: 'aborted' });
    expect((await control.ask('GET', '/v1/transfers/2')).body).toMatchObject({ state: 'cancelled' });
    expect((await control.ask('POST', '/v1/transfers/2/pause')).status).toBe(409);
    const ended: ControlEvent[] = [];
    for await (const event of control.events('/v1/transfers/2/events')) ended.push(event);
    expect(ended.map(({ type }) => type)).toEqual(['snapshot', 'ended']);
    const { operations, seen } = control.described;
    const answered = operations.filter((operation) => seen.has(`${operation} 200`));
    expect(operations.filter((operation) => !answered.includes(operation)).sort()).toEqual([
      'GET /v1/events',
      'GET /v1/transfers/{id}/events',
    ]);
  });
});

describe('a stream', () => {
  test('whose reader does not read loses what he is too slow for, says how much, and begins anew', async () => {
    const FLOOD = 6_000;
    const ranges = Array.from({ length: 250 }, (_, at) => ({ first: at * 1_000_000, last: at * 1_000_000 + 999 }));
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET /v1/transfers/1/events HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
    );
    await once(socket, 'readable');
    for (let at = 0; at < FLOOD; at += 1) {
      transfers.get('1')?.raise(ranges);
      // others are let in, as they would be
      if (at % 50 === 0) await new Promise(setImmediate);
    }
    let [tail, bytes, raised, lost] = ['', 0, 0, 0];
    const order: string[] = [];
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      const blocks = (tail + chunk.toString('latin1')).split('\n\n');
      tail = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, type = ''] = /^event: (\w+)$/m.exec(block) ?? [];
        lost += Number(/"type":"lost","events":(\d+)/.exec(block)?.[1] ?? 0);
        if (type === 'raised') raised += 1;
        else order.push(type);
      }
    });
    await eventually(() => raised + lost >= FLOOD && order.at(-1) !== 'lost');
    expect(raised + lost).toBe(FLOOD);
    expect(raised).toBeLessThan(FLOOD / 2);
    expect(bytes).toBeLessThan(25_000_000);
    expect(order[order.indexOf('lost') + 1]).toBe('snapshot');
    socket.destroy();
  });

  test('with nothing to say shows that it lives', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write(`GET /v1/events HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
    await eventually(() => text.includes('event: transfers'));
    expect(text).not.toContain('\n:\n\n');
    vi.advanceTimersByTime(HEARTBEAT_MS);
    await eventually(() => text.includes('\n:\n\n'));
    socket.destroy();
  });

  test('of all transfers tells what is not split: at first, and when it changes', async () => {
    let receivedBytes = 1;
    const look = () => ({ status: undefined, receivedBytes, sentBytes: 3, isSplit: false });
    const ended = transfers.requests.add({ type: 'tunnel', method: 'CONNECT', target: 'x.example:443', look });
    const stop = new AbortController();
    const told: unknown[] = [];
    const watching = (async () => {
      for await (const event of control.events('/v1/events', stop.signal)) {
        if (event.type !== 'requests') continue;
        const [newest] = event.requests;
        told.push([newest?.target, newest?.state, newest?.receivedBytes]);
      }
    })();
    await eventually(() => told.length > 0);
    receivedBytes = 2;
    await eventually(() => told.some((one) => JSON.stringify(one) === '["x.example:443","running",2]'));
    ended();
    await eventually(() => told.some((one) => JSON.stringify(one) === '["x.example:443","done",2]'));
    stop.abort();
    await watching;
    expect(told[0]).toEqual(['x.example:443', 'running', 1]);
  });

  test('shows what somebody else commands', async () => {
    const stop = new AbortController();
    const events: ControlEvent[] = [];
    const watching = (async () => {
      for await (const event of control.events('/v1/transfers/1/events', stop.signal)) events.push(event);
    })();
    await eventually(() => events.length > 0);
    await control.ask('PUT', '/v1/transfers/1/limits', { body: { maxBytesPerSecond: 123_456 } });
    await eventually(() =>
      events.some((event) => event.type === 'limits' && event.limits.maxBytesPerSecond === 123_456),
    );
    stop.abort();
    await watching;
    const { body } = await control.ask('GET', '/v1/transfers/1');
    expect(body.limits.maxBytesPerSecond).toBe(123_456);
  });
});
