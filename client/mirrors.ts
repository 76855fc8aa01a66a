// What a user says about mirrors: plain HTTP servers that hold a copy each, named by the copy's full URL. A URL in the
// place of a key is a mirror as well, the one that others have to agree with. One clear line for every mistake.
import { HeddleError } from '../protocol/errors.ts';
import type { ConnectChannel } from './io/channel-adapter.ts';
import { isLocalPlace, namesOfInterfaces } from './io/local-address.ts';
import type { SessionRoute } from './io/order.ts';
import { proxyRule } from './outer-proxy.ts';
import type { ProxyOptions } from './outer-proxy.ts';
import { limitTerms } from './route-limits.ts';
import type { RouteLimits } from './route-limits.ts';

/** What a host's name must be like to be a route's. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** One mirror. */
export type MirrorOptions = {
  /** Name in progress, reports and metrics. */
  readonly name: string;
  /** Full URL of the copy, `http:` or `https:`; it may have a query, and a user and password. */
  readonly url: string;
  /** Local address to bind to, or the name of an interface. */
  readonly localAddress?: string;
  /** HTTP proxy on the way to it, `http://HOST:PORT`; `none` goes through none whatever is said for all. */
  readonly proxy?: string;
  /** Makes its channels, whatever the URL's scheme is (see ChannelAdapter); left out, the copy is asked for by HTTP ranges. */
  readonly connect?: ConnectChannel;
  /** What is named instead of a key: the copy that others have to agree with. */
  readonly primary?: boolean;
} & RouteLimits;

/** Connections to one mirror at one time: what most of them allow. */
const MOST_CONNECTIONS = 4;

/** True for what is a URL and no key. */
export function isUrl(key: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(key);
}

/** The mirror checked and parsed. Throws `bad-configuration`. */
export function resolveMirror(mirror: MirrorOptions, options: ProxyOptions = {}): SessionRoute {
  const { url, localAddress } = parseMirrorUrl(mirror);
  const proxyFor = proxyRule(options, mirror.proxy);
  return {
    name: mirror.name,
    proxy: proxyFor(url),
    proxyFor,
    baseUrl: url,
    localAddress,
    // a token is for relays and origins; a mirror never sees it
    authorization: undefined,
    connect: mirror.connect,
    terms: { proves: false, maxConnections: MOST_CONNECTIONS, ...limitTerms(mirror.name, mirror) },
    origin: url.host,
    mirror: mirror.primary === true ? 'primary' : 'copy',
  };
}

/**
 * What a transfer of `url` is about: the URL without user and password stands for the key, and it is a source itself,
 * unless it is one of `routes` already. Throws `usage` beside routes that need a key.
 */
export function routesToUrl(
  url: string,
  routes: readonly SessionRoute[],
  options: ProxyOptions = {},
): { key: string; routes: SessionRoute[] } {
  if (routes.some(({ mirror }) => mirror === undefined)) {
    throw new HeddleError('usage', 'a route needs the key of the object; give its URL as a mirror, --mirror NAME=URL');
  }
  const primary = routes.find(({ mirror }) => mirror === 'primary');
  const names = routes.map(({ name }) => name);
  const own = primary ?? resolveMirror(mirrorOfUrl(url, names), options);
  const shown = new URL(own.baseUrl);
  shown.username = '';
  shown.password = '';
  return { key: shown.href, routes: primary === undefined ? [own, ...routes] : [...routes] };
}

/** The mirror that `url`, given in the place of a key, stands for; its name is its host's, and none of `taken`. */
export function mirrorOfUrl(url: string, taken: readonly string[]): MirrorOptions {
  const host = URL.parse(url)?.host ?? '';
  const plain = host.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  const first = PLAIN_NAME.test(plain) ? plain : 'mirror';
  let name = first;
  for (let at = 2; taken.includes(name); at += 1) name = `${first.slice(0, 56)}-${at}`;
  return { name, url, primary: true };
}

/** `NAME=URL` of the command line. */
export function parseMirrorArgument(argument: string): MirrorOptions {
  const equals = argument.indexOf('=');
  if (equals <= 0 || isUrl(argument)) {
    throw new HeddleError('usage', `a mirror is written NAME=URL, not "${argument}"`);
  }
  return { name: argument.slice(0, equals), url: argument.slice(equals + 1) };
}

function parseMirrorUrl(mirror: MirrorOptions): { url: URL; localAddress: string | undefined } {
  const url = URL.parse(mirror.url);
  if (url === null) throw wrong(`mirror ${mirror.name}: "${mirror.url}" is not a URL`);
  if (mirror.connect === undefined && url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw wrong(`mirror ${mirror.name}: only http and https URLs are mirrors, not ${url.protocol}`);
  }
  const fragment = /^#local=(.+)$/.exec(url.hash);
  const localAddress = mirror.localAddress ?? fragment?.[1];
  checkLocal(localAddress, `mirror ${mirror.name}`);
  // any other fragment names a place in a document and is not sent, as everywhere
  url.hash = '';
  return { url, localAddress };
}

/** Throws `bad-configuration` for what nothing can be bound to; `who` begins the message. */
export function checkLocal(local: string | undefined, who: string): void {
  if (local === undefined || isLocalPlace(local)) return;
  throw wrong(`${who}: "${local}" is neither an IP address nor an interface of this machine (${namesOfInterfaces()})`);
}

function wrong(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
