// What a user says about routes and transfers, and how it becomes what a session needs. One clear line for every mistake.
import { isSegmentSize } from '../protocol/channel-request.ts';
import { HeddleError } from '../protocol/errors.ts';
import { formatRoot, parseRoot } from '../protocol/manifest.ts';
import { CORE_DEFAULTS } from './core/options.ts';
import type { CoreOptions } from './core/options.ts';
import type { RankingWeights } from './core/ranking.ts';
import type { ConnectChannel } from './io/channel-adapter.ts';
import { presentTls } from './io/client-tls.ts';
import type { TlsSource } from './io/client-tls.ts';
import { originNameOf } from './io/known-origins.ts';
import type { SessionRoute } from './io/order.ts';
import { checkLocal, resolveMirror } from './mirrors.ts';
import type { MirrorOptions } from './mirrors.ts';
import { proxyRule } from './outer-proxy.ts';
import type { ProxyOptions } from './outer-proxy.ts';
import { termsOf } from './route-facts.ts';
import type { RankingOptions, RouteFacts } from './route-facts.ts';
import { limitTerms } from './route-limits.ts';
import type { RouteLimits } from './route-limits.ts';
import type { TransferRegister } from './transfer-controls.ts';

/** One route: a base URL to which `/v1/segments/<key>` and the other paths are appended. */
export type RouteOptions = {
  /** Name in progress, reports and metrics. */
  readonly name: string;
  /** `http:` or `https:`; `/v1/via/<upstream>` for each relay on the way. */
  readonly url: string;
  /** Local address to bind to, or the name of an interface: two interfaces make two routes. */
  readonly localAddress?: string;
  /** HTTP proxy on the way to its first hop, `http://HOST:PORT`; `none` goes through none whatever is said for all. */
  readonly proxy?: string;
  /** Address to connect to, instead of looking the host of the URL up. */
  readonly address?: string;
  /** Makes its channels, whatever the URL's scheme is (see ChannelAdapter); left out, they speak heddle/1 over HTTP. */
  readonly connect?: ConnectChannel;
  /** Name of the origin behind it, under which its key is remembered; routes to one origin share it. */
  readonly origin?: string;
} & RouteFacts &
  RouteLimits;

/** A route, and who named it; undefined: the user. */
export type NamedRoute = { readonly route: RouteOptions; readonly source?: string };

/** Where routes come from that were not known at the start. */
export type RouteSource = {
  /** Those known now. */
  routes(): readonly NamedRoute[];
  /** Calls `listener` whenever there are others; returns what ends that. */
  onChange(listener: () => void): () => void;
  /** True for a route that shall be left as soon as another one carries on. */
  isWithdrawn?(route: RouteOptions): boolean;
};

/** Options of a client; units are in the names. */
export type ClientOptions = {
  readonly routes: readonly RouteOptions[];
  /** Where more routes are found; those that are given go before those of the same name. A Discovery must have been started. */
  readonly discovery?: RouteSource;
  /** Plain HTTP servers with a copy each, beside the routes or instead of them. */
  readonly mirrors?: readonly MirrorOptions[];
  /** Bytes of a segment: 32768 × 2^k, up to 1 MiB. Default 32768; with mirrors 131072. */
  readonly segmentBytes?: number;
  /** Bytes that may wait for the one at the in-order point. Default 32 MiB. */
  readonly reorderBytes?: number;
  /** ms without a sign of life from any route until a running transfer fails. Default 30000. */
  readonly giveUpMs?: number;
  /** Bearer token for relays and origins; a function is asked for it at each connection. */
  readonly token?: string | (() => string | undefined);
  /** Whom to trust on https routes, and what to show there; a function is asked for it at each connection. */
  readonly tls?: TlsSource;
  /** `sha256:HEX`: the only root that is accepted. */
  readonly root?: string;
  /** Public Ed25519 key of the origin, the `x` of its JWK. */
  readonly originKey?: string;
  /** File that remembers the keys of origins met before; with neither root nor key pinned, a changed key is refused. */
  readonly knownOrigins?: string;
  /** File that remembers what routes carried, for a better first pattern; left out, nothing is remembered. */
  readonly routeMemory?: string;
  /** Routes in use at one time; the others stand by and are tried now and then. Default 8. */
  readonly activeRoutes?: number;
  /** How routes are ranked. */
  readonly ranking?: RankingOptions;
  /** What the payload of priced routes may cost in one transfer, in the currency of their prices. Default: whatever. */
  readonly costBudget?: number;
  /** Bytes at the beginning and at the end of each object that come before all others (into a file). Default 0. */
  readonly endsFirstBytes?: number;
  /** Where this client is, `LATITUDE,LONGITUDE`. */
  readonly place?: string;
  /** Told of every transfer: `createTransferList()` of `heddle/control`. Left out, nobody keeps an eye on them. */
  readonly transfers?: TransferRegister;
  /** Whether origins may deal segments to whichever route drains (STEER). Default false. */
  readonly steer?: boolean;
  /** Whether sources may compress what they send over slow routes, where that shrinks it. Default true. */
  readonly encode?: boolean;
} & ProxyOptions;

