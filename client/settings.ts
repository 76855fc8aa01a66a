// What the client's configuration file may hold, and how it is read. Loaded only for those who name a file; what flags
// and file make together is config.ts.
import { CORE_DEFAULTS } from './core/options.ts';
import { checkDiscovery, DISCOVERY } from './discovery-settings.ts';
import type { DiscoverySettings } from './discovery-settings.ts';
import type { MirrorOptions } from './mirrors.ts';
import { ROUTE_NAME } from './options.ts';
import { DRAIN_TIME } from './proxy/drain-time.ts';
import type { RouteOptions } from './options.ts';
import { ROUTE_LIMIT_SETTINGS } from './limit-settings.ts';
import { proxyAddress } from './proxy-settings.ts';
import { place, RANKING_SETTINGS, ROUTE_FACT_SETTINGS } from './ranking-settings.ts';
import type { RankingSettings } from './ranking-settings.ts';
import { amount, measure } from '../protocol/settings/amount.ts';
import { group, listOf } from '../protocol/settings/collections.ts';
import type { SettingsTable } from '../protocol/settings/setting.ts';
import type { Environment } from '../protocol/settings/environment.ts';
import { readSources } from '../protocol/settings/sources.ts';
import type { Sources } from '../protocol/settings/sources.ts';
import { address, localAddress, path, secret, text, webAddress, yesOrNo } from '../protocol/settings/text.ts';
import type { ListenAddress } from '../protocol/settings/text.ts';
import { CLIENT_TLS } from '../protocol/settings/tls.ts';
import type { TlsSettings } from './tls-files.ts';

/** A web origin whose objects the interceptor and the proxy split over routes. */
export type OriginSettings = {
  readonly origin: string;
  readonly paths?: readonly { readonly path: string; readonly key?: string }[];
  readonly routes?: readonly RouteSettings[];
};

/** Where transfers can be watched and steered. */
export type ControlSettings = { readonly listen?: string; readonly tokenFile?: string };

/** What the file may say. */
export type ClientSettings = {
  readonly routes?: readonly RouteSettings[];
  readonly origins?: readonly OriginSettings[];
  readonly token?: string;
  readonly tokenFile?: string;
  readonly root?: string;
  /** The `x` of the key's JWK. */
  readonly originKey?: string;
  readonly originKeyFile?: string;
  readonly knownOrigins?: string;
  readonly segmentBytes?: number;
  readonly reorderBytes?: number;
  readonly routeMemory?: string;
  readonly activeRoutes?: number;
  readonly ranking?: RankingSettings;
  readonly place?: string;
  readonly costBudget?: number;
  readonly endsFirstBytes?: number;
  readonly steer?: boolean;
  readonly encode?: boolean;
  readonly proxy?: string;
  readonly noProxy?: string;
  readonly admin?: ListenAddress;
  readonly metricsFile?: string;
  readonly drainMs?: number;
  readonly control?: ControlSettings;
  readonly discovery?: DiscoverySettings;
  readonly mirrors?: readonly MirrorSettings[];
} & TlsSettings;

/** A mirror as the file says it. */
type MirrorSettings = Omit<MirrorOptions, 'primary' | 'connect'>;
/** A route as the file says it. */
type RouteSettings = Omit<RouteOptions, 'connect'>;

const ROUTE_PROXY = proxyAddress({
  why: 'HTTP proxy on the way to it, instead of the one for all',
  pattern: /^(none|http:\/\/\S+)$/,
  expects: 'http://HOST:PORT, or none',
});

const LOCAL = text({
  why: 'local address or interface to bind to: two interfaces make two routes',
  pattern: /^[A-Za-z0-9:.%@_-]{1,64}$/,
  expects: 'an IP address of this machine, such as 192.168.1.5, or an interface, such as wlan0',
});

