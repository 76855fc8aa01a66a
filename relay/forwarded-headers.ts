// Which headers pass a relay, and the Via header: its growth by one entry per hop and what it says about loops.
// Works on raw header lists, so that the order, case and repetition of what passes stay as they were.
import { endToEndIn } from '../protocol/hop-by-hop.ts';
import { LIMITS } from '../protocol/limits.ts';

export type HeaderList = [string, string][];

// A body is never forwarded in a request (only GET and HEAD pass), so what describes one goes too.
const NOT_IN_REQUESTS: ReadonlySet<string> = new Set(['host', 'via', 'content-length', 'expect', 'trailer']);
const NOT_IN_ANSWERS: ReadonlySet<string> = new Set(['via', 'trailer']);

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
function pairs(flat: readonly string[]): HeaderList {
  const list: HeaderList = [];
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return list;
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
  const isEndToEnd = endToEndIn(headers, also);
  return headers.filter(([name]) => isEndToEnd(name));
}
