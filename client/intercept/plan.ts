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

/** What earlier requests taught. */
export type Experience = {
  /** The size of an object asked for before. */
  sizeOf(key: string): number | undefined;
  /** Bytes that the best route brings at once: what a lead may have. */
  readonly leadBytes: number;
};

/** Bytes of a block of the lead: two leaves, so that one node of level 1 proves it. */
export const BLOCK_BYTES: number = 2 * LEAF_BYTES;
/** Level of the nodes that prove blocks. */
export const BLOCK_LEVEL = 1;

/** The plan for `request`. */
export function planOf(request: RequestShape, mappings: readonly PathMapping[], experience: Experience): Plan {
  const { method, headers, special } = request;
  const key = special || headers === undefined ? undefined : keyOf(request.path, mappings);
  if (key === undefined || headers === undefined) return { type: 'pass' };
  if (method === 'HEAD') return { type: 'plain', key };
  if (method !== 'GET') return { type: 'pass' };
  const range = headers.get('range');
  const { leadBytes } = experience;
  const size = experience.sizeOf(key);
  if (range === undefined) return { ...split(key, undefined), lead: leadOf(0, size, leadBytes) };
  const asked = parseRange(range);
  if (asked === undefined) return asWritten(key);
  if (asked.from !== undefined) {
    const wanted = { from: asked.from, to: asked.to };
    return { ...split(key, wanted), lead: leadOf(wanted.from, wanted.to ?? size, leadBytes) };
  }
  if (size === undefined) return { type: 'sized', key };
  if (size === 0) return asWritten(key);
  const wanted = { from: Math.max(0, size - asked.last), to: size };
  return { ...split(key, wanted), lead: leadOf(wanted.from, size, leadBytes), size };
}

/** The plan that asks for what the application wrote, whatever that means to the server. */
export function asWritten(key: string): Split {
  return split(key, undefined);
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

function split(key: string, wanted: Split['wanted']): Split {
  return { type: 'split', key, wanted, lead: undefined, size: undefined };
}

/** The blocks from that of byte `first` on, no more than are wanted. A rest of less than a block is not left behind. */
function leadOf(first: number, end = Number.POSITIVE_INFINITY, leadBytes: number): Span {
  const from = Math.floor(first / BLOCK_BYTES) * BLOCK_BYTES;
  const most = from + Math.max(1, Math.floor(leadBytes / BLOCK_BYTES)) * BLOCK_BYTES;
  const all = Math.max(from + BLOCK_BYTES, Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES);
  return { from, to: all <= most + BLOCK_BYTES ? all : most };
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
