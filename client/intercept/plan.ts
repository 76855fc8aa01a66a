// What becomes of a request: passed on untouched, answered by one plain request over the best route, or split. Pure.
//
// A request is split when its path is an object path of the site. The first blocks are asked for with a plain GET (the
// lead): its head tells status, validators and size, its body is proven and handed out while the routes bring the rest.
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { decodeKey } from '../../protocol/paths.ts';
import type { PlainHeaders } from './request-headers.ts';

/** Bytes `from` ≤ b < `to` of an object. */
export type Span = { readonly from: number; readonly to: number };

/** Paths below `path` are objects: `key` followed by the rest of the path is the key. */
export type PathMapping = { readonly path: string; readonly key: string };

/** What matters of a request to decide about it. */
export type RequestShape = {
  readonly method: string;
  /** As it stands in the request line. */
  readonly path: string;
  /** undefined: not plain. */
  readonly headers: PlainHeaders | undefined;
  /** It has a body, a query aside, wants an upgrade or another thing that no plain GET has. */
  readonly special: boolean;
};

/** A GET to be split. */
export type Split = {
  readonly type: 'split';
  readonly key: string;
  /** The bytes the application asks for, if it asks for a range that can be foretold; open ends are `to: undefined`. */
  readonly wanted: { readonly from: number; readonly to: number | undefined } | undefined;
  /** The blocks to ask for first; undefined: the request goes out as the application wrote it. */
  readonly lead: Span | undefined;
  /** The size that `wanted` was reckoned with. */
  readonly size: number | undefined;
};

/** What to do with a request. 'sized': plan again with the object's size, which a suffix range needs. */
export type Plan =
  | { readonly type: 'pass' }
  | { readonly type: 'plain'; readonly key: string }
  | { readonly type: 'sized'; readonly key: string }
  | Split;

/** Bytes of a block of the lead: two leaves, so that one node of level 1 proves it. */
export const BLOCK_BYTES: number = 2 * LEAF_BYTES;
/** Level of the nodes that prove blocks. */
export const BLOCK_LEVEL = 1;

/** The plan for `request`; `sizeOf` knows the sizes of objects asked for before. */
export function planOf(
  request: RequestShape,
  mappings: readonly PathMapping[],
  sizeOf: (key: string) => number | undefined,
): Plan {
  const { method, headers, special } = request;
  const key = special || headers === undefined ? undefined : keyOf(request.path, mappings);
  if (key === undefined || headers === undefined) return { type: 'pass' };
  if (method === 'HEAD') return { type: 'plain', key };
  if (method !== 'GET') return { type: 'pass' };
  const range = headers.get('range');
  if (range === undefined) return split(key, undefined, undefined);
  const asked = parseRange(range);
  if (asked === undefined) return asWritten(key);
  if (asked.from !== undefined) return split(key, { from: asked.from, to: asked.to }, undefined);
  const size = sizeOf(key);
  if (size === undefined) return { type: 'sized', key };
  if (size === 0) return asWritten(key);
  return split(key, { from: Math.max(0, size - asked.last), to: size }, size);
}

/** The plan that asks for what the application wrote, whatever that means to the server. */
export function asWritten(key: string): Split {
  return { type: 'split', key, wanted: undefined, lead: undefined, size: undefined };
}

/** The key that `path` names, by the first mapping that fits; undefined for paths that are none or have a query. */
export function keyOf(path: string, mappings: readonly PathMapping[]): string | undefined {
  if (/[?#]/.test(path)) return undefined;
  const mapping = mappings.find((candidate) => path.startsWith(candidate.path));
  if (mapping === undefined) return undefined;
  try {
    return mapping.key + decodeKey(path.slice(mapping.path.length));
  } catch {
    return undefined;
  }
}

function split(key: string, wanted: Split['wanted'], size: number | undefined): Split {
  const from = blockOf(wanted?.from ?? 0);
  const end = wanted?.to ?? Number.POSITIVE_INFINITY;
  // what lies in two blocks comes in one answer, whole
  const to = from + (end > from + BLOCK_BYTES && end <= from + 2 * BLOCK_BYTES ? 2 : 1) * BLOCK_BYTES;
  return { type: 'split', key, wanted, lead: { from, to }, size };
}

function blockOf(offset: number): number {
  return Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
}

type AskedRange =
  | { readonly from: number; readonly to: number | undefined }
  | { readonly from?: never; readonly last: number };

/** One range of bytes; undefined for everything that a server may read in its own way. */
function parseRange(header: string): AskedRange | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header.trim());
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first !== '') {
    if (last !== '' && Number(last) < Number(first)) return undefined;
    return { from: Number(first), to: last === '' ? undefined : Number(last) + 1 };
  }
  return Number(last) === 0 ? undefined : { last: Number(last) };
}
