// What the flags, the environment and the configuration file of a client make together: flags win, routes name by name.
// What reads YAML is loaded only when one of the others says something.
import { readFile } from 'node:fs/promises';
import { HeddleError } from '../protocol/errors.ts';
import { speaksOf } from '../protocol/settings/environment.ts';
import type { Environment } from '../protocol/settings/environment.ts';
import { fromNamedFile } from '../protocol/settings/named-file.ts';
import type { Sources } from '../protocol/settings/sources.ts';
import type { Discovery, DiscoveryContext } from './discovery.ts';
import { knownOriginsPath } from './io/known-origins.ts';
import { defaultMemoryPath } from './io/route-memory.ts';
import { parseRouteArgument } from './options.ts';
import type { ClientOptions, RouteOptions } from './options.ts';
import { proxyRule } from './outer-proxy.ts';
import type { ClientSettings, ControlSettings } from './settings.ts';
import type { TlsFlags } from './tls-files.ts';
import { tokenOfFile } from './token-file.ts';
import { systemReason } from '../protocol/system-words.ts';

/** The flags that every command with routes has. */
export type ClientFlags = {
  readonly route?: readonly string[];
  readonly config?: string;
  readonly root?: string;
  readonly originKey?: string;
  readonly tokenFile?: string;
  readonly segment?: string;
  /** Whether what routes carried is kept: where the file says, else in the usual place. Left out: where the file says. */
  readonly memory?: boolean;
} & TlsFlags;

/** What file and environment say, and where; undefined when neither says anything. */
export type ClientSources = Sources<ClientSettings> | undefined;

/** Options of a client as they are read: what looks for routes has to be started, and ended. */
export type ReadOptions = ClientOptions & { readonly discovery?: Discovery };

/** Reads file and environment, once for all below. Throws `bad-configuration`. */
export async function clientSources(
  file: string | undefined,
  environment: Environment = process.env,
): Promise<ClientSources> {
  if (file === undefined && !speaksOf('client', environment)) return undefined;
  const { readClientSources } = await import('./settings.ts');
  return readClientSources(file, environment);
}

/** The same as `optionsFrom`, for those who need nothing else of the file. */
export async function clientOptions(
  flags: ClientFlags,
  environment: Environment = process.env,
  warning: (error: HeddleError) => void = ({ message }) => process.stderr.write(`heddle: ${message}\n`),
): Promise<ReadOptions> {
  return optionsFrom(await clientSources(flags.config, environment), flags, environment, warning);
}

/**
 * The options of the client that `flags` and `sources` ask for. Discovery is not started; `warning` is told of what it
 * misses. Throws `usage` or `bad-configuration`.
 */
export async function optionsFrom(
  sources: ClientSources,
  flags: Omit<ClientFlags, 'config'>,
  environment: Environment,
  warning: (error: HeddleError) => void,
): Promise<ReadOptions> {
  const inFlags = (flags.route ?? []).map(parseRouteArgument);
  const {
    routes = [],
    token,
    tokenFile,
    root,
    originKey,
    originKeyFile,
    knownOrigins,
    segmentBytes,
    reorderBytes,
    routeMemory,
    activeRoutes,
    ranking,
    place,
    costBudget,
    endsFirstBytes,
    steer,
    encode,
    proxy,
    noProxy,
    discovery,
    mirrors,
  } = sources?.values ?? {};
  const trust = {
    tls: await tlsOf(flags, sources),
    token: await fromNamedFile(flags.tokenFile === undefined ? sources : undefined, 'tokenFile', () =>
      tokenOf(flags.tokenFile, token, tokenFile),
    ),
    originKey: await fromNamedFile(flags.originKey === undefined ? sources : undefined, 'originKeyFile', () =>
      textOr(flags.originKey, originKey, originKeyFile, parseOriginKey),
    ),
  };
  return withoutUndefined({
    routes: allRoutes(routes, inFlags),
    mirrors,
    segmentBytes: flags.segment === undefined ? segmentBytes : Number(flags.segment),
    reorderBytes,
    routeMemory: flags.memory === false ? undefined : (routeMemory ?? (flags.memory ? defaultMemoryPath() : undefined)),
    activeRoutes,
    ranking,
    place,
    costBudget,
    endsFirstBytes,
    steer,
    encode,
    proxy,
    noProxy,
    root: flags.root ?? root,
    knownOrigins,
    ...trust,
    discovery: await discoveryIn(discovery, {
      ...trust,
      knownOrigins: knownOrigins ?? knownOriginsPath(environment),
      proxyFor: proxyRule(withoutUndefined({ proxy, noProxy })),
      warning,
    }),
  });
}

