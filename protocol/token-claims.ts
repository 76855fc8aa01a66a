// What a token says: the claims that Heddle reads beside those of every JWT, and what they allow. Signatures and clocks are
// the business of whoever checks or issues tokens.
import { decodeKey } from './paths.ts';

/** The audiences that servers answer to unless told another name. */
export const AUDIENCES: Readonly<{ relay: string; origin: string }> = Object.freeze({
  relay: 'heddle-relay',
  origin: 'heddle-origin',
});

/** What the holder of a token may do. An undefined limit is none. */
export type TokenTerms = {
  /** Names of the upstreams it is good for; all of them when it names none. */
  readonly upstreams: readonly string[] | undefined;
  /** One of these is what every object key must begin with. */
  readonly prefixes: readonly string[] | undefined;
  /** Sessions and plain requests at one time. */
  readonly maxSessions: number | undefined;
  readonly maxBytesPerSecond: number | undefined;
  /** Payload in all, until it expires. */
  readonly maxBytes: number | undefined;
};

/** The terms in the claims of a token, or in one clause why they are none. */
export function readTerms(claims: Readonly<Record<string, unknown>>): TokenTerms | string {
  const { upstreams, prefixes } = claims;
  // a limit that is spelled wrong must not be none
  for (const name of ['prefix', 'upstream']) if (name in claims) return `the claim "${name}" is not known`;
  for (const [name, value] of Object.entries({ upstreams, prefixes })) {
    if (value !== undefined && !isTexts(value)) return `the claim "${name}" is not a list of texts`;
  }
  for (const name of ['maxSessions', 'maxBytesPerSecond', 'maxBytes']) {
    const value = claims[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) > 0)) {
      return `the claim "${name}" is not a whole number above 0`;
    }
  }
  const { maxSessions, maxBytesPerSecond, maxBytes } = claims as Readonly<Record<string, number | undefined>>;
  const terms = { upstreams, prefixes, maxSessions, maxBytesPerSecond, maxBytes };
  return terms as TokenTerms;
}

/** True when `terms` are good for the upstream `name`. */
export function allowsUpstream({ upstreams }: TokenTerms, name: string): boolean {
  return upstreams === undefined || upstreams.includes(name);
}

/** Paths that tell no object's bytes and no key, below the base URL of an origin or a relay. */
const OPEN_PATHS: readonly string[] = ['/.well-known/heddle/routes', '/readyz'];

/**
 * True when `terms` are good for the raw path (with its query) below an upstream's base URL, behind any number of further
 * relays. Whoever is bound to prefixes reaches only paths whose key is known, and only the lists below a prefix.
 */
export function allowsPath({ prefixes }: TokenTerms, rawPath: string): boolean {
  if (prefixes === undefined) return true;
  const inner = rawPath.replace(/^(?:\/v1\/via\/[^/?]+)+(?=\/)/, '');
  const [path = '', query = ''] = inner.split('?', 2);
  if (OPEN_PATHS.includes(path)) return true;
  const key = path === '/v1/objects' ? prefixOf(query) : keyOf(path);
  return key !== undefined && prefixes.some((prefix) => key.startsWith(prefix));
}

/** The prefix that a list is asked for; two of them could be read differently by the next server. */
function prefixOf(query: string): string | undefined {
  const all = new URLSearchParams(query).getAll('prefix');
  return all.length === 1 ? all[0] : undefined;
}

function keyOf(path: string): string | undefined {
  const encoded = /^\/v1\/(?:segments|objects|manifests|nodes)\/(.+)$/.exec(path)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeKey(encoded);
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
