// The clients of the sessions bench: opens sessions of one kind over a relay, a few at a time, throws away what comes.
// Arguments: port, path, how many, bytes that each waits for. Prints `open` when all have them, and the bytes received at
// each line on its standard input.
import { connect } from 'node:net';
import type { NetConnectOpts } from 'node:net';
import { createInterface } from 'node:readline';
import { UPGRADE_TOKEN } from '../../../protocol/channel-request.ts';

const AT_ONCE = 50;
const HOST = '127.0.0.1';
const [port, path, count, awaited] = toldBy(process.argv.slice(2));
const request = `GET /v1/via/main${path} HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_TOKEN}\r\n\r\n`;
const buffer = Buffer.allocUnsafe(65_536);
let received = 0;
let opened = 0;

await Promise.all(Array.from({ length: AT_ONCE }, openMany));
console.log('open');
for await (const _ of createInterface(process.stdin)) console.log(String(received));

async function openMany(): Promise<void> {
  while (opened < count) {
    opened += 1;
    await open();
  }
}

/** Settles when the session has brought what is awaited; it stays open. */
function open(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  const callback = (length: number, read: Uint8Array): boolean => {
    if (bytes === 0 && !Buffer.from(read.subarray(0, 12)).toString('latin1').startsWith('HTTP/1.1 101'))
      fail('refused');
    bytes += length;
    received += length;
    if (bytes >= awaited) resolve();
    return true;
  };
  const socket = connect({ host: HOST, port, noDelay: true, onread: { buffer, callback } } as NetConnectOpts);
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => fail('closed by the relay'));
  socket.write(request);
  return promise;
}

function fail(text: string): never {
  console.error(`session ${opened} of ${count}: ${text}`);
  process.exit(1);
}

function toldBy([portText, pathText = '', ...counts]: readonly string[]): [number, string, number, number] {
  return [Number(portText), pathText, Number(counts[0]), Number(counts[1])];
}
