// What a user says about the web origins whose objects are split, and how it becomes what a site needs.
import { HeddleError } from '../../protocol/errors.ts';
import { encodeKey } from '../../protocol/paths.ts';
import type { ClientOptions } from '../options.ts';
import type { PathMapping } from './plan.ts';

/** One web origin: requests to it are split over `routes` where their path is an object's. */
export type SiteOptions = Omit<ClientOptions, 'root' | 'mirrors'> & {
  /** As in URLs: `http://data.example`, `https://data.example:8443`. */
  readonly origin: string;
  /**
   * Which paths are objects: a path prefix, and what stands before the rest of the path in the key. The first that fits
   * counts. Default: `{ path: '/v1/objects/', key: '' }`, the paths of a Heddle origin.
   */
  readonly paths?: readonly { readonly path: string; readonly key?: string }[];
};

/** What to intercept. Everything else passes. */
export type InterceptOptions = { readonly origins: readonly SiteOptions[] };

/** A site's options, checked. */
export type SiteSettings = {
  /** In the spelling of URLs. */
  readonly origin: string;
  readonly mappings: readonly PathMapping[];
  readonly client: ClientOptions;
};

const DEFAULT_PATHS: readonly PathMapping[] = [{ path: '/v1/objects/', key: '' }];

/** The sites checked; throws `bad-configuration`. Routes are checked where the client is made. */
export function resolveSites(options: InterceptOptions): SiteSettings[] {
  const seen = new Set<string>();
  return options.origins.map(({ origin: text, paths, ...client }) => {
    const origin = parseOrigin(text);
    if (seen.has(origin)) throw wrong(`the origin ${origin} is configured twice`);
    seen.add(origin);
    return { origin, mappings: paths === undefined ? DEFAULT_PATHS : paths.map(resolveMapping), client };
  });
}

function parseOrigin(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw wrong(`"${text}" is no http or https origin; write for example http://data.example`);
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw wrong(`"${text}" is more than an origin; paths are given with "paths"`);
  }
  return url.origin;
}

function resolveMapping({ path, key = '' }: { readonly path: string; readonly key?: string }): PathMapping {
  if (!path.startsWith('/') || !path.endsWith('/')) throw wrong(`the path "${path}" must begin and end with "/"`);
  if (key === '') return { path, key };
  if (!key.endsWith('/')) throw wrong(`the key prefix "${key}" must end with "/"`);
  try {
    encodeKey(key.slice(0, -1));
  } catch {
    throw wrong(`"${key}" cannot begin a key`);
  }
  return { path, key };
}

function wrong(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
