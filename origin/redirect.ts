// Whether a redirect of the server that holds the objects is followed: on the same server, or to one that the
// configuration names. Anything else could lead this origin to serve what lies behind addresses of its own network. Pure.

/** Redirects followed one after another. */
export const MOST_REDIRECTS = 5;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** True for an answer that names another place. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/** The next place, or why it is none. `from` is where the answer came from, `hosts` those allowed besides its own. */
export function redirectOf(location: string | undefined, from: URL, hosts: readonly string[]): URL | string {
  const next = location === undefined ? null : URL.parse(location, from);
  if (next === null) return 'it redirects and does not say where to';
  next.hash = '';
  if (next.origin === from.origin && next.username === '' && next.password === '') return next;
  if (next.protocol !== 'https:' && !(next.protocol === 'http:' && from.protocol === 'http:')) {
    return `it redirects to ${next.protocol.slice(0, 12)}//, which is not followed`;
  }
  if (next.username !== '' || next.password !== '') return 'it redirects to an address with a password';
  if (hosts.includes(next.host)) return next;
  return `it redirects to ${next.host}; if that is right, write it under redirectHosts`;
}
