// The framing of an HTTP/1.1 body (RFC 9112, 6): by its length, in chunks, or up to the end of the connection. Chunks are
// taken apart here; nothing is kept. Pure.
import { HeddleError } from '../../protocol/errors.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';

/** How a body ends. */
export type Framing =
  | { readonly type: 'length'; readonly bytes: number }
  | { readonly type: 'chunked' }
  | { readonly type: 'close' };

/** Bytes of a chunk's size line or a trailer line. */
const MOST_LINE_BYTES = 4_096;

/** The framing of the body behind `head`, the answer to a GET. Throws `handshake-failed` for one that is ambiguous. */
export function framingOf(head: ResponseHead): Framing {
  const { status, headers } = head;
  if (status === 204 || status === 304) return { type: 'length', bytes: 0 };
  const coding = headers.get('transfer-encoding')?.toLowerCase();
  const length = headers.get('content-length');
  if (coding !== undefined) {
    if (coding !== 'chunked' || length !== undefined) throw nonsense('the answer has an ambiguous length');
    return { type: 'chunked' };
  }
  if (length === undefined) return { type: 'close' };
  if (!/^\d{1,15}$/.test(length)) throw nonsense(`the answer has Content-Length "${length.slice(0, 40)}"`);
  return { type: 'length', bytes: Number(length) };
}

/** True when no further answer comes on the connection; `minor` is the x of HTTP/1.x. */
export function isLastAnswer(head: ResponseHead, minor: number): boolean {
  const words = (head.headers.get('connection') ?? '').toLowerCase().split(/[\s,]+/);
  return words.includes('close') || (minor === 0 && !words.includes('keep-alive'));
}

/** Takes a chunked body apart. */
export class ChunkedBody {
  #part: 'size' | 'data' | 'data-end' | 'trailer' | 'over' = 'size';
  #line = '';
  #left = 0;

  /** True when the last chunk and the trailers were read. */
  get over(): boolean {
    return this.#part === 'over';
  }

  /** Reads from `bytes`; `onData` gets views of the payload. Returns how many bytes belong to the body. */
  read(bytes: Uint8Array, onData: (piece: Uint8Array) => void): number {
    let at = 0;
    while (at < bytes.length && this.#part !== 'over') {
      if (this.#part === 'data') {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#part = 'data-end';
        onData(piece);
      } else {
        const byte = bytes[at] ?? 0;
        at += 1;
        if (byte === 10) this.#takeLine();
        else this.#line += String.fromCharCode(byte);
        if (this.#line.length > MOST_LINE_BYTES) throw nonsense('a chunk of the answer has no size');
      }
    }
    return at;
  }

  #takeLine(): void {
    const line = this.#line.replace(/\r$/, '');
    this.#line = '';
    if (this.#part === 'data-end') {
      if (line !== '') throw nonsense('a chunk of the answer is longer than it says');
      this.#part = 'size';
    } else if (this.#part === 'trailer') {
      if (line === '') this.#part = 'over';
    } else {
      const size = /^([0-9a-f]{1,12})\s*(?:;.*)?$/i.exec(line)?.[1];
      if (size === undefined) throw nonsense('a chunk of the answer has no size');
      this.#left = Number.parseInt(size, 16);
      this.#part = this.#left === 0 ? 'trailer' : 'data';
    }
  }
}

function nonsense(text: string): HeddleError {
  return new HeddleError('handshake-failed', text, { side: 'remote' });
}
