// What the application is shown of the lead's answer, and what of its body is already there. Pure: the plan and a head
// in, a verdict out. Only an answer whose ETag is a Merkle root can be proven; no other success is shown.
import { parseRoot } from '../../protocol/manifest.ts';
import type { Span, Split } from './plan.ts';

/** Names as they came, and values. */
export type HeaderLine = readonly [name: string, value: string];

/** Status and headers of an answer. */
export type AnswerHead = { readonly status: number; readonly headers: readonly HeaderLine[] };

/** An answer that brings bytes of an object. */
export type ObjectView = {
  readonly type: 'object';
  readonly status: 200 | 206;
  /** `sha256:` and 64 hex digits: the ETag in the project's spelling. */
  readonly root: string;
  readonly etag: string;
  readonly size: number;
  /** The bytes that the application gets. */
  readonly wanted: Span;
  /** The bytes that the answer's body holds. */
  readonly held: Span;
};

/**
 * 'pass': shown as it is. 'again': ask once more as the application wrote it. 'stale': the object has another size than
 * the plan was made with. 'refused': a hop could not or would not; another route may. 'unfit': nothing that can be proven.
 */
export type View =
  | ObjectView
  | { readonly type: 'pass' }
  | { readonly type: 'again' | 'stale' }
  | { readonly type: 'refused' }
  | { readonly type: 'unfit'; readonly why: string };

/** Statuses with which a server says that it, not the request, is the problem. */
const TROUBLED: readonly number[] = [429, 500, 502, 503, 504];

/** What to make of the answer to a split request. */
export function viewOf(plan: Split, head: AnswerHead): View {
  const { status, headers } = head;
  if (status === 416 && plan.lead !== undefined && plan.wanted === undefined) return { type: 'again' };
  if (status >= 400) return { type: isRefusal(head) ? 'refused' : 'pass' };
  if (status >= 300) return { type: 'pass' };
  if (status !== 200 && status !== 206) return unfit(`HTTP ${status} says nothing about an object`);
  const etag = valueOf(headers, 'etag') ?? '';
  const root = /^"sha256-[0-9a-f]{64}"$/.test(etag) ? etag.slice(1, -1).replace('-', ':') : '';
  if (parseRoot(root) === undefined) return unfit('the ETag is no Merkle root');
  const encoding = valueOf(headers, 'content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') return unfit('the bytes are encoded');
  const held = heldBy(head);
  if (held === undefined) return unfit('the lengths in the head make no sense');
  const { size, span } = held;
  if (plan.size !== undefined && plan.size !== size) return { type: 'stale' };
  const object = { type: 'object', root, etag, size, held: span } as const;
  // the server did not take the range (If-Range, or it is none): the application gets everything as well
  if (status === 200) return { ...object, status, wanted: span };
  if (plan.lead === undefined) return { ...object, status, wanted: span };
  if (span.from !== plan.lead.from || span.to !== Math.min(plan.lead.to, size))
    return unfit('another range came than was asked for');
  if (plan.wanted === undefined) return { ...object, status: 200, wanted: { from: 0, to: size } };
  // asked for from its block's start on; the range itself begins behind the end
  if (plan.wanted.from >= size) return { type: 'again' };
  return { ...object, status, wanted: { from: plan.wanted.from, to: Math.min(plan.wanted.to ?? size, size) } };
}

/** The headers the application sees: those of the answer, with the length and range that are its own. */
export function headersOf(view: ObjectView, headers: readonly HeaderLine[]): HeaderLine[] {
  const { from, to } = view.wanted;
  return headers.flatMap(([name, value]): HeaderLine[] => {
    const key = name.toLowerCase();
    if (key === 'content-length') return [[name, String(to - from)]];
    if (key !== 'content-range') return [[name, value]];
    return view.status === 200 ? [] : [[name, `bytes ${from}-${to - 1}/${view.size}`]];
  });
}

function heldBy({ status, headers }: AnswerHead): { size: number; span: Span } | undefined {
  const length = numberOf(valueOf(headers, 'content-length'));
  if (status === 200) return length === undefined ? undefined : { size: length, span: { from: 0, to: length } };
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(valueOf(headers, 'content-range') ?? '');
  if (match === null) return undefined;
  const [from, last, size] = match.slice(1).map(Number) as [number, number, number];
  const sound = from <= last && last < size && (length === undefined || length === last + 1 - from);
  return sound ? { size, span: { from, to: last + 1 } } : undefined;
}

/** Relays name themselves in Proxy-Status (RFC 9209) when the answer is their own. */
export function isRefusal({ status, headers }: AnswerHead): boolean {
  return TROUBLED.includes(status) || /;\s*error=/.test(valueOf(headers, 'proxy-status') ?? '');
}

function valueOf(headers: readonly HeaderLine[], name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function unfit(why: string): View {
  return { type: 'unfit', why };
}
