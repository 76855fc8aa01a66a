// The URL paths of heddle/1, and what a route's base URL says. A route is a base URL to which the paths below are
// appended; a relay strips its own `/v1/via/<upstream>` and forwards the rest byte for byte, so chains nest.
import { HeddleError } from './errors.ts';
import { LIMITS } from './limits.ts';

const SEGMENTS = '/v1/segments/';
const OBJECTS = '/v1/objects/';
const MANIFESTS = '/v1/manifests/';
const NODES = '/v1/nodes/';
const VIA = '/v1/via/';

/** Name of a relay's upstream: letters, digits, dot, dash, underscore; at most 64 characters. */
export const UPSTREAM_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** `key` with each part percent-encoded; `.`, `..` and empty parts are refused with `bad-request`. */
export function encodeKey(key: string): string {
  return checkKey(key, 'local').split('/').map(encodeURIComponent).join('/');
}

/** The key of a raw path behind one of the prefixes; throws `bad-request` for what encodeKey would refuse. */
export function decodeKey(encoded: string): string {
  return checkKey(encoded.split('/').map(decodePart).join('/'), 'remote');
}

/** The paths of one object, to be appended to a route's base URL. */
export function pathsOf(key: string): { segments: string; object: string; manifest: string; nodes: string } {
  const encoded = encodeKey(key);
  return {
    segments: SEGMENTS + encoded,
    object: OBJECTS + encoded,
    manifest: MANIFESTS + encoded,
    nodes: NODES + encoded,
  };
}

/**
 * Splits `/v1/via/<upstream>/rest` of a raw request path into its upstream and `/rest`, untouched; undefined for other
 * paths. Throws `bad-request` when the rest could lead an upstream elsewhere than below its own base URL.
 */
export function splitVia(rawPath: string): { upstream: string; rest: string } | undefined {
  if (!rawPath.startsWith(VIA)) return undefined;
  const slash = rawPath.indexOf('/', VIA.length);
  if (slash < 0) return undefined;
  const upstream = rawPath.slice(VIA.length, slash);
  if (!UPSTREAM_NAME.test(upstream)) throw bad('the upstream name is not valid', 'remote');
  const rest = rawPath.slice(slash);
  if (!/^[\x21-\x7e]*$/.test(rest) || rest.includes('#'))
    throw bad('the path holds characters that no path has', 'remote');
  for (const part of withoutQuery(rest).slice(1).split('/')) checkPart(decodePart(part), 'remote');
  return { upstream, rest };
}

/** The key of `/v1/segments/<key>` (a query is ignored); undefined for other paths. */
export function keyOfSegmentsPath(rawPath: string): string | undefined {
  if (!rawPath.startsWith(SEGMENTS)) return undefined;
  return decodeKey(withoutQuery(rawPath).slice(SEGMENTS.length));
}

/** Relays named in a route's base URL: the known hops before the origin. */
export function hopsOf(baseUrl: string): number {
  return new URL(baseUrl).pathname.split('/v1/via/').length - 1;
}

function withoutQuery(rawPath: string): string {
  const query = rawPath.indexOf('?');
  return query < 0 ? rawPath : rawPath.slice(0, query);
}

function decodePart(part: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    throw bad('the path is not valid percent-encoding', 'remote');
  }
  if (decoded.includes('/')) throw bad('a part of the path holds a slash', 'remote');
  return decoded;
}

function checkKey(key: string, side: 'local' | 'remote'): string {
  if (!key.isWellFormed()) throw bad('the key holds half a character', side);
  if (new TextEncoder().encode(key).length > LIMITS.maxKeyBytes) {
    throw bad(`the key is longer than ${LIMITS.maxKeyBytes} bytes`, side);
  }
  for (const part of key.split('/')) checkPart(part, side);
  return key;
}

function checkPart(part: string, side: 'local' | 'remote'): void {
  if (part === '' || part === '.' || part === '..') throw bad('the path has an empty, "." or ".." part', side);
  if (/[\\\p{Cc}]/u.test(part)) throw bad('the path holds a control character or a backslash', side);
}

function bad(text: string, side: 'local' | 'remote'): HeddleError {
  return new HeddleError('bad-request', text, { side });
}
