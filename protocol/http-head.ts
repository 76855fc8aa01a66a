// The head of an HTTP/1.1 message, as far as the upgrade and forwarding need it: the client and the relay dial with their own
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

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The head at the start of `bytes`, or undefined while it is not complete. Throws `handshake-failed` on nonsense.
 * A caller whose bytes come in small pieces says how many of them were `searched` before, so that none is read twice.
 */
export function parseResponseHead(bytes: Uint8Array, searched = 0): ResponseHead | undefined {
  const end = endOfHead(bytes, searched);
  if ((end ?? bytes.length) > LIMITS.maxHeadBytes) {
    throw nonsense(`the answer's head exceeds ${LIMITS.maxHeadBytes} bytes`);
  }
  if (!'HTTP/1.'.startsWith(textOf(bytes.subarray(0, 7)))) throw nonsense('the answer is not HTTP/1.1');
  if (end === undefined) return undefined;
  const [statusLine = '', ...lines] = textOf(bytes.subarray(0, end - 4)).split('\r\n');
  const match = /^HTTP\/1\.[01] ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?$/.exec(statusLine);
  if (match === null) throw nonsense('the answer has no HTTP/1.1 status line');
  const headers = new Map<string, string>();
  for (const [rawName, value] of fieldsOf(lines)) {
    const name = rawName.toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(match[1]), headers, bytes: end };
}

/** The header lines of a whole head one by one, as they were written: for who passes them on. */
export function rawFields(head: Uint8Array): [string, string][] {
  const [, ...lines] = textOf(head.subarray(0, head.length - 4)).split('\r\n');
  return fieldsOf(lines);
}

/**
 * A request's head as text, to be written as latin1. Throws `bad-request` for what could end a line or the head early:
 * a method or name that is no token, a target with anything but visible ASCII, a value with a control character or
 * one beyond latin1 (writing it would cut it down, and U+010A down to a line feed).
 */
export function formatRequestHead(
  method: string,
  target: string,
  headers: Iterable<readonly [string, string]>,
): string {
  if (!TOKEN.test(method) || !/^[\x21-\x7e]+$/.test(target)) throw injection('the request line');
  return format(`${method} ${target} HTTP/1.1`, headers);
}

/** An answer's head as text, to be written as latin1; the same checks. */
export function formatResponseHead(
  status: number,
  reason: string,
  headers: Iterable<readonly [string, string]>,
): string {
  if (!/^[1-5][0-9][0-9]$/.test(String(status)) || !FIELD_VALUE.test(reason)) throw injection('the status line');
  return format(`HTTP/1.1 ${status} ${reason}`, headers);
}

function fieldsOf(lines: readonly string[]): [string, string][] {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = trimmed(line.slice(colon + 1));
    if (!TOKEN.test(name) || !FIELD_VALUE.test(value)) throw nonsense('the answer has a malformed header line');
    return [name, value];
  });
}

function format(firstLine: string, headers: Iterable<readonly [string, string]>): string {
  let text = `${firstLine}\r\n`;
  for (const [name, value] of headers) {
    if (!TOKEN.test(name) || !FIELD_VALUE.test(value)) throw injection('a header');
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

function endOfHead(bytes: Uint8Array, searched: number): number | undefined {
  for (let at = Math.max(3, searched); at < bytes.length; at += 1) {
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10 && bytes[at - 3] === 13) return at + 1;
  }
  return undefined;
}

/** Bytes as latin1; the decoder of that name would read windows-1252. One by one: spreading them takes ten times as long. */
function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Without blanks at both ends. A loop, because an expression that does it takes quadratic time on long runs. */
function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value, start)) start += 1;
  while (end > start && isBlank(value, end - 1)) end -= 1;
  return value.slice(start, end);
}

function isBlank(text: string, at: number): boolean {
  return text[at] === ' ' || text[at] === '\t';
}

function injection(where: string): HeddleError {
  return new HeddleError('bad-request', `${where} holds what does not belong there`);
}

function nonsense(text: string): HeddleError {
  return new HeddleError('handshake-failed', text, { side: 'remote' });
}
