// Requests byte for byte as an attacker would write them, and the list of those that carry a second one inside: what a server
// and its neighbour may read differently.
import { connect } from 'node:net';
import { settled } from './eventually.ts';

/** Sends `text` as it is; all that comes back until nothing moves any more, answers and what `moving` counts. */
export async function sendRaw(port: number, text: string, moving: () => number = () => 0): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  let answer = '';
  const first = Promise.withResolvers<void>();
  socket.setEncoding('latin1').on('data', (part: string) => {
    answer += part;
    first.resolve();
  });
  socket.on('close', () => first.resolve());
  socket.write(text, 'latin1');
  await first.promise;
  // what was smuggled would be answered behind the first
  await settled(() => answer.length + moving());
  socket.destroy();
  return answer;
}

/** The statuses of all answers in what came back. */
export function statusesIn(answer: string): number[] {
  return [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}

/** Requests for `target` with another, for `hidden`, inside. */
export function smuggling(target: string, hidden: string, host = 'relay'): [name: string, text: string][] {
  const path = `GET ${target} HTTP/1.1\r\n`;
  const HOST = `Host: ${host}\r\n`;
  const inside = `GET ${hidden} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
  return [
    [
      'a request as the body of a GET',
      `${path}${HOST}Content-Length: ${inside.length}\r\nConnection: close\r\n\r\n${inside}`,
    ],
    ['two lengths', `${path}${HOST}Content-Length: 0\r\nContent-Length: ${inside.length}\r\n\r\n${inside}`],
    [
      'a length and chunks',
      `${path}${HOST}Content-Length: ${inside.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inside}`,
    ],
    ['chunks by another name', `${path}${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inside}`],
    ['a blank before the colon', `${path}${HOST}Content-Length : ${inside.length}\r\n\r\n${inside}`],
    ['a folded header', `${path}${HOST}X: a\r\n Content-Length: 5\r\n\r\n${inside}`],
    ['a bare line feed', `${path}${HOST}X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inside}`],
    ['a bare carriage return', `${path}${HOST}X: a\rTransfer-Encoding: chunked\r\n\r\n${inside}`],
    ['a zero byte', `${path}${HOST}X: a\0b\r\n\r\n${inside}`],
    ['a line break in the target', `GET ${target}%0d%0aX:%20b HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`],
    ['two hosts', `${path}${HOST}Host: other\r\nConnection: close\r\n\r\n`],
    [
      'an upgrade with a request behind it',
      `${path}${HOST}Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${inside.length}\r\n\r\n${inside}`,
    ],
  ];
}
