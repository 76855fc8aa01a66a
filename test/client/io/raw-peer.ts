// A server played by hand: it accepts, reads the request and the frames behind it, and writes whatever the test says.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { CLIENT_FRAME_TYPES, FrameReader } from '../../../protocol/frame-reader.ts';
import type { ClientFrame } from '../../../protocol/frames.ts';
import { formatResponseHead } from '../../../protocol/http-head.ts';

/** The head of an answer that upgrades. */
export const UPGRADED: Buffer = Buffer.from(
  formatResponseHead(101, 'Switching Protocols', [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'heddle/1'],
  ]),
);

/** Listens on a free port of the loopback. */
export async function startPeer(options: { tls?: TlsOptions; host?: string } = {}): Promise<PeerServer> {
  const { tls, host = '127.0.0.1' } = options;
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  const accepted = new PeerServer(server, tls !== undefined, host);
  server.listen(0, host);
  await once(server, 'listening');
  return accepted;
}

export class PeerServer {
  readonly #server: Server;
  readonly #scheme: string;
  readonly #host: string;
  readonly #peers: Peer[] = [];
  readonly #waiting: ((peer: Peer) => void)[] = [];
  readonly #all: Socket[] = [];

  constructor(server: Server, secure: boolean, host: string) {
    this.#server = server;
    this.#scheme = secure ? 'https' : 'http';
    this.#host = host.includes(':') ? `[${host}]` : host;
    server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#all.push(socket);
      const peer = new Peer(socket);
      const taker = this.#waiting.shift();
      if (taker === undefined) this.#peers.push(peer);
      else taker(peer);
    });
  }

  get url(): URL {
    return new URL(`${this.#scheme}://${this.#host}:${(this.#server.address() as AddressInfo).port}`);
  }

  /** The next connection. */
  accept(): Promise<Peer> {
    const peer = this.#peers.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    const { promise, resolve } = Promise.withResolvers<Peer>();
    this.#waiting.push(resolve);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#all) socket.destroy();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }
}

/** The server's end of one connection. */
export class Peer {
  readonly socket: Socket;
  readonly frames: ClientFrame[] = [];
  /** How the connection ended: 'fin', or the code of the error. */
  readonly ended: Promise<string>;
  #head = '';
  readonly #reader = new FrameReader(CLIENT_FRAME_TYPES);
  readonly #complete: Promise<string>;
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(socket: Socket) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#complete = promise;
    const end = Promise.withResolvers<string>();
    this.ended = end.promise;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk, resolve));
    socket.on('end', () => end.resolve('fin'));
    socket.on('error', (error: NodeJS.ErrnoException) => end.resolve(String(error.code)));
    socket.on('close', () => end.resolve('close'));
  }

  /** The whole head of the request. */
  head(): Promise<string> {
    return this.#complete;
  }

  /** Settles when `count` frames have come. */
  async untilFrames(count: number): Promise<ClientFrame[]> {
    while (this.frames.length < count) await this.#wake.promise;
    return this.frames;
  }

  /** Writes and waits until the bytes are with the kernel. */
  async write(...parts: readonly (Uint8Array | string)[]): Promise<void> {
    for (const part of parts) {
      await new Promise<void>((resolve) => {
        this.socket.write(part, () => resolve());
      });
    }
  }

  /** Writes in pieces of these sizes, over and over, each in a packet of its own as far as TCP lets it. */
  async writeIn(sizes: readonly number[], bytes: Uint8Array): Promise<void> {
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      await this.write(bytes.subarray(at, at + size));
      at += size;
    }
  }

  #onData(chunk: Buffer, whole: (head: string) => void): void {
    let rest = chunk;
    if (!this.#head.endsWith('\r\n\r\n')) {
      const text = this.#head + chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      const taken = end < 0 ? text.length : end + 4;
      rest = chunk.subarray(taken - this.#head.length);
      this.#head = text.slice(0, taken);
      if (end >= 0) whole(this.#head);
    }
    if (rest.length > 0) this.frames.push(...(this.#reader.push(rest) as ClientFrame[]));
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
