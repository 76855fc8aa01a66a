// Whether routes that look distinct begin at the same machine: two names that lead to one address are one path, which no
// scheduler can make into two. Loopback addresses are left out: there everything is one machine, on purpose.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { bareHost } from '../../protocol/host.ts';
import type { DialTarget } from './dial.ts';

/** Finds the addresses of a host name. */
export type AddressLookup = (host: string) => Promise<readonly string[]>;

/** An address, and the routes that begin there. */
export type SharedAddress = { readonly address: string; readonly routes: readonly string[] };

/** The addresses that several routes share. Names that cannot be looked up share none. */
export async function sharedAddresses(
  routes: readonly (DialTarget & { readonly name: string })[],
  find: AddressLookup = systemLookup,
): Promise<SharedAddress[]> {
  const byPlace = new Map<string, { address: string; names: Set<string> }>();
  const found = await Promise.all(routes.map((route) => addressesOf(route, find)));
  for (const [at, { name, localAddress = '' }] of routes.entries()) {
    for (const address of found[at] ?? []) {
      if (isLoopback(address)) continue;
      // bound to two interfaces they are two paths
      const place = `${localAddress} ${address}`;
      const shared = byPlace.get(place) ?? { address, names: new Set() };
      byPlace.set(place, shared);
      shared.names.add(name);
    }
  }
  const several = [...byPlace.values()].filter(({ names }) => names.size > 1);
  return several.map(({ address, names }) => ({ address, routes: [...names] }));
}

/** The one line about it. */
export function sharingLine({ address, routes }: SharedAddress): string {
  const [last = '', ...others] = routes.toReversed();
  return `${others.toReversed().join(', ')} and ${last} lead to the same address ${address}: they are one path`;
}

async function addressesOf({ baseUrl, address }: DialTarget, find: AddressLookup): Promise<readonly string[]> {
  const host = bareHost(baseUrl.hostname);
  if (address !== undefined) return [address];
  return isIP(host) === 0 ? find(host).catch(() => []) : [host];
}

async function systemLookup(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
