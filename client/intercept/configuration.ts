// The configuration file as interception needs it: its origins, each with its own routes or those of the file, and what
// else the file says about transfers.
import type { ClientSources } from '../config.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import type { SiteOptions } from './site-options.ts';

/** The web origins that the file (and the environment) name, with what else they say: `client`. */
export function configuredSites(
  sources: ClientSources,
  { routes, discovery, ...client }: Omit<SiteOptions, 'origin' | 'paths'>,
): readonly SiteOptions[] {
  const common = { knownOrigins: knownOriginsPath(process.env), ...client };
  const found = discovery === undefined ? {} : { discovery };
  // an origin with routes of its own is not behind those that are found for the others
  return (sources?.values.origins ?? []).map(({ routes: theirs, ...origin }) =>
    theirs === undefined ? { ...common, ...found, routes, ...origin } : { ...common, ...origin, routes: theirs },
  );
}
