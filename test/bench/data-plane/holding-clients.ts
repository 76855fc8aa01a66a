// A process that opens sessions and keeps them: each reads so many bytes and then no more, as a client does that stops; with
// none to read but the head it stops at once. Arguments: port, path, how many, bytes. Prints `open` when all have read theirs.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';
import { formatChannelHeaders, UPGRADE_TOKEN } from '../../../protocol/channel-request.ts';
import { formatRequestHead } from '../../../protocol/http-head.ts';
import { MAX_SEGMENTS } from '../../../protocol/limits.ts';

const HOST = '127.0.0.1';
const SEGMENT_BYTES = 32_768;

const [port, path = '/', count, wanted] = process.argv.slice(2);
const buffer = Buffer.allocUnsafe(65_536);

await Promise.all(Array.from({ length: Number(count) }, (_, index) => open(index + 1)));
console.log('open');
// sockets that are not read keep no process alive
setInterval(() => {}, 60_000);

function open(number: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let bytes = 0;
  const socket: Socket = connect({
    host: HOST,
    port: Number(port),
    noDelay: true,
    onread: {
      buffer,
      callback: (length: number) => {
        if (bytes === 0 && !buffer.toString('latin1', 0, 12).startsWith('HTTP/1.1 101')) reject(new Error('refused'));
        bytes += length;
        if (bytes < Number(wanted)) return true;
        resolve();
        return false;
      },
    },
  } as NetConnectOpts);
  socket.on('error', reject).on('close', () => reject(new Error('closed')));
  const cycle = Uint16Array.of(number);
  const pattern = { epoch: 1, from: 0, to: MAX_SEGMENTS, lead: new Uint16Array(0), cycle };
  const channel = formatChannelHeaders({
    transfer: randomBytes(16).toString('hex'),
    number,
    segmentBytes: SEGMENT_BYTES,
    first: [
      { type: 'pattern', pattern },
      { type: 'credit', total: MAX_SEGMENTS },
    ],
  });
  const headers: [string, string][] = [
    ['Host', `${HOST}:${port}`],
    ['Connection', 'Upgrade'],
    ['Upgrade', UPGRADE_TOKEN],
  ];
  socket.write(formatRequestHead('GET', path, [...headers, ...channel]));
  return promise;
}
