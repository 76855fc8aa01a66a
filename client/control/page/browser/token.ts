// The token of this tab: it comes in the URL's fragment, leaves the address bar at once, and outlives a reload of the tab
// but nothing more.

const KEY = 'heddle-token';

/** The token that was given; empty without one. */
export function takeToken(): string {
  const said = new URLSearchParams(location.hash.slice(1)).get('token');
  if (said === null) return sessionStorage.getItem(KEY) ?? '';
  keepToken(said);
  history.replaceState(null, '', location.pathname + location.search);
  return said;
}

/** Remembers another one. */
export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}
