// One keep-alive HTTP/1.1 connection to a mirror: requests out, as many as the owner likes, their answers in, one after
// another. Cuts heads from bodies and undoes chunks; a body of known length is read straight into the owner's buffers.
// What an answer means is not known here.
import type { Socket } from 'node:net';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import { formatRequestHead, parseResponseHead } from '../../protocol/http-head.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { Dial } from './dial.ts';
import type { DialTarget } from './dial.ts';
import { ChunkedBody, framingOf, isLastAnswer } from './range-body.ts';
import { systemWords } from '../../protocol/system-words.ts';

/** What happens on a connection. After `ended`, or a `close`, nothing else follows. */
export type RangeConnectionEvents = {
  connected(connectMs: number): void;
  /** An answer begins. True: its body goes to `space`; false: it is thrown away. */
  head(head: ResponseHead, isLast: boolean): boolean;
  /** Where the next bytes of the body go; empty when the owner expects no more. */
  space(): Uint8Array;
  filled(bytes: number): void;
  /** The answer is over. */
  done(): void;
  ended(error: HeddleError): void;
};

/** Bytes of a read while a head is expected: what comes behind the head has to be copied. */
const HEAD_READ_BYTES = 2_048;
/** Bytes of a read of what is thrown away or comes in chunks. */
const LOOSE_READ_BYTES = 65_536;

type Body = { left: number; readonly chunks: ChunkedBody | undefined; readonly isWanted: boolean };

/** A connection, made or in the making. */
export class RangeConnection {
  readonly #events: RangeConnectionEvents;
  readonly #dial: Dial;
  readonly #loose: Uint8Array = new Uint8Array(LIMITS.maxHeadBytes + LOOSE_READ_BYTES);
  #used = 0;
  #searched = 0;
  #body: Body | undefined;
  /** The present read goes into the owner's buffer. */
  #isDirect = false;
  #ended = false;

  constructor(target: DialTarget, events: RangeConnectionEvents, dial?: Dial) {
    this.#events = events;
    this.#dial = dial ?? new Dial(target);
    this.#dial.attach({ space: () => this.#space(), filled: (bytes) => this.#read(bytes) });
    this.#dial.watch({
      connected: (connectMs) => {
        if (!this.#ended) events.connected(connectMs);
      },
      failed: (error) => this.#fail(lossOf(error)),
      over: () => this.#over(),
    });
  }

  get #socket(): Socket {
    return this.#dial.socket;
  }

  /** The server's address, while there is a connection. */
  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Sends a GET for `target`. Requests of one turn of the event loop leave together. */
  ask(target: string, headers: Iterable<readonly [string, string]>): void {
    if (this.#ended || !this.#socket.writable) return;
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(formatRequestHead('GET', target, headers), 'latin1');
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends the connection at once. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
  }

  #space(): Uint8Array {
    this.#isDirect = false;
    if (this.#ended) return this.#loose;
    if (this.#body === undefined) return this.#loose.subarray(this.#used, this.#used + HEAD_READ_BYTES);
    if (this.#body.isWanted && this.#body.chunks === undefined) {
      const space = this.#events.space();
      this.#isDirect = space.length > 0;
      if (this.#isDirect) return space.subarray(0, this.#body.left);
    }
    return this.#loose.subarray(0, LOOSE_READ_BYTES);
  }

  #read(bytes: number): void {
    if (this.#ended) return;
    try {
      if (this.#body !== undefined && this.#isDirect) {
        this.#body.left -= bytes;
        this.#events.filled(bytes);
        this.#finishBody();
        return;
      }
      this.#used += bytes;
      this.#takeLoose();
    } catch (error) {
      this.#fail(asHeddleError(error, 'handshake-failed'));
    }
  }

  /** Works through what was read into the loose buffer: heads, and bodies that could not be read where they belong. */
  #takeLoose(): void {
    let at = 0;
    while (!this.#ended && at < this.#used) {
      const bytes = this.#loose.subarray(at, this.#used);
      if (this.#body === undefined) {
        const head = parseResponseHead(bytes, this.#searched);
        this.#searched = bytes.length;
        if (head === undefined) break;
        this.#searched = 0;
        at += head.bytes;
        // "HTTP/1.x": the seventh byte on is the x
        if (head.status >= 200) this.#begin(head, (bytes[7] ?? 0) - 48);
        else if (head.status === 101) throw nonsense('the mirror switches to another protocol');
      } else at += this.#takeBody(this.#body, bytes);
    }
    if (this.#ended) return;
    this.#loose.copyWithin(0, at, this.#used);
    this.#used -= at;
  }

  #begin(head: ResponseHead, minor: number): void {
    const framing = framingOf(head);
    const isLast = framing.type === 'close' || isLastAnswer(head, minor);
    const left = framing.type === 'length' ? framing.bytes : Number.POSITIVE_INFINITY;
    const chunks = framing.type === 'chunked' ? new ChunkedBody() : undefined;
    const isWanted = this.#events.head(head, isLast);
    if (this.#ended) return;
    this.#body = { left, chunks, isWanted };
    this.#finishBody();
  }

  #takeBody(body: Body, bytes: Uint8Array): number {
    if (body.chunks !== undefined) {
      const used = body.chunks.read(bytes, (piece) => {
        if (body.isWanted) this.#copy(piece);
      });
      this.#finishBody();
      return used;
    }
    const own = bytes.subarray(0, body.left);
    body.left -= own.length;
    if (body.isWanted) this.#copy(own);
    this.#finishBody();
    return own.length;
  }

  #copy(piece: Uint8Array): void {
    for (let at = 0; at < piece.length && !this.#ended; ) {
      const space = this.#events.space();
      if (space.length === 0) throw nonsense('the mirror sends more than it announced');
      const part = piece.subarray(at, at + space.length);
      space.set(part);
      at += part.length;
      this.#events.filled(part.length);
    }
  }

  #finishBody(): void {
    if (this.#ended || this.#body === undefined) return;
    if (this.#body.chunks === undefined ? this.#body.left > 0 : !this.#body.chunks.over) return;
    this.#body = undefined;
    this.#events.done();
  }

  /** The server closed: the end of a body that has no other, or of everything. */
  #over(): void {
    if (this.#ended) return;
    if (this.#body?.left === Number.POSITIVE_INFINITY && this.#body.chunks === undefined) {
      this.#body = undefined;
      this.#events.done();
    }
    this.#fail(new HeddleError('connection-lost', undefined, { side: 'remote' }));
  }

  #fail(error: HeddleError): void {
    if (this.#ended) return;
    this.close();
    this.#events.ended(error);
  }
}

/** What a socket's error means for a channel. */
function lossOf(error: NodeJS.ErrnoException): HeddleError {
  if (error instanceof HeddleError) return error;
  const isLost = error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.code === 'ETIMEDOUT';
  const text = systemWords(error);
  return new HeddleError(isLost ? 'connection-lost' : 'unreachable', text, { side: 'remote', cause: error });
}

function nonsense(text: string): HeddleError {
  return new HeddleError('handshake-failed', text, { side: 'remote' });
}
