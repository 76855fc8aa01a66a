// Which version of an object an answer of its server is about: size and validators, in a head or in a range of it.
// Invariant: two answers have the same version only if the server says that the bytes are the same. Pure.
import type { ObjectStat } from './backend.ts';
import type { RemoteHead } from './remote-client.ts';

type Headers = RemoteHead['headers'];

/** Longest validator that is believed, characters. */
const MOST_TAG_LENGTH = 256;

/** What `headers` say of an object of `size` bytes; a text says why nothing can be said. */
export function statOfHeaders(headers: Headers, size: number): ObjectStat | string {
  const { etag, 'last-modified': date = '', 'content-encoding': encoding = 'identity' } = headers;
  if (encoding !== 'identity') return `it sends the object encoded (${encoding.slice(0, 20)})`;
  const modified = Date.parse(date);
  const known = !Number.isNaN(modified) && date.length < MOST_TAG_LENGTH;
  const strong = strongTag(etag);
  // a weak tag may stay while bytes change; with the time of the change it says more
  if (strong === undefined && !known)
    return 'it gives neither a strong ETag nor Last-Modified: a change would not show';
  const weak = etag !== undefined && etag.length <= MOST_TAG_LENGTH ? etag : '';
  return {
    size,
    modified: known ? Math.max(0, modified) : 0,
    version: strong === undefined ? `${size} ${weak} ${modified}` : `${size} ${strong}`,
  };
}

/** The precondition that makes a server answer for `stat` only, as far as its version can be named. */
export function conditionFor({ version, modified }: ObjectStat): Record<string, string> {
  const tag = /^\d+ ("[^"]*")$/.exec(version)?.[1];
  return tag === undefined ? { 'if-unmodified-since': new Date(modified).toUTCString() } : { 'if-match': tag };
}

/** The range of a 206: both ends included, `size` missing when the server does not know it; undefined when it is none. */
export function contentRange(headers: Headers): { first: number; last: number; size?: number } | undefined {
  const match = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/(?:([0-9]{1,15})|\*)$/i.exec(headers['content-range'] ?? '');
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  return first > last ? undefined : { first, last, ...(match[3] === undefined ? {} : { size: Number(match[3]) }) };
}

/** The length of the body, when it is said. */
export function contentLength(headers: Headers): number | undefined {
  const length = headers['content-length'];
  return length !== undefined && /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined;
}

/** How long until a change would show in Last-Modified, which counts whole seconds: ms by the server's own clock. */
export function unsettledMs(headers: Headers, now: number): number {
  const modified = Date.parse(headers['last-modified'] ?? '');
  const date = Date.parse(headers['date'] ?? '');
  const age = (Number.isNaN(date) ? now : date) - modified;
  return age >= 0 && age < SECOND ? SECOND - age : 0;
}

const SECOND = 1_000;

function strongTag(etag: string | undefined): string | undefined {
  return etag !== undefined && etag.length <= MOST_TAG_LENGTH && /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(etag)
    ? etag
    : undefined;
}
