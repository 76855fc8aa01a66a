// The connections of the proxy's listener: which of them wait for an answer or carry a tunnel. Says when the last of those
// is done once nobody new is let in; what is sent over them is not its business.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as SocketServer } from 'node:net';
import type { Socket } from 'node:net';

/** The connections of `server`, from now on. Make it before those who answer. */
export class Connections {
  readonly #server: Server;
  /** Everything that is open, and how much of it is under way: answers, or a tunnel. */
  readonly #open = new Map<Socket, number>();
  #closed: Promise<void> | undefined;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#open.set(socket, 0);
      socket.once('close', () => this.#open.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#count(socket, 1);
      // the client knows with the head that it needs another connection for the next request
      if (this.#closed !== undefined) response.shouldKeepAlive = false;
      response.once('close', () => this.#count(socket, -1));
    });
    server.on('connect', ({ socket }: IncomingMessage) => this.#count(socket, 1));
  }

  /** Answers and tunnels that are under way. */
  get underWay(): number {
    return [...this.#open.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Lets nobody in any more, and settles when all that is under way is done. */
  drain(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = promise;
    // http's own close ends connections whose answer is written but not sent yet
    SocketServer.prototype.close.call(this.#server, () => resolve());
    for (const [socket, count] of this.#open) if (count === 0) socket.destroy();
    return promise;
  }

  /** Ends all of them at once; settles when they are closed. */
  async destroy(): Promise<void> {
    const drained = this.drain();
    for (const socket of this.#open.keys()) socket.destroy();
    await drained;
    // what http's own listener has besides: it looks at its connections from time to time
    this.#server.close();
  }

  #count(socket: Socket, change: number): void {
    const count = this.#open.get(socket);
    if (count === undefined) return;
    this.#open.set(socket, count + change);
    if (count + change === 0 && this.#closed !== undefined) socket.destroySoon();
  }
}
