// A process that sends bytes from memory as fast as they are taken, so that a relay in front of it is what limits. Answers
// GET …/<number> with that many bytes: as a body, or behind a 101 when an upgrade is asked for. Speaks TLS when it is told
// the files of a certificate and its key. Prints its port.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { UPGRADE_TOKEN } from '../../../protocol/channel-request.ts';

const PIECE_BYTES = 1_048_576;
const HEAD_END = '\r\n\r\n';

const piece = Buffer.alloc(PIECE_BYTES, 'heddle ');

const serve = (socket: Socket): void => {
  let held = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    held += chunk.toString('latin1');
    const end = held.indexOf(HEAD_END);
    if (end < 0) return;
    const head = held.slice(0, end);
    held = held.slice(end + HEAD_END.length);
    answer(socket, head);
  });
};
const [certificate, key] = process.argv.slice(2);
const server =
  certificate === undefined || key === undefined
    ? createServer({ noDelay: true }, serve)
    : createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key), noDelay: true }, serve);
server.listen(0, '127.0.0.1', () => console.log(String((server.address() as AddressInfo).port)));

function answer(socket: Socket, head: string): void {
  const bytes = Number(/^GET \S*\/(\d+) HTTP/.exec(head)?.[1] ?? 0);
  const upgrade = /^upgrade: /im.test(head);
  socket.write(
    upgrade
      ? `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE_TOKEN}${HEAD_END}`
      : `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\nContent-Type: application/octet-stream${HEAD_END}`,
  );
  push(socket, bytes);
}

function push(socket: Socket, bytes: number): void {
  let left = bytes;
  while (left > 0 && !socket.destroyed) {
    const next = left < PIECE_BYTES ? piece.subarray(0, left) : piece;
    left -= next.length;
    if (!socket.write(next)) {
      const rest = left;
      socket.once('drain', () => push(socket, rest));
      return;
    }
  }
}
