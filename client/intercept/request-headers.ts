// The headers of a request as undici's callers write them (an object, a flat list, pairs), in one form. What is unusual
// is left to undici: it says what it thinks of it.
import type { Dispatcher } from 'undici';

/** Lower-case names and their values, each name once. */
export type PlainHeaders = ReadonlyMap<string, string>;

/**
 * What of a request goes over a route: relays are not trusted with cookies, credentials and what else a program tells
 * its own server.
 */
const FORWARDED: readonly string[] = [
  'accept',
  'accept-language',
  'cache-control',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'pragma',
  'range',
  'traceparent',
  'tracestate',
  'user-agent',
];

/** Headers that say something about the connection or a body: a plain GET has none, and undici refuses some of them. */
const UNUSUAL: readonly string[] = [
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The headers, or undefined when a name is repeated, unusual, or anything is not plain text. */
export function readHeaders(headers: Dispatcher.DispatchOptions['headers']): PlainHeaders | undefined {
  const plain = new Map<string, string>();
  for (const [name, value] of pairsOf(headers)) {
    if (value === undefined) continue;
    const key = String(name).toLowerCase();
    if (typeof value !== 'string' || !NAME.test(key) || !VALUE.test(value) || plain.has(key)) return undefined;
    if (UNUSUAL.includes(key) || (key === 'connection' && !/^(?:keep-alive|close)$/i.test(value))) return undefined;
    plain.set(key, value);
  }
  return plain;
}

/** Those that go over a route, asking for the bytes as they are; `more` replaces or (undefined) removes some. */
export function headersForRoute(
  headers: PlainHeaders,
  more: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const chosen: Record<string, string> = { 'accept-encoding': 'identity' };
  for (const name of FORWARDED) {
    const value = headers.get(name);
    if (value !== undefined && !Object.hasOwn(more, name)) chosen[name] = value;
  }
  for (const [name, value] of Object.entries(more)) if (value !== undefined) chosen[name] = value;
  return chosen;
}

function pairsOf(headers: Dispatcher.DispatchOptions['headers']): Iterable<readonly [unknown, unknown]> {
  if (headers === undefined || headers === null) return [];
  if (Array.isArray(headers)) {
    // an odd list has a name without a value, which is not plain
    return Array.from({ length: Math.ceil(headers.length / 2) }, (_, at) => [
      headers[2 * at],
      headers[2 * at + 1] ?? null,
    ]);
  }
  if (Symbol.iterator in headers)
    return [...headers].map((pair) => (Array.isArray(pair) ? [pair[0], pair[1]] : ['', '']));
  return Object.entries(headers);
}
