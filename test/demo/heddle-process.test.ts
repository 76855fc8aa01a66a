// Child processes of the demo: where they listen, how they are killed, what is told when they do not start.
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startHeddle } from '../../client/demo/heddle-process.ts';

const RELAY = ['relay', '--listen', '127.0.0.1:0', '--upstream', 'main=http://127.0.0.1:9', '--insecure-open'];

let over: AbortController;
beforeEach(() => {
  over = new AbortController();
});
afterEach(() => over.abort());

test('a child tells where it listens, and is gone once killed', async () => {
  const relay = await startHeddle(RELAY, over.signal);
  expect(await statusOf(new URL('/livez', relay.url))).toBe(200);
  await relay.kill();
  await expect(statusOf(new URL('/livez', relay.url))).rejects.toThrow('ECONNREFUSED');
  await relay.kill();
});

test('aborting kills it', async () => {
  const { url } = await startHeddle(RELAY, over.signal);
  const socket = connect(Number(url.port), url.hostname);
  await once(socket, 'connect');
  const closed = Promise.withResolvers<void>();
  socket.on('error', () => undefined).once('close', () => closed.resolve());
  over.abort();
  await closed.promise;
  await expect(startHeddle(RELAY, over.signal)).rejects.toThrow();
});

test('what does not start says why', async () => {
  const closed = RELAY.filter((argument) => argument !== '--insecure-open');
  await expect(startHeddle(closed, over.signal)).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringMatching(/^the relay ended: .*closed by default/),
  });
});

async function statusOf(url: URL): Promise<number | undefined> {
  const request = get(url, { agent: false });
  const [response] = await once(request, 'response');
  response.resume();
  return response.statusCode;
}
