// The upstream of the sessions bench: answers every upgrade with 101. An idle session is sent IDLE_BYTES and then nothing,
// an active one a piece again and again. Prints its port, and the bytes sent to the active ones at each line on its standard
// input.
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { UPGRADE_TOKEN } from '../../../protocol/channel-request.ts';
import { ACTIVE, IDLE_BYTES, PIECE_BYTES, PIECE_EVERY_MS } from './load.ts';

/** Active sessions are served in so many groups, so that pieces do not go out all at once. */
const GROUPS = 20;
const HEAD_END = '\r\n\r\n';
const ACCEPTED = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_TOKEN}${HEAD_END}`;

const piece = Buffer.alloc(PIECE_BYTES, 'active ');
const first = Buffer.alloc(IDLE_BYTES, 'idle ');
const groups = Array.from({ length: GROUPS }, () => new Set<Socket>());
let actives = 0;
let turn = 0;
let sent = 0;

const server = createServer({ noDelay: true, highWaterMark: 4_096 }, (socket) => {
  let held = '';
  const onData = (chunk: Buffer): void => {
    held += chunk.toString('latin1');
    if (!held.includes(HEAD_END)) return;
    socket.off('data', onData);
    // read on, so that an end is noticed
    socket.resume();
    socket.write(ACCEPTED);
    if (held.startsWith(`GET ${ACTIVE} `)) serve(socket);
    else socket.write(first);
  };
  socket.on('error', () => {});
  socket.on('data', onData);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  console.log(String((server.address() as AddressInfo).port));
});

setInterval(() => {
  for (const socket of groups[turn % GROUPS] ?? []) {
    if (socket.writableLength > 0) continue;
    socket.write(piece);
    sent += piece.length;
  }
  turn += 1;
}, PIECE_EVERY_MS / GROUPS);
createInterface(process.stdin).on('line', () => console.log(String(sent)));

function serve(socket: Socket): void {
  const group = groups[actives % GROUPS];
  actives += 1;
  group?.add(socket);
  socket.once('close', () => group?.delete(socket));
}