/** One row per key of a route: a new one is its type in RouteSettings and one line here; the compiler asks for it. */
const ROUTE_SETTINGS: SettingsTable<RouteSettings> = {
  name: text({
    why: 'name of the route in progress, reports and metrics',
    required: true,
    pattern: ROUTE_NAME,
    expects: 'letters, digits, ".", "_" or "-", beginning with a letter or digit',
  }),
  url: webAddress({
    why: 'base URL: an origin, with /v1/via/<upstream> for each relay on the way',
    required: true,
    base: true,
  }),
  localAddress: LOCAL,
  proxy: ROUTE_PROXY,
  address: localAddress({ why: 'address to connect to, instead of looking the host of the URL up' }),
  origin: text({
    why: 'name under which the key of its origin is remembered',
    pattern: /^[!-~]{1,255}$/,
    expects: 'up to 255 characters without blanks',
  }),
  ...ROUTE_FACT_SETTINGS,
  ...ROUTE_LIMIT_SETTINGS,
};

const MIRROR_SETTINGS: SettingsTable<MirrorSettings> = {
  name: ROUTE_SETTINGS.name,
  url: webAddress({ why: 'the full URL of the copy', required: true, base: false }),
  localAddress: LOCAL,
  proxy: ROUTE_PROXY,
  ...ROUTE_LIMIT_SETTINGS,
};

const ORIGIN_SETTINGS: SettingsTable<OriginSettings> = {
  origin: webAddress({ why: 'the origin, as URLs name it', required: true, base: true }),
  paths: listOf(
    group(
      {
        path: text({
          why: 'what the paths begin with',
          required: true,
          pattern: /^\/(?:[!-~]*\/)?$/,
          expects: 'a path that begins and ends with "/"',
        }),
        key: text({
          why: 'what stands before the rest of the path in the key',
          expects: 'the begin of a key, such as data/',
        }),
      },
      { why: 'one kind of path' },
    ),
    { why: 'which paths are objects; without it those below /v1/objects/' },
  ),
  routes: listOf(group<RouteSettings>(ROUTE_SETTINGS, { why: 'one route' }), {
    why: 'the ways to its objects; without them the routes of the file',
  }),
};

const CONTROL_SETTINGS: SettingsTable<ControlSettings> = {
  listen: text({
    why: 'where the control interface and its page are; without it nobody listens',
    pattern: /^(unix:\/.+|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5})$/,
    expects: 'HOST:PORT of this machine, or unix:/PATH',
  }),
  tokenFile: path({ why: 'file with the token that opens it; made (for its owner alone) when it is not there' }),
};

