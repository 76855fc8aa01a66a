// The host of a URL as sockets and address checks take it: URLs put IPv6 addresses in brackets.
// Judges nothing: a name passes as it is.

/** `host` without the brackets of an IPv6 address. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
