// The rows of a configuration file about the ranking of routes: what is said of a route, and what counts how much.
import { amount, measure } from '../protocol/settings/amount.ts';
import { listOf } from '../protocol/settings/collections.ts';
import type { Setting, SettingsTable } from '../protocol/settings/setting.ts';
import { text, webAddress } from '../protocol/settings/text.ts';
import { CORE_DEFAULTS } from './core/options.ts';
import type { RankingWeights } from './core/ranking.ts';
import { RANKING_TIMEOUT_MS } from './io/ranking-service.ts';
import type { RankingOptions, RouteFacts } from './route-facts.ts';

/** A place on the globe. */
export function place(why: string): Setting<string> {
  return text({
    why,
    pattern: /^[+-]?\d{1,2}(?:\.\d+)?,\s*[+-]?\d{1,3}(?:\.\d+)?$/,
    expects: 'LATITUDE,LONGITUDE such as "50.11,8.68"',
  });
}

export const ROUTE_FACT_SETTINGS: SettingsTable<RouteFacts> = {
  rank: measure({ why: 'how good the route is in your opinion: 0 the worst, 1 the best', min: 0, max: 1 }),
  hops: amount({ value: 0, min: 0, max: 64, unit: 'count', why: 'network hops beyond the relays on the way' }),
  places: listOf(place('one place'), { why: 'where its relays stand, in their order, and then its source' }),
  costPerGigabyte: measure({
    why: 'price of what it carries, in any currency that all routes share',
    min: 0,
    max: 1e6,
  }),
};

/** What a file may say about ranking: all but a function. */
export type RankingSettings = Omit<RankingOptions, 'ask'>;

const weight = (name: keyof RankingWeights, why: string): Setting<number> =>
  measure({ why, initial: CORE_DEFAULTS[name], min: 0, max: 1e6 });

export const RANKING_SETTINGS: SettingsTable<RankingSettings> = {
  service: webAddress({ why: 'URL of a service that is asked for ranks when a transfer begins', base: false }),
  timeoutMs: amount({
    value: RANKING_TIMEOUT_MS,
    min: 1,
    max: 600_000,
    unit: 'ms',
    why: 'how long its answer may take; the transfer does not wait for it',
  }),
  externalWeight: weight('externalWeight', 'what a rank from outside counts, relative to the other weights'),
  throughputWeight: weight('throughputWeight', 'what measured throughput counts'),
  latencyWeight: weight('latencyWeight', 'what the round trip counts'),
  hopsWeight: weight('hopsWeight', 'what relays and network hops count'),
  distanceWeight: weight('distanceWeight', 'what the length of the path on the globe counts'),
  costWeight: weight('costWeight', 'what the price counts'),
};
