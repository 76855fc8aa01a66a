// Headers that concern one connection (RFC 9110 §7.6.1) or speak to a proxy (§11.7). Whoever forwards leaves them out;
// what else it leaves out or makes anew is its own business.

/** In lower case. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a header passes a hop, given all headers of its message and what else this hop takes out (lower case). */
export function endToEndIn(
  headers: Iterable<readonly [string, string]>,
  also: ReadonlySet<string>,
): (name: string) => boolean {
  const named = new Set<string>();
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const token of value.split(',')) named.add(token.trim().toLowerCase());
  }
  return (name) => {
    const key = name.toLowerCase();
    return !HOP_BY_HOP.has(key) && !also.has(key) && !named.has(key);
  };
}
