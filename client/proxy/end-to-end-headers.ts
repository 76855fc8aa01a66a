// Which headers pass the local proxy: all but those of one connection (RFC 9110 section 7.6.1) and those that speak to a
// proxy. On raw lists, so that case, order and repetition stay.

const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
];
/** What is made anew for the next connection. */
const NOT_IN_REQUESTS: readonly string[] = ['host', 'expect', 'trailer'];

/** The headers of a request for the next hop, from node's flat list. */
export function requestHeaders(raw: readonly string[]): string[] {
  return endToEnd(raw, NOT_IN_REQUESTS);
}

/** The headers of an answer for the application, from a flat list. */
export function answerHeaders(raw: readonly string[]): string[] {
  return endToEnd(raw, []);
}

function endToEnd(raw: readonly string[], also: readonly string[]): string[] {
  const pairs = Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at] ?? '', raw[2 * at + 1] ?? ''] as const);
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(',').map((token) => token.trim().toLowerCase()));
  const dropped = new Set([...HOP_BY_HOP, ...also, ...named]);
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase())).flat();
}
