// One reading of what a proxy splits: that of a client, and what the proxy makes of it beside its own flags.
import { HeddleError } from '../../protocol/errors.ts';
import { parseAmount } from '../../protocol/settings/amount.ts';
import type { ClientSources } from '../config.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import type { ClientOptions } from '../options.ts';
import { DRAIN_TIME } from '../proxy/drain-time.ts';
import type { SplittingOptions } from '../proxy/splitting.ts';
import { readClient } from '../reading.ts';
import type { ClientReading, ReadingContext, ReadingFlags } from '../reading.ts';
import type { ClientSettings } from '../settings.ts';

/** The flags that a reading heeds. */
export type ProxyReadingFlags = ReadingFlags & {
  readonly origin?: readonly string[];
  readonly admin?: string;
  readonly ui?: string | true;
  readonly drain?: string;
};

/** What a reading needs besides. */
export type ProxyReadingContext = Pick<ReadingContext, 'warning'> & {
  readonly transfers: ClientOptions['transfers'] | undefined;
};

/** What was read. */
export type ProxyReading = ClientReading & { readonly splits: SplittingOptions; readonly drainMs: number };

/** What `heddle proxy` has no use for. */
const OF_OTHERS = ['mirrors', 'metricsFile'] as const;
/** What is opened when the proxy starts. */
const FIXED = ['admin', 'control'] as const;

/** Reads. `before`: the reading that counts now. Throws `usage` or `bad-configuration`. */
export async function readProxy(
  flags: ProxyReadingFlags,
  context: ProxyReadingContext,
  before?: ProxyReading,
  said?: { readonly sources: ClientSources },
): Promise<ProxyReading> {
  const reading = await readClient(flags, readingContext(flags, context), before, said);
  try {
    return { ...reading, splits: splitsOf(flags, context, reading), drainMs: drainTime(flags, reading.settings) };
  } catch (error) {
    if (reading.discovery !== before?.discovery) reading.discovery?.[Symbol.dispose]();
    throw error;
  }
}

/** A flag wins over the file, so that nothing it says of it is a change. */
function readingContext({ admin, ui, drain }: ProxyReadingFlags, { warning }: ProxyReadingContext): ReadingContext {
  const said = [admin === undefined ? [] : ['admin'], ui === undefined ? [] : ['control']].flat();
  const unused = [...OF_OTHERS, ...said, ...(drain === undefined ? [] : ['drainMs'])] as (keyof ClientSettings)[];
  return { warning, fixed: FIXED, unused };
}

function splitsOf(
  flags: ProxyReadingFlags,
  { transfers }: ProxyReadingContext,
  { client, sites }: ClientReading,
): SplittingOptions {
  const tracked = transfers === undefined ? {} : { transfers };
  const common = { knownOrigins: knownOriginsPath(), ...client, ...tracked };
  const inFile = sites.map((site) => ({ ...site, ...tracked }));
  const named = (flags.origin ?? []).map((origin) => ({ ...common, origin }));
  const origins = [...inFile.filter(({ origin }) => !flags.origin?.includes(origin)), ...named];
  const hasRoutes = common.routes.length > 0 || (client.discovery?.routes().length ?? 0) > 0;
  if (origins.length > 0 || hasRoutes) return { origins, objects: hasRoutes ? common : undefined };
  throw new HeddleError('usage', 'there is nothing to split: give --origin and --route, or a --config with "origins"');
}

function drainTime({ drain }: ProxyReadingFlags, { drainMs = DRAIN_TIME.value }: ClientSettings): number {
  if (drain === undefined) return drainMs;
  const ms = parseAmount(drain, 'ms');
  if (ms !== undefined && ms <= DRAIN_TIME.max) return ms;
  throw new HeddleError('usage', `--drain cannot be "${drain}"; write a time such as 20s or 5min`);
}
