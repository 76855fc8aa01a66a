// The head of an HTTP/1.1 message, as far as the upgrade needs it: the client and the relay dial with their own
// sockets (so that reads land in their own buffers) and therefore read the answer's head themselves. Bodies are not
// this file's business. Header names are kept lower-case; a repeated header is joined with ", ".
import { HeddleError } from './errors.ts';
import { LIMITS } from './limits.ts';

/** Status line and headers of an answer. `bytes` is how many input bytes the head took. */
export type ResponseHead = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: number;
};

const latin1 = new TextDecoder('latin1');

/** The head at the start of `bytes`, or undefined while it is not complete. Throws `handshake-failed` on nonsense. */
export function parseResponseHead(bytes: Uint8Array): ResponseHead | undefined {
  const end = endOfHead(bytes);
  if (end === undefined) {
    if (bytes.length > LIMITS.maxHeadBytes) throw nonsense(`the answer's head exceeds ${LIMITS.maxHeadBytes} bytes`);
    if (bytes.length >= 5 && latin1.decode(bytes.subarray(0, 5)) !== 'HTTP/') throw nonsense('the answer is not HTTP');
    return undefined;
  }
  if (end > LIMITS.maxHeadBytes) throw nonsense(`the answer's head exceeds ${LIMITS.maxHeadBytes} bytes`);
  const [statusLine = '', ...lines] = latin1.decode(bytes.subarray(0, end - 4)).split('\r\n');
  const match = /^HTTP\/1\.[01] ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(statusLine);
  if (match === null) throw nonsense('the answer has no HTTP/1.1 status line');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const header = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line);
    if (header === null) throw nonsense('the answer has a malformed header line');
    const name = (header[1] ?? '').toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? (header[2] ?? '') : `${before}, ${header[2] ?? ''}`);
  }
  return { status: Number(match[1]), headers, bytes: end };
}

/** A request's head as text. Throws `bad-request` when a value could split the head (CR, LF, NUL). */
export function formatRequestHead(
  method: string,
  target: string,
  headers: Iterable<readonly [string, string]>,
): string {
  return format(`${method} ${checked(target)} HTTP/1.1`, headers);
}

/** An answer's head as text; the same check. */
export function formatResponseHead(
  status: number,
  reason: string,
  headers: Iterable<readonly [string, string]>,
): string {
  return format(`HTTP/1.1 ${status} ${checked(reason)}`, headers);
}

function format(firstLine: string, headers: Iterable<readonly [string, string]>): string {
  let text = `${firstLine}\r\n`;
  for (const [name, value] of headers) text += `${checked(name)}: ${checked(value)}\r\n`;
  return `${text}\r\n`;
}

function checked(value: string): string {
  if (/[\r\n\0]/.test(value)) throw new HeddleError('bad-request', 'a header holds a line break');
  return value;
}

function endOfHead(bytes: Uint8Array): number | undefined {
  for (let at = 3; at < bytes.length; at += 1) {
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10 && bytes[at - 3] === 13) return at + 1;
  }
  return undefined;
}

function nonsense(text: string): HeddleError {
  return new HeddleError('handshake-failed', text, { side: 'remote' });
}
