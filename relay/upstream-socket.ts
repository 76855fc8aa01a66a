// One TCP or TLS connection to an upstream whose reads land in shared buffers (`onread`) and go to whoever is the
// sink at that moment: first the reader of the answer's head, then the joined session. Owns dialling and the
// connection's current landing buffer; what the bytes mean is not its business.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { HeddleError } from '../protocol/errors.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import { LARGEST_LANDING, nextLandingSize, SMALLEST_LANDING } from './landing-buffers.ts';
import type { LandingBuffers } from './landing-buffers.ts';

/**
 * Takes `bytes` bytes at the start of `buffer` and the buffer itself: it must be given back to the landing buffers.
 * False asks for a pause until `socket.resume()`; TLS may still deliver what it has decrypted already.
 */
export type ReadSink = (buffer: Buffer, bytes: number) => boolean;

/** Where an upstream listens. */
export type Endpoint = {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** PEM of certificate authorities to trust instead of the system's. */
  readonly trustedCertificates?: string | undefined;
  /** Shown to an upstream that asks who is dialling. */
  readonly identity?: TlsIdentity | undefined;
};

export type DialOptions = { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined };

/** Probes of a silent peer start after this long, so that a vanished machine does not hold a session for hours. */
const KEEP_ALIVE_PROBE_MS = 30_000;

/** A connected upstream socket; throws `unreachable` or `timeout`, with the socket's own error as cause. */
export async function dialUpstream(
  endpoint: Endpoint,
  buffers: LandingBuffers,
  options: DialOptions,
): Promise<UpstreamSocket> {
  options.signal?.throwIfAborted();
  const connection = new UpstreamSocket(endpoint, buffers);
  const { socket } = connection;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(options.signal?.reason);
  const timer = setTimeout(() => {
    reject(new HeddleError('timeout', `no connection within ${options.timeoutMs} ms`, { side: 'remote' }));
  }, options.timeoutMs);
  socket.once(endpoint.tls ? 'secureConnect' : 'connect', resolve);
  socket.once('error', (cause) => reject(unreachable(cause)));
  socket.once('close', () => reject(unreachable(undefined)));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
    return connection;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

export class UpstreamSocket {
  readonly socket: Socket;
  readonly buffers: LandingBuffers;
  readonly #largest: number;
  #landing: Buffer | undefined;
  #size: number = SMALLEST_LANDING;
  #sink: ReadSink;

  constructor(endpoint: Endpoint, buffers: LandingBuffers) {
    this.buffers = buffers;
    // TLS hands out one record (16 KiB) at a time: larger buffers would stay empty.
    this.#largest = endpoint.tls ? SMALLEST_LANDING : LARGEST_LANDING;
    this.#sink = (buffer) => {
      buffers.give(buffer);
      return true;
    };
    const onread = { buffer: () => this.#current(), callback: (bytes: number) => this.#landed(bytes) };
    const { host, port, tls } = endpoint;
    const tcp = { host, port, noDelay: true, allowHalfOpen: true, onread };
    this.socket = tls ? connectTls({ ...tcp, ...secure(host), ...trustOf(endpoint) }) : connect(tcp);
    this.socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    // An error is followed by 'close', which is what everybody here acts on; unheard, it would end the process.
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      if (this.#landing !== undefined) buffers.drop(this.#landing);
      this.#landing = undefined;
    });
  }

  /** From now on reads go to `sink`, and reading goes on. */
  readInto(sink: ReadSink): void {
    this.#sink = sink;
    this.socket.resume();
  }

  /** Said by a sink whose read was the last for a while: the next one pins the smallest buffer. */
  rest(): void {
    this.#size = SMALLEST_LANDING;
  }

  // Node asks for the buffer of the next read right after each read, also after one that asked for a pause, and again
  // for every address it tries while connecting: hence never a buffer that a write still uses, and the same one until
  // bytes have landed.
  #current(): Buffer {
    this.#landing ??= this.buffers.take(this.#size);
    return this.#landing;
  }

  #landed(bytes: number): boolean {
    const buffer = this.#landing;
    if (buffer === undefined) throw new HeddleError('internal', 'a read landed in no buffer');
    this.#landing = undefined;
    this.#size = nextLandingSize(buffer.length, bytes, this.#largest);
    return this.#sink(buffer, bytes);
  }
}

/** Ends a connection so that the peer sees a reset, not a clean end, wherever the platform can say so. */
export function cutOff(socket: Socket): void {
  if (socket.destroyed) return;
  // A reset of a TLS socket is not offered, and one behind a begun FIN fails and would leak the handle.
  if (socket instanceof TLSSocket || socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** What certificates an https upstream is judged by, and shown. */
function trustOf({ trustedCertificates: ca, identity }: Endpoint): { ca?: string; cert?: string; key?: string } {
  const shown = identity === undefined ? {} : { cert: identity.certificate, key: identity.key };
  return { ...(ca === undefined ? {} : { ca }), ...shown };
}

function secure(host: string): { servername?: string; ALPNProtocols: string[] } {
  const isAddress = /^[0-9.]+$/.test(host) || host.includes(':');
  return { ALPNProtocols: ['http/1.1'], ...(isAddress ? {} : { servername: host }) };
}

function unreachable(cause: Error | undefined): HeddleError {
  const text = cause === undefined ? 'the connection was closed' : messageOf(cause);
  return new HeddleError('unreachable', text, { side: 'remote', cause });
}

// Several addresses that all failed come as an AggregateError with an empty message.
function messageOf(cause: Error): string {
  if (cause.message !== '') return cause.message;
  return cause instanceof AggregateError ? cause.errors.map((error: Error) => error.message).join('; ') : cause.name;
}
