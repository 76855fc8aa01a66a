// Which HTTP proxy the outermost hop goes through, if any: what is said of a route, else what is said for all (options,
// configuration file, for commands HTTPS_PROXY and HTTP_PROXY), with the hosts that are reached directly all the same.
// The rules of NO_PROXY are curl's, but that loopback addresses need not be named: behind a proxy they are the proxy's own.
import { BlockList, isIP } from 'node:net';
import { HeddleError } from '../protocol/errors.ts';
import type { Environment } from '../protocol/settings/environment.ts';
import { bareHost } from '../protocol/host.ts';
import { isLoopback } from './loopback.ts';

/** URLs of proxies by the scheme of what is reached through them. */
export type ProxyByScheme = { readonly http?: string | undefined; readonly https?: string | undefined };

/** What is said for all routes and mirrors. */
export type ProxyOptions = {
  /** `http://[USER:PASSWORD@]HOST:PORT`: every connection goes through it by CONNECT. */
  readonly proxy?: string | ProxyByScheme;
  /**
   * Hosts that are reached without it, separated by commas: names with all below them, addresses, networks (10.0.0.0/8),
   * each with or without a port; `*` is everything.
   */
  readonly noProxy?: string;
};

/** The proxy on the way to a URL. */
export type ProxyRule = (url: URL) => URL | undefined;

/** What a route says when it goes through none though there is one. */
const NONE = 'none';

/** What goes through which proxy; `own` is what the route says itself. Throws `bad-configuration`. */
export function proxyRule({ proxy, noProxy = '' }: ProxyOptions, own?: string): ProxyRule {
  if (own === NONE) return () => undefined;
  if (own !== undefined) {
    const always = parseProxy(own);
    return () => always;
  }
  if (proxy === undefined) return () => undefined;
  const { http, https } = typeof proxy === 'string' ? { http: proxy, https: proxy } : proxy;
  const byScheme = { 'http:': optional(http), 'https:': optional(https) };
  const isDirect = directHosts(noProxy);
  return (url) => {
    const through = url.protocol === 'https:' ? byScheme['https:'] : byScheme['http:'];
    return through === undefined || isDirect(url) ? undefined : through;
  };
}

/** What the environment says, as curl reads it: lower case first, and in a CGI program HTTP_PROXY is a header. */
export function environmentProxy(environment: Environment): ProxyOptions {
  const read = (name: string): string | undefined => {
    return [environment[name.toLowerCase()], environment[name]].find((said) => said !== undefined && said !== '');
  };
  const all = read('ALL_PROXY');
  const isProgramOfServer = environment['REQUEST_METHOD'] !== undefined;
  const http = (isProgramOfServer ? environment['http_proxy'] || undefined : read('HTTP_PROXY')) ?? all;
  const https = read('HTTPS_PROXY') ?? all;
  if (http === undefined && https === undefined) return {};
  return { proxy: { http, https }, noProxy: read('NO_PROXY') ?? '' };
}

/** The options of a command: what the environment says counts where nothing else does. */
export function withEnvironmentProxy<Options extends ProxyOptions>(
  options: Options,
  environment: Environment,
): Options {
  return options.proxy === undefined ? { ...options, ...environmentProxy(environment) } : options;
}

function optional(text: string | undefined): URL | undefined {
  return text === undefined ? undefined : parseProxy(text);
}

/** The URL of a proxy; one without a scheme is one of HTTP. Nothing of it is repeated: it may hold a password. */
function parseProxy(text: string): URL {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || url.hostname === '') throw wrong('the URL of the proxy is none; write http://HOST:PORT');
  if (url.protocol !== 'http:')
    throw wrong(`the proxy ${url.host} is not http, but ${url.protocol} only http: is spoken`);
  return url;
}

/** True for hosts that `list` names, and for this machine itself. */
function directHosts(list: string): (url: URL) => boolean {
  const entries = list.split(/[\s,]+/).filter((entry) => entry !== '');
  const all = entries.map(entryOf);
  return (url) => {
    const host = bareHost(url.hostname).replace(/\.$/, '');
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return isLoopback(host) || host.endsWith('.localhost') || all.some((names) => names(host, port));
  };
}

function entryOf(entry: string): (host: string, port: string) => boolean {
  if (entry === '*') return () => true;
  const network = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(entry);
  const range = network === null ? undefined : networkOf(network[1] ?? '', Number(network[2]));
  if (range !== undefined) return (host) => isIP(host) !== 0 && range.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
  const [, v6, name = entry, wanted] = /^(?:\[([^\]]+)\]|([^:]+|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  const bare = (v6 ?? name)
    .toLowerCase()
    .replace(/^\*?\.+/, '')
    .replace(/\.$/, '');
  return (host, port) => {
    if (wanted !== undefined && wanted !== port) return false;
    return host === bare || (isIP(host) === 0 && bare !== '' && host.endsWith(`.${bare}`));
  };
}

function networkOf(address: string, bits: number): BlockList | undefined {
  const family = isIP(address);
  if (family === 0 || bits > (family === 6 ? 128 : 32)) return undefined;
  const range = new BlockList();
  range.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
  return range;
}

function wrong(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