/** A byte range of an object: `last` is inclusive, as in HTTP. */
export type ByteRange = { readonly first: number; readonly last?: number };

/** Segment size with mirrors: each segment that is no neighbour's is a request, and a server's patience counts those. */
const MIRROR_SEGMENT_BYTES = 131_072;

/** What may name a route. */
export const ROUTE_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** What an Authorization header can carry without a second word or line. */
const TOKEN = /^[\x21-\x7e]+$/;

/** The routes checked and parsed. Throws `bad-configuration`. */
export function resolveRoutes(options: ClientOptions): SessionRoute[] {
  const { mirrors = [] } = options;
  const routes = knownRoutes(options).map(({ route }) => route);
  if (routes.length + mirrors.length === 0) {
    if (options.discovery !== undefined) throw new HeddleError('no-route', 'no route is given, and none was found yet');
    throw wrong('no route is given; name at least one, e.g. direct=http://host:8080');
  }
  if (tokenOf(options) !== undefined && authorizationOf(options) === undefined) {
    throw wrong('the token is empty or holds blanks or other characters that no header can carry');
  }
  const names = new Set<string>();
  for (const { name } of [...routes, ...mirrors]) {
    if (!ROUTE_NAME.test(name)) throw wrong(`"${name}" is no route name: letters, digits, ".", "_", "-"`);
    if (names.has(name)) throw wrong(`two routes have the name "${name}"`);
    names.add(name);
  }
  const resolved = routes.map((route): SessionRoute => {
    const { url, localAddress } = parseBaseUrl(route);
    return {
      proxy: proxyRule(options, route.proxy)(url),
      name: route.name,
      baseUrl: url,
      localAddress,
      address: route.address,
      connect: route.connect,
      // asked for at each connection: certificates and tokens may be renewed meanwhile
      get tls() {
        return url.protocol === 'https:' ? presentTls(options.tls) : undefined;
      },
      get authorization() {
        return authorizationOf(options);
      },
      get isWithdrawn() {
        return options.discovery?.isWithdrawn?.(route) ?? false;
      },
      terms: { ...termsOf(route.name, route, url, options.place), ...limitTerms(route.name, route) },
      origin: route.origin ?? originNameOf(url),
    };
  });
  return [...resolved, ...mirrors.map((mirror) => resolveMirror(mirror, options))];
}

/** The routes that are given and those that are found, each name once, and who named them; undefined: the user. */
export function knownRoutes(options: ClientOptions): NamedRoute[] {
  const given = new Set([...options.routes, ...(options.mirrors ?? [])].map(({ name }) => name));
  const found = options.discovery?.routes() ?? [];
  return [...options.routes.map((route) => ({ route })), ...found.filter(({ route }) => !given.has(route.name))];
}

/** What an Authorization header says now; undefined for a token that no header can carry. */
function authorizationOf(options: ClientOptions): string | undefined {
  const text = tokenOf(options);
  return text !== undefined && TOKEN.test(text) ? `Bearer ${text}` : undefined;
}

function tokenOf({ token }: ClientOptions): string | undefined {
  return typeof token === 'function' ? token() : token;
}

/** `NAME=BASEURL` of the command line; a fragment `#local=ADDRESS` binds the route to a local address. */
export function parseRouteArgument(argument: string): RouteOptions {
  const equals = argument.indexOf('=');
  if (equals <= 0) throw new HeddleError('usage', `a route is written NAME=BASEURL, not "${argument}"`);
  return { name: argument.slice(0, equals), url: argument.slice(equals + 1) };
}