/** Those who name no file load nothing for it. */
async function tlsOf(flags: TlsFlags, sources: Sources<ClientSettings> | undefined): Promise<ClientOptions['tls']> {
  const { trustedCertificates, tls } = sources?.values ?? {};
  const files = [flags.ca, flags.clientCert, flags.clientKey, trustedCertificates, tls];
  if (files.every((file) => file === undefined)) return undefined;
  const { clientTlsOf } = await import('./tls-files.ts');
  return clientTlsOf(flags, sources);
}

/** The flag of commands that open the control interface. */
export type ControlFlags = {
  /** HOST:PORT or unix:PATH; true: where the file says, or a free port. */
  readonly ui?: string | true;
};

/** Those who look for no routes load nothing for it. */
async function discoveryIn(
  said: ClientSettings['discovery'],
  context: DiscoveryContext,
): Promise<Discovery | undefined> {
  if (said === undefined) return undefined;
  const [{ Discovery }, { discoveryOf }] = await Promise.all([
    import('./discovery.ts'),
    import('./discovery-settings.ts'),
  ]);
  const options = discoveryOf(said);
  return options === undefined ? undefined : new Discovery(options, context);
}

/** Where the control interface is wanted: what the flag, the file and the environment say. */
export function controlWishes({ ui }: ControlFlags, sources: ClientSources): ControlSettings {
  return { ...sources?.values.control, ...(typeof ui === 'string' ? { listen: ui } : {}) };
}

/** A flag's route takes the place of the file's route of its name; two flags of one name are the user's mistake. */
function allRoutes(inFile: readonly RouteOptions[], inFlags: readonly RouteOptions[]): RouteOptions[] {
  const named = new Set(inFlags.map(({ name }) => name));
  return [...inFile.filter(({ name }) => !named.has(name)), ...inFlags];
}

/** The token itself, or what reads it again from its file when that has changed. */
async function tokenOf(
  flag: string | undefined,
  said: string | undefined,
  file: string | undefined,
): Promise<ClientOptions['token']> {
  const path = flag ?? (said === undefined ? file : undefined);
  if (path === undefined) return said;
  const first = (await readText(path)).trim();
  if (/^[\x21-\x7e]+$/.test(first)) return tokenOfFile(path, first);
  throw new HeddleError('bad-configuration', `${path} holds no token; write one there with heddle token --out`);
}

/** What the file named by a flag holds, else what the configuration says, else what the file that it names holds. */
async function textOr(
  flag: string | undefined,
  said: string | undefined,
  file: string | undefined,
  parse: (text: string) => string,
): Promise<string | undefined> {
  if (flag !== undefined) return parse(await readText(flag));
  return said ?? (file === undefined ? undefined : parse(await readText(file)));
}

/** The `x` of an Ed25519 key: a JWK, a JWKS with one key, or `x` alone. */
function parseOriginKey(text: string): string {
  const trimmed = text.trim();
  if (/^[A-Za-z0-9_-]{43}$/.test(trimmed)) return trimmed;
  try {
    const parsed = JSON.parse(trimmed) as { keys?: unknown };
    const keys: unknown[] = Array.isArray(parsed.keys) ? parsed.keys : [parsed];
    const [{ crv, x }] = keys as [{ crv?: unknown; x?: unknown }];
    if (keys.length === 1 && crv === 'Ed25519' && typeof x === 'string') return x;
  } catch {
    // the line below says what is expected
  }
  throw new HeddleError(
    'bad-configuration',
    'the origin key is neither an Ed25519 JWK nor its x; write the NAME.public.jwks made by heddle keygen',
  );
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new HeddleError(
      'bad-configuration',
      `cannot read ${path} (${systemReason(error)}); write the path of a file that is there`,
    );
  }
}

function withoutUndefined<Options extends object>(
  options: { [Key in keyof Options]: Options[Key] | undefined },
): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}
