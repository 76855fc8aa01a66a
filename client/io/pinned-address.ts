// A connection to one address of a name: the name stays what the server's certificate must bear and what HTTP asks for,
// the address is not looked up.
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

/** A lookup that answers `address` whatever is asked; nothing when there is no address. */
export function pinnedLookup(address: string | undefined): { readonly lookup?: LookupFunction } {
  if (address === undefined) return {};
  const family = isIP(address);
  return {
    lookup: (_name, options, done) => {
      if (options.all === true) done(null, [{ address, family }]);
      else done(null, address, family);
    },
  };
}