/** The core's options; throws `bad-configuration` for values out of bounds. */
export function resolveCore(options: ClientOptions, output: 'order' | 'any'): CoreOptions {
  const hasMirrors = (options.mirrors ?? []).length > 0;
  const segmentBytes = options.segmentBytes ?? (hasMirrors ? MIRROR_SEGMENT_BYTES : CORE_DEFAULTS.segmentBytes);
  if (!isSegmentSize(segmentBytes)) throw wrong(`segmentBytes ${segmentBytes} is not 32768 × 2^k up to 1048576`);
  const reorderBytes = options.reorderBytes ?? CORE_DEFAULTS.reorderBytes;
  if (!(reorderBytes >= 4 * segmentBytes)) throw wrong(`reorderBytes ${reorderBytes} is less than four segments`);
  const giveUpMs = options.giveUpMs ?? CORE_DEFAULTS.giveUpMs;
  if (!(giveUpMs > 0)) throw wrong(`giveUpMs ${giveUpMs} is no time`);
  const {
    activeRoutes = CORE_DEFAULTS.activeRoutes,
    steer = CORE_DEFAULTS.steer,
    encode = CORE_DEFAULTS.encode,
  } = options;
  if (!(Number.isInteger(activeRoutes) && activeRoutes > 0))
    throw wrong(`activeRoutes ${activeRoutes} is no number of routes`);
  const { costBudget, endsFirstBytes = CORE_DEFAULTS.endsFirstBytes } = options;
  if (costBudget !== undefined && !(costBudget >= 0)) throw wrong(`costBudget ${costBudget} is no budget`);
  if (!(endsFirstBytes >= 0)) throw wrong(`endsFirstBytes ${endsFirstBytes} is no size`);
  const weights = resolveWeights(options.ranking);
  // a window that has no room for a segment would never ask for one
  const firstWindowBytes = Math.max(CORE_DEFAULTS.firstWindowBytes, 2 * segmentBytes);
  const leastWindowBytes = Math.max(CORE_DEFAULTS.leastWindowBytes, 2 * segmentBytes);
  const windows = { firstWindowBytes, leastWindowBytes };
  const chosen = {
    segmentBytes,
    reorderBytes,
    giveUpMs,
    output,
    activeRoutes,
    steer,
    encode,
    costBudget,
    endsFirstBytes,
  };
  return Object.freeze({ ...CORE_DEFAULTS, ...chosen, ...weights, ...windows });
}

/** The weights that are given; throws `bad-configuration` for one below nothing. */
function resolveWeights(ranking: RankingOptions = {}): Partial<RankingWeights> {
  const { service: _service, ask: _ask, timeoutMs = 1, ...weights } = ranking;
  if (!(timeoutMs > 0)) throw wrong(`the ranking's timeoutMs ${timeoutMs} is no time`);
  for (const [name, weight] of Object.entries(weights)) {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) throw wrong(`${name} ${weight} is no weight`);
  }
  return weights;
}

/** The pinned root in its one spelling; throws `bad-configuration`. */
export function resolveRoot(root: string | undefined): string | undefined {
  if (root === undefined) return undefined;
  const bytes = parseRoot(root);
  if (bytes === undefined) throw wrong(`"${root}" is no root; write sha256: and 64 hex digits`);
  return formatRoot(bytes);
}

/** A checksum in its one spelling; throws `bad-configuration`. */
export function resolveChecksum(checksum: string | undefined): string | undefined {
  if (checksum === undefined || parseRoot(checksum) !== undefined) return checksum?.toLowerCase();
  throw wrong(`"${checksum}" is no checksum; write sha256: and 64 hex digits`);
}

function parseBaseUrl(route: RouteOptions): { url: URL; localAddress: string | undefined } {
  let url: URL;
  try {
    url = new URL(route.url);
  } catch {
    throw wrong(`route ${route.name}: "${route.url}" is not a URL`);
  }
  if (route.connect === undefined && url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw wrong(`route ${route.name}: only http and https URLs are routes, not ${url.protocol}`);
  }
  if (url.search !== '') throw wrong(`route ${route.name}: a base URL has no query`);
  const fragment = /^#local=(.+)$/.exec(url.hash);
  if (url.hash !== '' && fragment === null) throw wrong(`route ${route.name}: the fragment may only be #local=ADDRESS`);
  const localAddress = route.localAddress ?? fragment?.[1];
  checkLocal(localAddress, `route ${route.name}`);
  url.hash = '';
  return { url, localAddress };
}

function wrong(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
