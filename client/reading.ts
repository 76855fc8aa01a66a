// One reading of a client that runs for long (a proxy, a program with heddle/register): flags, configuration file and
// environment together, parsed once, and what differs from the reading before. Looks for routes anew only when what it looks
// by has changed: what was found must not be lost to a reading. What is done with it is the business of who reads.
import { isDeepStrictEqual } from 'node:util';
import { HeddleError } from '../protocol/errors.ts';
import type { Applied } from '../protocol/settings/reload.ts';
import { clientSources, optionsFrom } from './config.ts';
import type { ClientFlags, ClientSources, ReadOptions } from './config.ts';
import type { Discovery } from './discovery.ts';
import { configuredSites } from './intercept/configuration.ts';
import type { SiteOptions } from './intercept/site-options.ts';
import type { ClientSettings } from './settings.ts';

/** The flags that a reading heeds. */
export type ReadingFlags = Pick<
  ClientFlags,
  'route' | 'config' | 'originKey' | 'tokenFile' | 'ca' | 'clientCert' | 'clientKey'
>;

/** What a reading goes by. */
export type ReadingContext = {
  /** Told of what the search for routes misses. */
  warning(error: HeddleError): void;
  /** Settings that are looked at when the program starts, and never again. */
  readonly fixed: readonly (keyof ClientSettings)[];
  /** Settings that the program has no use for, or that flags say already. */
  readonly unused: readonly (keyof ClientSettings)[];
};

/** What was read. */
export type ClientReading = {
  /** What flags, file and environment say together. */
  readonly client: Omit<ReadOptions, 'root' | 'mirrors'>;
  /** The web origins of the file. */
  readonly sites: readonly SiteOptions[];
  /** Started; whoever reads disposes it when nobody goes by it any more. */
  readonly discovery: Discovery | undefined;
  /** As the file says it; what is fixed as it was at the start. */
  readonly settings: ClientSettings;
  /** What is in the files that it names. */
  readonly trust: Trust;
  readonly applied: Applied;
  /** All of them. */
  readonly files: readonly string[];
};

type Trust = Pick<ReadOptions, 'originKey' | 'tls'>;

/** What the search for routes goes by. */
const SEARCH: ReadonlySet<string> = new Set([
  ...['discovery', 'token', 'tokenFile', 'originKey', 'originKeyFile', 'knownOrigins', 'trustedCertificates', 'tls'],
  ...['proxy', 'noProxy'],
]);

/**
 * Reads. `before`: the reading that counts now; `said`: file and environment, where they were read already. Throws `usage` or
 * `bad-configuration`.
 */
export async function readClient(
  flags: ReadingFlags,
  context: ReadingContext,
  before?: ClientReading,
  said?: { readonly sources: ClientSources },
): Promise<ClientReading> {
  const { warning, fixed } = context;
  const sources = said === undefined ? await clientSources(flags.config) : said.sources;
  const settings = sources?.values ?? {};
  const { root, mirrors: _, ...all } = await optionsFrom(sources, flags, process.env, warning);
  if (root !== undefined)
    throw new HeddleError('bad-configuration', 'a root is of one object; write originKey instead');
  const trust: Trust = {
    ...(all.originKey === undefined ? {} : { originKey: all.originKey }),
    ...(all.tls === undefined ? {} : { tls: all.tls }),
  };
  const applied = before === undefined ? { changed: [], waiting: [] } : differences(context, before, settings, trust);
  const isKept = before !== undefined && !applied.changed.some((key) => SEARCH.has(key));
  const { discovery: own, ...rest } = all;
  const discovery = isKept ? before.discovery : own;
  const client = { ...rest, ...(discovery === undefined ? {} : { discovery }) };
  try {
    await discovery?.start();
    return {
      client,
      sites: await sitesOf(sources, flags, client, warning),
      discovery,
      settings: { ...settings, ...pick(before?.settings ?? settings, fixed, settings) },
      trust,
      applied,
      files: filesOf(flags, settings),
    };
  } catch (error) {
    if (!isKept) discovery?.[Symbol.dispose]();
    throw error;
  } finally {
    if (isKept) own?.[Symbol.dispose]();
  }
}

/** The origins of the file go by what the file says, and show the certificate of flags. */
async function sitesOf(
  sources: ClientSources,
  { route, originKey, tokenFile, ca, clientCert, clientKey }: ReadingFlags,
  client: ClientReading['client'],
  warning: ReadingContext['warning'],
): Promise<readonly SiteOptions[]> {
  if ((sources?.values.origins ?? []).length === 0) return [];
  const flags = [route, originKey, tokenFile, ca, clientCert, clientKey];
  const hasFlags = flags.some((flag) => flag !== undefined);
  const { discovery: mine, ...own }: ClientReading['client'] = hasFlags
    ? await optionsFrom(sources, {}, process.env, warning)
    : client;
  if (mine !== client.discovery) mine?.[Symbol.dispose]();
  const shown = client.tls === undefined ? {} : { tls: client.tls };
  const found = client.discovery === undefined ? {} : { discovery: client.discovery };
  return configuredSites(sources, { ...own, ...found, ...shown });
}

function differences(context: ReadingContext, before: ClientReading, settings: ClientSettings, trust: Trust): Applied {
  const { fixed, unused } = context;
  const keys = Object.keys({ ...before.settings, ...settings }) as (keyof ClientSettings)[];
  const other = keys.filter((key) => !unused.includes(key) && !isDeepStrictEqual(before.settings[key], settings[key]));
  const changed = other.filter((key) => !fixed.includes(key));
  // the same files may hold something else now
  const inside = (['originKey', 'tls'] as const).filter((key) => !isDeepStrictEqual(before.trust[key], trust[key]));
  return { changed: [...new Set([...changed, ...inside])], waiting: other.filter((key) => fixed.includes(key)) };
}

/** What `from` says of `keys`, also where it says nothing and `to` does. */
function pick(from: ClientSettings, keys: readonly (keyof ClientSettings)[], to: ClientSettings): ClientSettings {
  return Object.fromEntries(keys.filter((key) => key in from || key in to).map((key) => [key, from[key]]));
}

function filesOf({ config, originKey, ca, clientCert, clientKey }: ReadingFlags, said: ClientSettings): string[] {
  const { originKeyFile, trustedCertificates, tls } = said;
  const files = [
    ...[config, originKey ?? originKeyFile, ca ?? trustedCertificates],
    ...[clientCert ?? tls?.certificate, clientKey ?? tls?.key],
  ];
  return files.filter((file) => file !== undefined);
}
