// One reading of what a proxy splits: flags, configuration file and environment together, and what differs from the reading
// before. Looks for routes anew only when what it looks by has changed: what was found must not be lost to a reading.
import { isDeepStrictEqual } from 'node:util';
import { HeddleError } from '../../protocol/errors.ts';
import { parseAmount } from '../../protocol/settings/amount.ts';
import type { Applied } from '../../protocol/settings/reload.ts';
import { clientOptions, clientWishes } from '../config.ts';
import type { ClientFlags } from '../config.ts';
import type { Discovery } from '../discovery.ts';
import { configuredSites } from '../intercept/configuration.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import type { ClientOptions } from '../options.ts';
import { DRAIN_TIME } from '../proxy/drain-time.ts';
import type { SplittingOptions } from '../proxy/splitting.ts';
import type { ClientSettings } from '../settings.ts';

/** The flags that a reading heeds. */
export type ReadingFlags = Pick<
  ClientFlags,
  'route' | 'config' | 'originKey' | 'tokenFile' | 'ca' | 'clientCert' | 'clientKey'
> & {
  readonly origin?: readonly string[];
  readonly admin?: string;
  readonly ui?: string | true;
  readonly drain?: string;
};

/** What a reading needs besides. */
export type ReadingContext = {
  readonly transfers: ClientOptions['transfers'];
  /** Told of what the search for routes misses. */
  warning(error: HeddleError): void;
};

/** What was read. */
export type ProxyReading = {
  readonly splits: SplittingOptions;
  readonly drainMs: number;
  /** Started; whoever reads disposes it when nobody splits by it any more. */
  readonly discovery: Discovery | undefined;
  /** As the file says it; what waits for a restart as it was at the start. */
  readonly settings: ClientSettings;
  /** What is in the files that it names. */
  readonly trust: { readonly [Key in 'originKey' | 'tls']: ClientOptions[Key] };
  readonly applied: Applied;
  /** All of them. */
  readonly files: readonly string[];
};

/** What is opened when the proxy starts, each with the flag that wins over it. */
const FIXED = { admin: 'admin', control: 'ui' } as const;
/** What `heddle proxy` has no use for. */
const OF_OTHERS: ReadonlySet<string> = new Set(['mirrors', 'metricsFile']);
/** What the search for routes goes by. */
const SEARCH: ReadonlySet<string> = new Set([
  ...['discovery', 'token', 'tokenFile', 'originKey', 'originKeyFile', 'knownOrigins', 'trustedCertificates', 'tls'],
  ...['proxy', 'noProxy'],
]);

/** Reads. `before`: the reading that counts now. Throws `usage` or `bad-configuration`. */
export async function readProxy(
  flags: ReadingFlags,
  context: ReadingContext,
  before?: ProxyReading,
): Promise<ProxyReading> {
  const settings = await clientWishes(flags.config);
  const { root, mirrors: _, discovery: own, ...client } = await clientOptions(flags, process.env, context.warning);
  if (root !== undefined)
    throw new HeddleError('bad-configuration', 'a root is of one object; write originKey instead');
  const trust = { originKey: client.originKey, tls: client.tls };
  const applied = before === undefined ? { changed: [], waiting: [] } : differences(flags, before, settings, trust);
  const isKept = before !== undefined && !applied.changed.some((key) => SEARCH.has(key));
  const discovery = isKept ? before.discovery : own;
  if (isKept) own?.[Symbol.dispose]();
  try {
    await discovery?.start();
    const splits = await splitsOf(flags, context, { ...client, ...(discovery === undefined ? {} : { discovery }) });
    const { admin, control } = (before ?? { settings }).settings;
    const fixed = { ...(admin === undefined ? {} : { admin }), ...(control === undefined ? {} : { control }) };
    const { admin: _admin, control: _control, ...rest } = settings;
    return {
      splits,
      drainMs: drainTime(flags, settings),
      discovery,
      settings: { ...rest, ...fixed },
      trust,
      applied,
      files: filesOf(flags, settings),
    };
  } catch (error) {
    if (!isKept) discovery?.[Symbol.dispose]();
    throw error;
  }
}

async function splitsOf(
  flags: ReadingFlags,
  { transfers }: ReadingContext,
  client: Omit<ClientOptions, 'root' | 'mirrors'>,
): Promise<SplittingOptions> {
  const tracked = transfers === undefined ? {} : { transfers };
  const common = { knownOrigins: knownOriginsPath(), ...client, ...tracked };
  const shown = client.tls === undefined ? {} : { tls: client.tls };
  const sites = await configuredSites(flags.config, process.env, client.discovery);
  const inFile = sites.map((site) => ({ ...site, ...tracked, ...shown }));
  const named = (flags.origin ?? []).map((origin) => ({ ...common, origin }));
  const origins = [...inFile.filter(({ origin }) => !flags.origin?.includes(origin)), ...named];
  const hasRoutes = common.routes.length > 0 || (client.discovery?.routes().length ?? 0) > 0;
  if (origins.length > 0 || hasRoutes) return { origins, objects: hasRoutes ? common : undefined };
  throw new HeddleError('usage', 'there is nothing to split: give --origin and --route, or a --config with "origins"');
}

function differences(
  flags: ReadingFlags,
  before: ProxyReading,
  settings: ClientSettings,
  trust: ProxyReading['trust'],
): Applied {
  const keys = Object.keys({ ...before.settings, ...settings }) as (keyof ClientSettings)[];
  const other = keys.filter((key) => !OF_OTHERS.has(key) && !isDeepStrictEqual(before.settings[key], settings[key]));
  const isFixed = (key: string): key is keyof typeof FIXED => key in FIXED;
  const waiting = other.filter((key) => isFixed(key) && flags[FIXED[key]] === undefined);
  const changed = other.filter((key) => !isFixed(key) && (key !== 'drainMs' || flags.drain === undefined));
  // the same files may hold something else now
  const inside = (['originKey', 'tls'] as const).filter((key) => !isDeepStrictEqual(before.trust[key], trust[key]));
  return { changed: [...new Set([...changed, ...inside])], waiting };
}

function filesOf({ config, originKey, ca, clientCert, clientKey }: ReadingFlags, said: ClientSettings): string[] {
  const { originKeyFile, trustedCertificates, tls } = said;
  const files = [
    ...[config, originKey ?? originKeyFile, ca ?? trustedCertificates],
    ...[clientCert ?? tls?.certificate, clientKey ?? tls?.key],
  ];
  return files.filter((file) => file !== undefined);
}

function drainTime({ drain }: ReadingFlags, { drainMs = DRAIN_TIME.value }: ClientSettings): number {
  if (drain === undefined) return drainMs;
  const ms = parseAmount(drain, 'ms');
  if (ms !== undefined && ms <= DRAIN_TIME.max) return ms;
  throw new HeddleError('usage', `--drain cannot be "${drain}"; write a time such as 20s or 5min`);
}
