// One TCP or TLS connection to an upstream whose reads land in shared buffers (`onread`) and go to whoever is the
// sink at that moment: first the reader of the answer's head, then the joined session. Owns dialling and the
// connection's current landing buffer; what the bytes mean is not its business.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { HeddleError } from '../protocol/errors.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import { LANDING_SIZES, LARGE_LANDING, LARGEST_LANDING, SMALLEST_LANDING } from './landing-buffers.ts';
import type { LandingBuffers } from './landing-buffers.ts';
import { systemWords } from '../protocol/system-words.ts';

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
  const onError = (cause: Error): void => reject(unreachable(cause));
  const onClose = (): void => reject(unreachable(undefined));
  socket.once('error', onError).once('close', onClose);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
    return connection;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    // each session closes its socket in the end: to make an error of that for nobody costs more than parsing its head
    socket.off('error', onError).off('close', onClose);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

export class UpstreamSocket {
  readonly socket: Socket;
  readonly buffers: LandingBuffers;
  /** A buffer of its own for the next read; without one it lands on the doorstep. */
  #landing: Buffer | undefined;
  /** The last read filled its place: there is more than the doorstep holds. */
  #hasMore = false;
  /** Records of TLS that are handed on together. */
  #gathered: Buffer | undefined;
  #gatheredBytes = 0;
  #gatherSize: number = SMALLEST_LANDING;
  /** What is gathered will be handed on before the next reads. */
  #isHandingOn = false;
  #sink: ReadSink;

  constructor(endpoint: Endpoint, buffers: LandingBuffers) {
    this.buffers = buffers;
    this.#sink = (buffer) => {
      buffers.give(buffer);
      return true;
    };
    // One place for all records: to be asked for it each time would cost a tenth of a TLS relay.
    const onread = endpoint.tls
      ? { buffer: buffers.narrowDoorstep, callback: (bytes: number) => this.#gather(bytes) }
      : { buffer: () => this.#place(), callback: (bytes: number, place: Uint8Array) => this.#landed(bytes, place) };
    const { host, port, tls } = endpoint;
    const tcp = { host, port, noDelay: true, allowHalfOpen: true, onread };
    this.socket = tls ? connectTls({ ...tcp, ...secure(host), ...trustOf(endpoint) }) : connect(tcp);
    this.socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    // An error is followed by 'close', which is what everybody here acts on; unheard, it would end the process.
    this.socket.on('error', () => {});
    // Heard before all others: whoever acts on the end has everything that came before it.
    this.socket.on('end', () => this.#handOnGathered());
    this.socket.on('close', () => {
      this.#handOnGathered();
      if (this.#landing !== undefined) buffers.drop(this.#landing);
      this.#landing = undefined;
    });
  }

  /** From now on reads go to `sink`, and reading goes on. */
  readInto(sink: ReadSink): void {
    this.#sink = sink;
    this.socket.resume();
  }

  /** Said by a sink whose read was the last for a while: no buffer is kept for the next one. */
  rest(): void {
    this.#hasMore = false;
  }

  // Node asks for the place of the next read right after each read, also after one that asked for a pause, and again for
  // every address it tries while connecting: hence the same buffer until bytes have landed. A read and the call that
  // tells of it are one step: what lands on the doorstep is safe until that call returns.
  #place(): Buffer {
    if (this.#landing !== undefined) return this.#landing;
    const { buffers } = this;
    if (!this.#hasMore || !buffers.hasRoomFor(LARGEST_LANDING)) return buffers.doorstep;
    this.#landing = buffers.take(LARGEST_LANDING);
    return this.#landing;
  }

  #landed(bytes: number, place: Uint8Array): boolean {
    const buffer = this.#landing ?? this.#fromDoorstep(place, bytes);
    this.#landing = undefined;
    this.#hasMore = bytes === place.length;
    return this.#sink(buffer, bytes);
  }

  #fromDoorstep(place: Uint8Array, bytes: number): Buffer {
    const buffer = this.buffers.take(bytes);
    buffer.set(bytes === place.length ? place : place.subarray(0, bytes));
    return buffer;
  }

  // TLS hands out one record (16 KiB) at a time, several in a row: written one by one, each would be a system call.
  #gather(bytes: number): boolean {
    const place = this.buffers.narrowDoorstep;
    const record = bytes === place.length ? place : place.subarray(0, bytes);
    let gathered = this.#gathered;
    let goesOn = true;
    if (gathered !== undefined && gathered.length - this.#gatheredBytes < bytes) {
      goesOn = this.#handOnGathered();
      gathered = undefined;
    }
    gathered ??= this.#gathered = this.buffers.take(this.#gatherSize);
    gathered.set(record, this.#gatheredBytes);
    this.#gatheredBytes += bytes;
    if (this.#gatheredBytes === gathered.length) return this.#handOnGathered();
    if (!this.#isHandingOn) setImmediate(() => this.#handOnSoon());
    this.#isHandingOn = true;
    return goesOn;
  }

  #handOnSoon(): void {
    this.#isHandingOn = false;
    if (!this.#handOnGathered()) this.socket.pause();
  }

  #handOnGathered(): boolean {
    const buffer = this.#gathered;
    if (buffer === undefined) return true;
    const bytes = this.#gatheredBytes;
    this.#gathered = undefined;
    this.#gatheredBytes = 0;
    this.#gatherSize = nextGatherSize(buffer.length, bytes);
    return this.#sink(buffer, bytes);
  }
}

/** The size to gather in next: the largest that is gathered when one was full, a smaller one when a quarter would do. */
function nextGatherSize(size: number, bytes: number): number {
  if (bytes === size) return LARGE_LANDING;
  const smaller = LANDING_SIZES.findLast((each) => each < size);
  return bytes * 4 <= size && smaller !== undefined ? smaller : size;
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
  const text = cause === undefined ? 'the connection was closed' : systemWords(cause);
  return new HeddleError('unreachable', text, { side: 'remote', cause });
}
