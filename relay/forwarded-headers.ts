// Which headers pass a relay, and the Via header: its growth by one entry per hop and what it says about loops.
// Works on raw header lists, so that the order, case and repetition of what passes stay as they were.
import { LIMITS } from '../protocol/limits.ts';

export type HeaderList = [string, string][];

// RFC 9110 §7.6.1, the proxy credentials of §11.7, and what the relay sets itself. A body is never forwarded in a
// request (only GET and HEAD pass), so what describes one goes too.
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const NOT_IN_REQUESTS: ReadonlySet<string> = new Set(['host', 'via', 'content-length', 'expect']);
const NOT_IN_ANSWERS: ReadonlySet<string> = new Set(['via']);

/** The end-to-end headers of a request, from node's flat raw list. `Host` and `Via` are left to the caller. */
export function requestHeaders(rawHeaders: readonly string[]): HeaderList {
  return endToEnd(pairs(rawHeaders), NOT_IN_REQUESTS);
}

/** The end-to-end headers of an answer; `Via` is left to the caller. */
export function answerHeaders(headers: Iterable<readonly [string, string]>): HeaderList {
  return endToEnd(
    Array.from(headers, ([name, value]) => [name, value]),
    NOT_IN_ANSWERS,
  );
}

/** A flat list (name, value, name, value …) as pairs. */
export function pairs(flat: readonly string[]): HeaderList {
  const list: HeaderList = [];
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return list;
}

/** All values of the header `name`, joined as one list; undefined when there is none. */
export function headerValue(headers: Iterable<readonly [string, string]>, name: string): string | undefined {
  const values = [...headers].filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

/** `via` with this relay's entry at its end. */
export function appendVia(via: string | undefined, pseudonym: string): string {
  const own = `1.1 ${pseudonym}`;
  return via === undefined || via.trim() === '' ? own : `${via}, ${own}`;
}

/** True when a request with this Via has been here before, or has no hop left for this relay. */
export function isLoop(via: string | undefined, pseudonym: string): boolean {
  const entries = (via ?? '').split(',').filter((entry) => entry.trim() !== '');
  if (entries.length + 1 > LIMITS.maxHops) return true;
  return entries.some((entry) => entry.trim().split(/[ \t]+/)[1] === pseudonym);
}

function endToEnd(headers: HeaderList, also: ReadonlySet<string>): HeaderList {
  const named = new Set(listed(headerValue(headers, 'connection')));
  return headers.filter(([name]) => {
    const key = name.toLowerCase();
    return !HOP_BY_HOP.has(key) && !also.has(key) && !named.has(key);
  });
}

function listed(value: string | undefined): string[] {
  return (value ?? '').split(',').map((token) => token.trim().toLowerCase());
}
