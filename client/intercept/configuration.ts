// The configuration file as interception needs it: its origins, each with its own routes or those of the file, and what
// else the file says about transfers.
import { HeddleError } from '../../protocol/errors.ts';
import type { Environment } from '../../protocol/settings/environment.ts';
import { clientOptions } from '../config.ts';
import type { Discovery } from '../discovery.ts';
import { knownOriginsPath } from '../io/known-origins.ts';
import type { SiteOptions } from './site-options.ts';

/**
 * The web origins that the file (and the environment) name. `running`: discovery by the same file that runs already. Throws
 * `bad-configuration`.
 */
export async function configuredSites(
  file: string | undefined,
  environment: Environment = process.env,
  running?: Discovery,
): Promise<readonly SiteOptions[]> {
  const { readClientSettings } = await import('../settings.ts');
  const { origins = [] } = await readClientSettings(file, environment);
  const {
    root,
    routes,
    discovery: own,
    mirrors: _mirrors,
    ...client
  } = await clientOptions(file === undefined ? {} : { config: file }, environment);
  if (root !== undefined && origins.length > 0) {
    throw new HeddleError('bad-configuration', 'a root is of one object; with origins, write originKey instead');
  }
  const common = { knownOrigins: knownOriginsPath(environment), ...client };
  const discovery = running ?? own;
  const found = discovery === undefined ? {} : { discovery };
  if (origins.some((origin) => origin.routes === undefined)) await discovery?.start();
  // an origin with routes of its own is not behind those that are found for the others
  return origins.map(({ routes: theirs, ...origin }) =>
    theirs === undefined ? { ...common, ...found, routes, ...origin } : { ...common, ...origin, routes: theirs },
  );
}
