// Where a connection leaves this machine: a local address, or an interface by its name, whose address is looked up at each
// connection: a modem may get another one meanwhile.
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { bareHost } from '../../protocol/host.ts';

/** What a connection is made with. */
export type LocalOptions = { readonly localAddress?: string; readonly family?: 4 | 6 };

/** True for an IP address, and for an interface of this machine that has one now. */
export function isLocalPlace(local: string): boolean {
  return isIP(local) !== 0 || addressesOf(local).length > 0;
}

/** The interfaces that could be named, for a message. */
export function namesOfInterfaces(): string {
  return Object.keys(networkInterfaces()).join(', ');
}

/**
 * Binds to `local`, an address or an interface, on the way to `host`. A name is looked up in the family of the address only.
 * Of an interface the IPv4 address is taken, for an IPv6 host its IPv6 address; one that has none any more binds to an
 * address that nobody has, so that connecting fails.
 */
export function localOptions(local: string | undefined, host: string): LocalOptions {
  if (local === undefined) return {};
  const localAddress = isIP(local) === 0 ? addressOf(local, isIP(bareHost(host))) : local;
  return { localAddress, family: isIP(localAddress) === 6 ? 6 : 4 };
}

/** TEST-NET-1 (RFC 5737): of no machine. */
const NOWHERE = '192.0.2.0';

function addressOf(name: string, hostFamily: number): string {
  const all = addressesOf(name);
  return all.find((address) => isIP(address) === (hostFamily === 6 ? 6 : 4)) ?? all[0] ?? NOWHERE;
}

/** Those of the link alone come last: they reach nothing beyond it. */
function addressesOf(name: string): string[] {
  const found = networkInterfaces()[name] ?? [];
  return found
    .map(({ address, scopeid }) => (scopeid === undefined || scopeid === 0 ? address : `${address}%${name}`))
    .toSorted((one, other) => Number(one.startsWith('fe80:')) - Number(other.startsWith('fe80:')));
}
