// A process that holds hostile connections to a relay: a third idle, a third that drip their request head, a third that
// are channels and flood. Reports once all are made; dropped ones are made again. Arguments: port, connections, PINGs per
// second and flooder.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setPriority } from 'node:os';
import { formatChannelHeaders } from '../../protocol/channel-request.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import { formatRequestHead } from '../../protocol/http-head.ts';

const LEAST_PRIORITY = 19;
const AGAIN_MS = 500;
/** Connections made at one time: a listener's queue holds no more. */
const AT_ONCE = 200;
const DRIP_MS = 1_000;

const [port = 0, connections = 0, pingsPerSecond = 1] = process.argv.slice(2).map(Number);
setPriority(LEAST_PRIORITY);
const PATH = '/v1/via/main/v1/segments/a.bin';
const HEAD = formatRequestHead('GET', PATH, [
  ['Host', 'relay'],
  ['Connection', 'Upgrade'],
  ['Upgrade', 'heddle/1'],
  ...formatChannelHeaders({ transfer: 'f'.repeat(32), number: 1, segmentBytes: 32_768, first: [] }),
]);
const PING = encodeFrame({ type: 'ping', nonce: 1 });

let open = 0;
for (let at = 0; at < connections; at += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, connections - at) }, (_, place) => attack(at + place)));
}
process.stdout.write(`${open} of ${connections} open\n`);
setInterval(() => process.stdout.write(`${open} open\n`), 1_000);

/** Connects, settles when that is done, and comes again when it is thrown out. */
function attack(number: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.on('connect', () => {
    open += 1;
    resolve();
    harm(socket, number % 3);
  });
  socket.on('close', (hadError) => {
    if (!hadError) open -= 1;
    resolve();
    setTimeout(() => void attack(number), AGAIN_MS);
  });
  socket.resume();
  return promise;
}

function harm(socket: Socket, kind: number): void {
  if (kind === 0) return;
  let at = 0;
  const act = kind === 1 ? () => socket.write(HEAD.slice(at % HEAD.length, (at += 1))) : () => socket.write(PING);
  if (kind === 2) socket.write(HEAD);
  const timer = setInterval(act, kind === 1 ? DRIP_MS : 1_000 / pingsPerSecond);
  socket.once('close', () => clearInterval(timer));
}
