// Whether a mirror's redirect is followed: to http or https, never from https back to http. Pure.

/** Redirects followed one after another. */
export const MOST_REDIRECTS = 5;

/** The next place, or why it is none. `from` is where the answer came from. */
export function redirectOf(location: string | undefined, from: URL): URL | string {
  if (location === undefined) return 'the mirror redirects and does not say where to';
  const next = URL.parse(location, from);
  if (next === null) return 'the mirror redirects to something that is no URL';
  if (next.protocol !== 'http:' && next.protocol !== 'https:') return `the mirror redirects to ${next.protocol}`;
  if (from.protocol === 'https:' && next.protocol === 'http:') return 'the mirror redirects from https to http';
  next.hash = '';
  return next;
}
