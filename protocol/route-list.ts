// The route list: the ways to itself that an origin publishes, under its signature, at a path that needs no token. Here
// are its fields, its byte form and its bounds. Fetching it, and whose signature counts, belongs to the roles.
//
// It travels as a compact JWS, as a manifest does, with a `typ` of its own. Members that are not known are skipped: a newer
// origin may say more of a route.
import { HeddleError } from './errors.ts';

/** Where an origin publishes its list, below its base URL. */
export const ROUTE_LIST_PATH = '/.well-known/heddle/routes';

/** The `typ` of a route list's JWS. */
export const ROUTE_LIST_TYPE = 'heddle-routes+jws';

/** The largest list, bytes of the JWS. */
export const MAX_ROUTE_LIST_BYTES = 131_072;

/** The most routes in a list. */
export const MAX_LISTED_ROUTES = 256;

/** One way to the origin, as it says it. */
export type ListedRoute = {
  readonly name: string;
  /** Base URL. */
  readonly url: string;
  /** How good it is: 0 the worst, 1 the best. */
  readonly rank?: number;
  /** Network hops beyond the relays on the way. */
  readonly hops?: number;
  /** Where its relays stand, in their order, and then the origin: `LATITUDE,LONGITUDE` each. */
  readonly places?: readonly string[];
  readonly costPerGigabyte?: number;
};

/** What an origin signs about the ways to it. Times in ms since 1970. */
export type RouteList = { readonly issued: number; readonly expires: number; readonly routes: readonly ListedRoute[] };

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const PLACE = /^[+-]?\d{1,2}(?:\.\d+)?,\s*[+-]?\d{1,3}(?:\.\d+)?$/;
const MOST_PLACES = 16;

/** The payload to sign. */
export function encodeRouteList({ issued, expires, routes }: RouteList): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify({ issued, expires, routes }));
}

/** The list in `payload`. Throws `bad-manifest`, side remote. The signature and the time are not its matter. */
export function parseRouteList(payload: Uint8Array): RouteList {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload));
  } catch (cause) {
    throw bad('it is not JSON', cause);
  }
  const { issued, expires, routes } = membersOf(value);
  if (!isTime(issued) || !isTime(expires) || expires <= issued) throw bad('its times are none');
  if (!Array.isArray(routes) || routes.length > MAX_LISTED_ROUTES)
    throw bad('it has no list of routes, or too long a one');
  const all = routes.map(routeIn);
  if (new Set(all.map(({ name }) => name)).size < all.length) throw bad('two of its routes have one name');
  return { issued, expires, routes: all };
}

function routeIn(value: unknown): ListedRoute {
  const { name, url, rank, hops, places, costPerGigabyte } = membersOf(value);
  if (typeof name !== 'string' || !NAME.test(name)) throw bad('a route has no name');
  if (typeof url !== 'string' || !isBaseUrl(url)) throw bad(`the route ${name} has no base URL`);
  if (places !== undefined && !(Array.isArray(places) && places.length <= MOST_PLACES && places.every(isPlace))) {
    throw bad(`the places of the route ${name} are none`);
  }
  return {
    name,
    url,
    ...(rank === undefined ? {} : { rank: numberIn(rank, 1, name) }),
    ...(hops === undefined ? {} : { hops: numberIn(hops, 64, name) }),
    ...(places === undefined ? {} : { places }),
    ...(costPerGigabyte === undefined ? {} : { costPerGigabyte: numberIn(costPerGigabyte, 1e6, name) }),
  };
}

function isBaseUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || text.length > 2_048 || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false;
  return url.search === '' && url.hash === '' && url.username === '' && url.password === '';
}

function isPlace(value: unknown): value is string {
  return typeof value === 'string' && PLACE.test(value);
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function numberIn(value: unknown, most: number, name: string): number {
  if (typeof value === 'number' && value >= 0 && value <= most) return value;
  throw bad(`a number of the route ${name} is out of bounds`);
}

function membersOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('an object is missing');
  return { ...value };
}

function bad(text: string, cause?: unknown): HeddleError {
  return new HeddleError('bad-manifest', `the route list cannot be used: ${text}`, { side: 'remote', cause });
}
