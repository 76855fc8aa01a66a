// The host of a URL as sockets and address checks take it, and back: URLs put IPv6 addresses in brackets, for their colons.
// Judges nothing: a name passes as it is.

/** `host` without the brackets of an IPv6 address. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** `host` as it stands before a port: an IPv6 address in brackets. */
export function bracketedHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
