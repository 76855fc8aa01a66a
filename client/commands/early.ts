// Dials the routes and mirrors of `heddle get` before anything else is loaded: loading takes longer than most handshakes.
// Looks at the arguments only as far as it needs; what is wrong with them the command says later.
import { isIP } from 'node:net';
import { speaksOf } from '../../protocol/settings/environment.ts';
import { EarlyDials } from '../io/dial.ts';
import { environmentProxy, proxyRule } from '../outer-proxy.ts';
import type { ProxyRule } from '../outer-proxy.ts';

/** The flags whose values are NAME=URL. */
const NAMED = ['--route', '--mirror'];

/** The connections being made for the sources that `args` (without program and script) name. */
export function dialEarly(args: readonly string[]): EarlyDials {
  const dials = new EarlyDials();
  const through = proxies(args);
  if (through === undefined) return dials;
  for (const at of args.keys()) {
    const source = sourceAt(args, at);
    const url = source === undefined ? undefined : URL.parse(source);
    if (url === null || url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) continue;
    const localAddress = /^#local=(.+)$/.exec(url.hash)?.[1];
    if (localAddress !== undefined && isIP(localAddress) === 0) continue;
    dials.add({ baseUrl: url, localAddress, proxy: through(url) });
  }
  return dials;
}

/** The way to a URL; undefined where that is not known yet: a configuration file may name a proxy, or what is said is wrong. */
function proxies(args: readonly string[]): ProxyRule | undefined {
  if (args.some((argument) => argument.startsWith('--config')) || speaksOf('client', process.env)) return undefined;
  try {
    return proxyRule(environmentProxy(process.env));
  } catch {
    return undefined;
  }
}

/** The URL that the argument at this place names: a flag's, or the one that stands for a key. */
function sourceAt(args: readonly string[], at: number): string | undefined {
  const argument = args[at] ?? '';
  const flag = NAMED.find((name) => argument === name || argument.startsWith(`${name}=`));
  const named = flag === undefined || argument !== flag ? argument.slice((flag ?? '').length + 1) : args[at + 1];
  if (flag !== undefined) return named?.slice(named.indexOf('=') + 1);
  const isKey = args[0] === 'get' && args[at - 1]?.startsWith('-') === false;
  return isKey && /^https?:\/\//i.test(argument) ? argument : undefined;
}
