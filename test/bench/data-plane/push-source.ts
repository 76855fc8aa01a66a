// A process that sends bytes from memory as fast as they are taken, so that a relay in front of it is what limits. Answers
// GET …/<number> with that many bytes: as a body, or behind a 101 when an upgrade is asked for. Speaks TLS when it is told
// the files of a certificate and its key; may be told how much to write at once, and how much memory to go round. Prints
// its port.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { parseArgs } from 'node:util';
import { UPGRADE_TOKEN } from '../../../protocol/channel-request.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { piece: { type: 'string', default: '1048576' }, memory: { type: 'string', default: '1048576' } },
});
const pieceBytes = Number(values.piece);
const HEAD_END = '\r\n\r\n';

const memory = Buffer.alloc(Number(values.memory), 'heddle ');

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
const [certificate, key] = positionals;
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

function push(socket: Socket, bytes: number, from = 0): void {
  let left = bytes;
  let at = from;
  while (left > 0 && !socket.destroyed) {
    const next = memory.subarray(at, at + Math.min(pieceBytes, left));
    left -= next.length;
    at = (at + pieceBytes) % memory.length;
    if (!socket.write(next)) {
      const [rest, place] = [left, at];
      socket.once('drain', () => push(socket, rest, place));
      return;
    }
  }
}
