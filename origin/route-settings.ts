// The rows of an origin's configuration file about the routes that it publishes.
import { amount, measure } from '../protocol/settings/amount.ts';
import { group, listOf } from '../protocol/settings/collections.ts';
import type { Setting, SettingsTable } from '../protocol/settings/setting.ts';
import type { Sources } from '../protocol/settings/sources.ts';
import { text, webAddress } from '../protocol/settings/text.ts';
import type { ListedRoute } from '../protocol/route-list.ts';

const ROUTE_SETTINGS: SettingsTable<ListedRoute> = {
  name: text({
    why: 'name of the route at the clients',
    required: true,
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    expects: 'letters, digits, ".", "_" or "-", beginning with a letter or digit',
  }),
  url: webAddress({
    why: 'base URL as clients reach it: this origin, or a relay with /v1/via/<upstream>',
    required: true,
    base: true,
  }),
  rank: measure({ why: 'how good the route is: 0 the worst, 1 the best', min: 0, max: 1 }),
  hops: amount({ value: 0, min: 0, max: 64, unit: 'count', why: 'network hops beyond the relays on the way' }),
  places: listOf(
    text({
      why: 'one place',
      pattern: /^[+-]?\d{1,2}(?:\.\d+)?,\s*[+-]?\d{1,3}(?:\.\d+)?$/,
      expects: 'LATITUDE,LONGITUDE such as "50.11,8.68"',
    }),
    { why: 'where its relays stand, in their order, and then this origin' },
  ),
  costPerGigabyte: measure({ why: 'price of what it carries, in a currency that all share', min: 0, max: 1e6 }),
};

/** The routes that are published. */
export const PUBLISHED_ROUTES: Setting<readonly ListedRoute[]> = listOf(
  group<ListedRoute>(ROUTE_SETTINGS, { why: 'one route' }),
  { why: 'the ways to this origin, published and signed at /.well-known/heddle/routes' },
);

/** What no single row can know. Throws `bad-configuration` with the place. */
export function checkPublished(routes: readonly ListedRoute[], wrong: Sources<object>['wrong']): void {
  const names = routes.map(({ name }) => name);
  const twice = names.findIndex((name, at) => names.indexOf(name) < at);
  if (twice < 0) return;
  throw wrong(`publishedRoutes[${twice}].name`, `two routes have the name "${names[twice]}"; write another`);
}
