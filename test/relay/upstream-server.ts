// A small real upstream for the relay's tests: a node:http server with handlers for plain requests and upgrades, which
// counts its connections and closes whatever is open at its end.
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Socket } from 'node:net';

export type UpstreamServer = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  /** Connections accepted since start. */
  readonly accepted: () => number;
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
};

export type UpgradeHandler = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

export type UpstreamHandlers = {
  readonly onRequest?: RequestListener;
  readonly onUpgrade?: UpgradeHandler;
  readonly headersTimeoutMs?: number;
};

export const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: heddle/1\r\nConnection: Upgrade\r\n\r\n';

/** An upgrade handler that answers 101 with `first` right behind it, and then hands the socket to `then`. */
export function accepting(first: Uint8Array, then: (socket: Socket, request: IncomingMessage) => void): UpgradeHandler {
  return (request, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    socket.write(Buffer.concat([Buffer.from(SWITCHING), first]));
    then(socket, request);
  };
}

/** An upgrade handler that sends back what it gets. */
export const echoing: UpgradeHandler = accepting(new Uint8Array(), (socket) => {
  socket.on('data', (chunk: Buffer) => socket.write(chunk));
  socket.on('end', () => socket.end());
});

export async function startUpstream(handlers: UpstreamHandlers = {}): Promise<UpstreamServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer(
    { headersTimeout: handlers.headersTimeoutMs ?? 90_000, connectionsCheckingInterval: 50, maxHeaderSize: 32_768 },
    handlers.onRequest,
  );
  if (handlers.onUpgrade !== undefined) server.on('upgrade', handlers.onUpgrade);
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    accepted: () => accepted,
    sockets,
    close,
    [Symbol.asyncDispose]: close,
  };
}