/** One row per key of the file: a new setting is its type above and one line here. */
export const CLIENT_SETTINGS: SettingsTable<ClientSettings> = {
  routes: listOf(group<RouteSettings>(ROUTE_SETTINGS, { why: 'one route' }), { why: 'the ways to the object' }),
  origins: listOf(group<OriginSettings>(ORIGIN_SETTINGS, { why: 'one origin' }), {
    why: 'web origins whose objects the interceptor and the proxy split over routes',
  }),
  token: secret({
    why: 'bearer token for relays and origins',
    pattern: /^[\x21-\x7e]+$/,
    expects: 'a token without blanks',
  }),
  tokenFile: path({ why: 'file with that token' }),
  root: text({
    why: 'the only Merkle root to accept',
    pattern: /^sha256:[0-9A-Fa-f]{64}$/,
    expects: 'sha256: and 64 hex digits',
  }),
  originKey: text({
    why: "the origin's public key",
    pattern: /^[A-Za-z0-9_-]{43}$/,
    expects: 'the 43 characters of the "x" of its JWK',
  }),
  originKeyFile: path({ why: 'file with that key as a JWK' }),
  knownOrigins: path({ why: 'file that remembers the keys of origins met before' }),
  segmentBytes: amount({
    value: 32_768,
    min: 32_768,
    max: 1_048_576,
    unit: 'bytes',
    form: 'power of two',
    why: 'size of a segment',
  }),
  reorderBytes: amount({
    value: 33_554_432,
    min: 131_072,
    max: 68_719_476_736,
    unit: 'bytes',
    why: 'what may wait for the segment at the in-order point: bounds memory',
  }),
  routeMemory: path({ why: 'file that remembers what routes carried' }),
  activeRoutes: amount({
    value: CORE_DEFAULTS.activeRoutes,
    min: 1,
    max: 255,
    unit: 'count',
    why: 'routes in use at one time; the others stand by and are tried now and then',
  }),
  ranking: group<RankingSettings>(RANKING_SETTINGS, { why: 'how routes are ranked' }),
  place: place('where this client is'),
  costBudget: measure({ why: 'what the payload of priced routes may cost in one transfer', min: 0, max: 1e9 }),
  endsFirstBytes: amount({
    value: CORE_DEFAULTS.endsFirstBytes,
    min: 0,
    max: 68_719_476_736,
    unit: 'bytes',
    why: 'what of the beginning and of the end of an object comes before all else',
  }),
  steer: yesOrNo({
    why: 'whether origins may deal segments to whichever route drains',
    initial: CORE_DEFAULTS.steer,
  }),
  encode: yesOrNo({
    why: 'whether sources may compress what they send over slow routes, where that shrinks it',
    initial: CORE_DEFAULTS.encode,
  }),
  proxy: proxyAddress({
    why: 'HTTP proxy that routes and mirrors are reached through, by CONNECT',
    pattern: /^http:\/\/\S+$/,
    expects: 'http://HOST:PORT',
  }),
  noProxy: text({
    why: 'hosts that are reached without it, as NO_PROXY names them',
    expects: 'names, addresses and networks, separated by commas',
  }),
  admin: address({
    why: 'where heddle proxy and programs that load heddle/register serve /metrics, /livez and /readyz',
  }),
  metricsFile: path({ why: 'where heddle get leaves its metrics for the textfile collector of the node exporter' }),
  drainMs: amount({ ...DRAIN_TIME, unit: 'ms' }),
  control: group<ControlSettings>(CONTROL_SETTINGS, {
    why: 'how transfers of heddle proxy and of programs that load heddle/register are watched and steered',
  }),
  discovery: DISCOVERY,
  mirrors: listOf(group<MirrorSettings>(MIRROR_SETTINGS, { why: 'one mirror' }), {
    why: 'plain web servers with a copy of the object that heddle get is asked for',
  }),
  trustedCertificates: path({ why: "PEM file of authorities for https routes, instead of the system's" }),
  tls: group(CLIENT_TLS, { why: 'the certificate shown to relays and origins that ask for one' }),
};

/** What file and environment say, and where. Throws `bad-configuration`. */
export async function readClientSources(
  file: string | undefined,
  environment: Environment,
): Promise<Sources<ClientSettings>> {
  const sources = await readSources({ file, role: 'client', environment }, CLIENT_SETTINGS);
  checkClient(sources);
  return sources;
}

/** What file and environment say. Throws `bad-configuration`. */
export async function readClientSettings(file: string | undefined, environment: Environment): Promise<ClientSettings> {
  return (await readClientSources(file, environment)).values;
}

/** What no single row can know. Throws `bad-configuration`. */
export function checkClient({ values, wrong }: Sources<ClientSettings>): void {
  for (const [one, other] of [
    ['token', 'tokenFile'],
    ['originKey', 'originKeyFile'],
  ] as const) {
    if (values[one] !== undefined && values[other] !== undefined) {
      throw wrong(other, `${one} and ${other} exclude each other; write one of them`);
    }
  }
  checkNames(values.routes, 'routes', wrong);
  checkNames(values.mirrors, 'mirrors', wrong);
  if (values.discovery !== undefined) checkDiscovery(values.discovery, wrong);
  for (const [at, { routes, origin }] of (values.origins ?? []).entries()) {
    checkNames(routes, `origins[${at}].routes`, wrong);
    if (routes === undefined && values.routes === undefined && values.discovery === undefined) {
      throw wrong(`origins[${at}]`, `there is no route to ${origin}; write routes: here or for all`);
    }
  }
}

function checkNames(
  routes: readonly { readonly name: string }[] | undefined,
  list: string,
  wrong: Sources<ClientSettings>['wrong'],
): void {
  const names = (routes ?? []).map(({ name }) => name);
  const twice = names.findIndex((name, at) => names.indexOf(name) < at);
  if (twice >= 0) throw wrong(`${list}[${twice}].name`, `two routes have the name "${names[twice]}"; write another`);
}
