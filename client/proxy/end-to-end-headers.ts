// Which headers pass the local proxy: all but those of one connection (RFC 9110 section 7.6.1) and those that speak to a
// proxy. On raw lists, so that case, order and repetition stay.
import { endToEndIn } from '../../protocol/hop-by-hop.ts';

/** What is made anew for the next connection. */
const NOT_IN_REQUESTS: ReadonlySet<string> = new Set(['host', 'expect', 'trailer']);

/** The headers of a request for the next hop, from node's flat list. */
export function requestHeaders(raw: readonly string[]): string[] {
  return endToEnd(raw, NOT_IN_REQUESTS);
}

/** The headers of an answer for the application, from a flat list. */
export function answerHeaders(raw: readonly string[]): string[] {
  return endToEnd(raw, new Set());
}

function endToEnd(raw: readonly string[], also: ReadonlySet<string>): string[] {
  const pairs = Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at] ?? '', raw[2 * at + 1] ?? ''] as const);
  const isEndToEnd = endToEndIn(pairs, also);
  return pairs.filter(([name]) => isEndToEnd(name)).flat();
}
