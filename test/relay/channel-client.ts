// The client's side of the relay's tests: raw sockets that send an upgrade request as bytes, so that a test decides
// what stands in one packet, and small readers that wait for events.
import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { formatRequestHead, parseResponseHead } from '../../protocol/http-head.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';

export type Channel = Disposable & {
  readonly socket: Socket;
  readonly head: ResponseHead;
  /** Reads exactly `bytes` bytes, those behind the head included. */
  read(bytes: number): Promise<Buffer>;
  /** Reads until the other side ends. */
  readAll(): Promise<Buffer>;
  /** What has been read behind the head and not been asked for. */
  rest(): Buffer;
};

export type ChannelRequestOptions = {
  readonly headers?: readonly (readonly [string, string])[];
  /** Speaks TLS. */
  readonly tls?: ConnectionOptions;
  /** Bytes in the same write as the request head. */
  readonly early?: Uint8Array;
};

/** Connects, asks for an upgrade of `path` and reads the answer's head, whatever its status. */
export async function openChannel(port: number, path: string, options: ChannelRequestOptions = {}): Promise<Channel> {
  const where = { host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true };
  const socket = options.tls === undefined ? connect(where) : connectTls({ ...where, ...options.tls });
  socket.on('error', () => {});
  const head = formatRequestHead('GET', path, [
    ['Host', `127.0.0.1:${port}`],
    ['Connection', 'Upgrade'],
    ['Upgrade', 'heddle/1'],
    ...(options.headers ?? []),
  ]);
  socket.write(Buffer.concat([Buffer.from(head, 'latin1'), options.early ?? new Uint8Array()]));
  let collected = Buffer.alloc(0);
  const answer = await until(
    socket,
    () => parseResponseHead(collected),
    (chunk) => {
      collected = Buffer.concat([collected, chunk]);
    },
  );
  collected = collected.subarray(answer.bytes);
  const take = (bytes: number): Buffer => {
    const taken = collected.subarray(0, bytes);
    collected = collected.subarray(bytes);
    return taken;
  };
  return {
    socket,
    head: answer,
    rest: () => collected,
    read: (bytes) =>
      until(
        socket,
        () => (collected.length >= bytes ? take(bytes) : undefined),
        (chunk) => {
          collected = Buffer.concat([collected, chunk]);
        },
      ),
    readAll: async () => {
      const parts = [take(collected.length)];
      socket.on('data', (chunk: Buffer) => parts.push(chunk));
      socket.resume();
      if (!socket.readableEnded) await once(socket, 'end');
      return Buffer.concat(parts);
    },
    [Symbol.dispose]: () => {
      socket.destroy();
    },
  };
}

export type PlainAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/** One plain request on a connection of its own; the path goes out as it is. */
export async function request(
  port: number,
  path: string,
  options: { method?: string; headers?: OutgoingHttpHeaders } = {},
): Promise<PlainAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer>();
  get({ host: '127.0.0.1', port, path, agent: false, ...options }, (response) => {
    const parts: Buffer[] = [];
    response.on('data', (chunk: Buffer) => parts.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) });
    });
  }).on('error', reject);
  return promise;
}

/** A port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Settles when a socket has closed, with or without an error. */
export async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
}

/** Settles when the other side of a socket has ended or reset it, and answers an end with an end. */
export async function gone(socket: Socket): Promise<void> {
  socket.once('end', () => socket.end());
  socket.resume();
  if (socket.readableEnded) socket.end();
  await closed(socket);
}

async function until<Value>(
  socket: Socket,
  find: () => Value | undefined,
  onData: (chunk: Buffer) => void,
): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const look = (): void => {
    try {
      const found = find();
      if (found !== undefined) resolve(found);
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const listener = (chunk: Buffer): void => {
    onData(chunk);
    look();
  };
  const onClose = (): void => reject(new Error('the connection ended first'));
  socket.on('data', listener).on('end', onClose).on('close', onClose);
  look();
  socket.resume();
  try {
    return await promise;
  } finally {
    socket.pause();
    socket.off('data', listener).off('end', onClose).off('close', onClose);
  }
}
