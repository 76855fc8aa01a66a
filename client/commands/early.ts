// Dials the routes of `heddle get` before anything else is loaded: loading takes longer than most handshakes. Looks at
// the arguments only as far as it needs; what is wrong with them the command says later.
import { isIP } from 'node:net';
import { EarlyDials } from '../io/dial.ts';

/** The connections being made for the routes that `args` (without program and script) name. */
export function dialEarly(args: readonly string[]): EarlyDials {
  const dials = new EarlyDials();
  for (const [at, argument] of args.entries()) {
    const route =
      argument === '--route' ? args[at + 1] : argument.startsWith('--route=') ? argument.slice(8) : undefined;
    const url = route === undefined ? undefined : URL.parse(route.slice(route.indexOf('=') + 1));
    if (url === null || url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) continue;
    const localAddress = /^#local=(.+)$/.exec(url.hash)?.[1];
    if (localAddress === undefined || isIP(localAddress) !== 0) dials.add({ baseUrl: url, localAddress });
  }
  return dials;
}
