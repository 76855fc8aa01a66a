// An HTTP proxy that opens tunnels by CONNECT and nothing else, as networks that let nothing else out have one. It knows
// names that nobody else knows: what is asked for by such a name came through it.
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A running proxy. */
export type ConnectProxy = AsyncDisposable & {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** What CONNECT asked for so far, `HOST:PORT`. */
  readonly asked: string[];
  /** Requests that were no CONNECT. */
  readonly others: string[];
  /** Breaks all tunnels. */
  breakAll(): void;
};

/** `names`: the ports of the loopback that hosts stand for, whatever port is asked for; others are refused with 502. */
export async function startConnectProxy(
  names: Readonly<Record<string, number>>,
  options: { readonly credentials?: string; readonly status?: number } = {},
): Promise<ConnectProxy> {
  const asked: string[] = [];
  const others: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((request, response) => {
    others.push(`${request.method} ${request.url}`);
    response.writeHead(400).end();
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket)).on('error', () => {});
  });
  server.on('connect', (request, near: Socket, head: Buffer) => {
    const target = request.url ?? '';
    asked.push(target);
    const refuse = (status: number): void => void near.end(`HTTP/1.1 ${status} No\r\nContent-Length: 3\r\n\r\nno\n`);
    const { credentials, status } = options;
    const basic = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
    if (basic !== undefined && request.headers['proxy-authorization'] !== basic) return refuse(407);
    const port = names[target.replace(/:\d+$/, '')];
    if (status !== undefined || port === undefined) return refuse(status ?? 502);
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    open.add(far);
    far.once('connect', () => {
      near.write('HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n');
      far.write(head);
      near.pipe(far).pipe(near);
    });
    far
      .on('error', () => near.destroy())
      .once('close', () => {
        open.delete(far);
        near.destroy();
      });
    near.once('close', () => far.destroy());
    return undefined;
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const breakAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    others,
    breakAll,
    async [Symbol.asyncDispose]() {
      breakAll();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}
