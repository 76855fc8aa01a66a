// Relays that do what no relay should: they answer nonsense, fall silent, or change what passes. All on the loopback.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { FrameReader, SOURCE_FRAME_TYPES } from '../../protocol/frame-reader.ts';
import { encodeFrames } from '../../protocol/frame-writer.ts';
import type { Frame } from '../../protocol/frames.ts';
import { parseResponseHead } from '../../protocol/http-head.ts';

/** A running false relay. */
export type FalseRelay = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** Connections taken so far. */
  readonly taken: () => number;
  /** Connections open now. */
  readonly open: () => number;
};

const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: heddle/1\r\nConnection: Upgrade\r\n\r\n';
/** Long enough to be no bill of bytes, short enough to take seconds for a head. */
const DRIP_MS = 20;

/** What a relay may say instead of an answer, by what it is. */
export const NONSENSE: Readonly<Record<string, (socket: Socket) => void>> = {
  'something that is not HTTP': (socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n'),
  'random bytes': (socket) =>
    socket.write(Buffer.from(Uint32Array.from({ length: 999 }, (_, at) => at * 2654435761).buffer)),
  'HTTP 200 with a page': (socket) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<h1>Hello</h1'),
  'HTTP 200 with a page that never ends': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n');
    drip(socket, Buffer.alloc(1_000_000, 'x'));
  },
  '101 for another protocol': (socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
  '101 and then garbage': (socket) => socket.write(ACCEPTED + 'garbage '.repeat(1_000)),
  '101 and then a frame of 16 MB': (socket) =>
    socket.write(Buffer.concat([Buffer.from(ACCEPTED), Buffer.of(0x23, 255, 255, 255)])),
  '101 and then silence': (socket) => socket.write(ACCEPTED),
  'endless headers': (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\n');
    const more = (): void => {
      while (socket.writable && socket.write(`X-More: ${'y'.repeat(1_000)}\r\n`));
    };
    socket.on('drain', more);
    more();
  },
  'its head byte by byte': (socket) => drip(socket, Buffer.from(ACCEPTED)),
  'a reset': (socket) => socket.resetAndDestroy(),
  'an end': (socket) => socket.end(),
  nothing: () => undefined,
};

/** A server that answers whatever is said to it as `answer` does. */
export function startNonsense(answer: (socket: Socket) => void): Promise<FalseRelay> {
  return serve((socket) => {
    socket.once('data', () => answer(socket));
    return [];
  });
}

/** Frames instead of the one that passes; what is not listed is swallowed. */
export type Rewrite = (frame: Frame) => readonly Frame[];

/** Passes everything on to `target` (a port of the loopback) and back, but frames of the source as `rewrite` makes them. */
export function startRewriting(target: number, rewriteOf: () => Rewrite): Promise<FalseRelay> {
  return serve((near) => {
    const far = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true });
    near.pipe(far);
    const reader = new FrameReader(SOURCE_FRAME_TYPES);
    const rewrite = rewriteOf();
    let head: Buffer | undefined = Buffer.alloc(0);
    let isChannel = false;
    far.on('data', (chunk: Buffer) => {
      let rest: Uint8Array = chunk;
      if (head !== undefined) {
        head = Buffer.concat([head, chunk]);
        const parsed = parseResponseHead(head);
        if (parsed === undefined) return;
        near.write(head.subarray(0, parsed.bytes));
        rest = head.subarray(parsed.bytes);
        head = undefined;
        isChannel = parsed.status === 101;
      }
      if (!isChannel) return void near.write(rest);
      const room = near.write(encodeFrames(reader.push(rest).flatMap(rewrite)));
      if (!room) far.pause();
    });
    near.on('drain', () => far.resume());
    far.on('end', () => near.end());
    far.on('close', () => near.destroy());
    return [far];
  });
}

async function serve(accept: (socket: Socket) => readonly Socket[]): Promise<FalseRelay> {
  const sockets = new Set<Socket>();
  let taken = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    taken += 1;
    near.on('error', () => undefined);
    const others = accept(near);
    for (const socket of [near, ...others]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        for (const other of socket === near ? others : [near]) other.destroy();
      });
    }
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    taken: () => taken,
    open: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}

/** One byte now and then. */
function drip(socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.length && socket.writable) socket.write(bytes.subarray(at, at + 1));
    else clearInterval(timer);
    at += 1;
  }, DRIP_MS);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}
