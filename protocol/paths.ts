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
  return checkKey(key).split('/').map(encodeURIComponent).join('/');
}

/** The key of a raw path behind one of the prefixes; throws `bad-request` for what encodeKey would refuse. */
export function decodeKey(encoded: string): string {
  let key: string;
  try {
    key = encoded.split('/').map(decodePart).join('/');
  } catch (error) {
    if (error instanceof HeddleError) throw error;
    throw new HeddleError('bad-request', 'the key is not valid percent-encoding', { side: 'remote' });
  }
  return checkKey(key);
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

/** Splits `/v1/via/<upstream>/rest` of a raw request path into its upstream and `/rest`; undefined for other paths. */
export function splitVia(rawPath: string): { upstream: string; rest: string } | undefined {
  if (!rawPath.startsWith(VIA)) return undefined;
  const slash = rawPath.indexOf('/', VIA.length);
  if (slash < 0) return undefined;
  const upstream = rawPath.slice(VIA.length, slash);
  if (!UPSTREAM_NAME.test(upstream)) throw new HeddleError('bad-request', 'the upstream name is not valid');
  return { upstream, rest: rawPath.slice(slash) };
}

/** The key of `/v1/segments/<key>` (a query is ignored); undefined for other paths. */
export function keyOfSegmentsPath(rawPath: string): string | undefined {
  if (!rawPath.startsWith(SEGMENTS)) return undefined;
  const query = rawPath.indexOf('?');
  return decodeKey(rawPath.slice(SEGMENTS.length, query < 0 ? undefined : query));
}

/** Relays named in a route's base URL: the known hops before the origin. */
export function hopsOf(baseUrl: string): number {
  return new URL(baseUrl).pathname.split('/v1/via/').length - 1;
}

function decodePart(part: string): string {
  const decoded = decodeURIComponent(part);
  if (decoded.includes('/'))
    throw new HeddleError('bad-request', 'a part of the key holds a slash', { side: 'remote' });
  return decoded;
}

function checkKey(key: string): string {
  if (new TextEncoder().encode(key).length > LIMITS.maxKeyBytes) {
    throw new HeddleError('bad-request', `the key is longer than ${LIMITS.maxKeyBytes} bytes`);
  }
  for (const part of key.split('/')) {
    if (part === '' || part === '.' || part === '..') {
      throw new HeddleError('bad-request', `the key "${printable(key)}" has an empty, "." or ".." part`);
    }
    if (/[\u0000-\u001f\u007f\\]/.test(part)) {
      throw new HeddleError('bad-request', 'the key holds a control character or a backslash');
    }
  }
  return key;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 80);
}
