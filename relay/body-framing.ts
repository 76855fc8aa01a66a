// Where the body behind an answer's head ends (RFC 9112 §6): counted, in chunks, or with the connection. Hands on the data
// without its framing, as slices of what it is given. Owns no bytes and no socket.
import { HeddleError } from '../protocol/errors.ts';
import type { ResponseHead } from '../protocol/http-head.ts';
import { LIMITS } from '../protocol/limits.ts';

/** The end of one body. */
export type BodyFraming = {
  /** True when the end of the connection is the end of the body. */
  readonly endsWithConnection: boolean;
  /** True when something came behind the end: the connection is good for nothing more. */
  readonly hasSurplus: boolean;
  /** Calls `onData` with each run of data in `bytes`; true when the body is complete. Throws `handshake-failed`. */
  take(bytes: Buffer, onData: (data: Buffer) => void): boolean;
};

/** The longest line of a chunk's size, with extensions nobody uses. */
const MOST_SIZE_LINE = 256;

/** The framing of the answer to a `method` request. Throws `handshake-failed` when the head contradicts itself. */
export function framingOf({ status, headers }: ResponseHead, method: string): BodyFraming {
  if (method === 'HEAD' || status === 204 || status === 304) return new CountedBody(0);
  const coding = headers.get('transfer-encoding');
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw nonsense(`Transfer-Encoding is not "chunked" alone`);
    return new ChunkedBody();
  }
  const length = headers.get('content-length');
  if (length === undefined) return new OpenBody();
  if (!/^[0-9]{1,15}$/.test(length)) throw nonsense('Content-Length is not a number');
  return new CountedBody(Number(length));
}

class CountedBody implements BodyFraming {
  readonly endsWithConnection = false;
  #left: number;
  #hasSurplus = false;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get hasSurplus(): boolean {
    return this.#hasSurplus;
  }

  take(bytes: Buffer, onData: (data: Buffer) => void): boolean {
    const own = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    if (own.length < bytes.length) this.#hasSurplus = true;
    this.#left -= own.length;
    if (own.length > 0) onData(own);
    return this.#left === 0;
  }
}

class OpenBody implements BodyFraming {
  readonly endsWithConnection = true;
  readonly hasSurplus = true;

  take(bytes: Buffer, onData: (data: Buffer) => void): boolean {
    if (bytes.length > 0) onData(bytes);
    return false;
  }
}

/** RFC 9112 §7.1; trailers are dropped. */
class ChunkedBody implements BodyFraming {
  readonly endsWithConnection = false;
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'done' = 'size';
  /** The part of a line that has come so far. */
  #line = '';
  #left = 0;
  #trailerBytes = 0;
  #hasSurplus = false;

  get hasSurplus(): boolean {
    return this.#hasSurplus;
  }

  take(bytes: Buffer, onData: (data: Buffer) => void): boolean {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') {
      at += this.#state === 'data' ? this.#takeData(bytes, at, onData) : this.#takeLine(bytes, at);
    }
    if (at < bytes.length) this.#hasSurplus = true;
    return this.#state === 'done';
  }

  #takeData(bytes: Buffer, at: number, onData: (data: Buffer) => void): number {
    const data = bytes.subarray(at, at + this.#left);
    this.#left -= data.length;
    if (this.#left === 0) this.#state = 'data-end';
    onData(data);
    return data.length;
  }

  #takeLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline + 1;
    const most = this.#state === 'trailer' ? LIMITS.maxHeadBytes : MOST_SIZE_LINE;
    if (this.#line.length + end - at > most) throw nonsense('a chunk has a line that is too long');
    this.#line += bytes.toString('latin1', at, end);
    if (newline >= 0) {
      if (!this.#line.endsWith('\r\n')) throw nonsense('a line of a chunk has no proper end');
      this.#endLine(this.#line.slice(0, -2));
      this.#line = '';
    }
    return end - at;
  }

  #endLine(line: string): void {
    if (this.#state === 'size') {
      const size = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/.exec(line)?.[1];
      if (size === undefined) throw nonsense('a chunk has no size');
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'data';
    } else if (this.#state === 'data-end') {
      if (line !== '') throw nonsense('a chunk is longer than its size');
      this.#state = 'size';
    } else {
      this.#trailerBytes += line.length;
      if (this.#trailerBytes > LIMITS.maxHeadBytes) throw nonsense('the trailer is too long');
      if (line === '') this.#state = 'done';
    }
  }
}

function nonsense(text: string): HeddleError {
  return new HeddleError('handshake-failed', text, { side: 'remote' });
}
