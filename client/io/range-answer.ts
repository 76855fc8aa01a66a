// What a plain HTTP server's answer to a Range request means, decided from its head alone and before a byte of its body
// is used: the part asked for, the whole, another place, or a reason not to use this mirror. Pure.
import type { ResponseHead } from '../../protocol/http-head.ts';
import { redirectOf } from './range-redirect.ts';
import { refusalOf } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** Bytes asked for; `last` is inclusive, as in HTTP. */
export type ByteSpan = { readonly first: number; readonly last: number };

/** What a mirror says of its copy. */
export type Copy = {
  readonly size: number;
  /** Its strong ETag. */
  readonly etag: string | undefined;
  /** Its Last-Modified line: stands in for a strong ETag. */
  readonly modified: string | undefined;
  /** SHA-256 of the whole, hex, from Repr-Digest (or Content-Digest of a whole body). */
  readonly digest: string | undefined;
};

/** What to do with an answer. */
export type RangeAnswer =
  /** The body holds these bytes: those asked for, or the first of them. */
  | { readonly type: 'part'; readonly copy: Copy; readonly span: ByteSpan }
  /** The body is the whole object, though a part was asked for. */
  | { readonly type: 'whole'; readonly copy: Copy }
  /** The object ends before what was asked for. */
  | { readonly type: 'beyond'; readonly copy: Copy }
  | { readonly type: 'moved'; readonly url: URL }
  | { readonly type: 'refused'; readonly refusal: Refusal };

/** A Content-Range line; `span` is undefined for an unsatisfied range, `size` for an unknown one. */
export type ContentRange = { readonly span: ByteSpan | undefined; readonly size: number | undefined };

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** `known`: what this mirror said before; `at`: where it was asked. */
export function judgeAnswer(head: ResponseHead, asked: ByteSpan, known: Copy | undefined, at: URL): RangeAnswer {
  const { status, headers } = head;
  if (REDIRECTS.includes(status)) {
    const next = redirectOf(headers.get('location'), at);
    return typeof next === 'string' ? refused(next) : { type: 'moved', url: next };
  }
  if (status === 412) return changed('its ETag');
  if (status < 400 && status !== 200 && status !== 206) return refused(`the mirror answers with HTTP ${status}`);
  if (status >= 400 && status !== 416) return { type: 'refused', refusal: refusalOf(head, '') };
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') return refused(`the mirror sends ${encoding} though identity was asked for`);
  const answer = status === 206 ? partOf(head, asked) : status === 200 ? wholeOf(head) : beyondOf(head, asked);
  const change = 'copy' in answer && known !== undefined ? changeOf(known, answer.copy) : undefined;
  return change === undefined ? answer : changed(change);
}

/** Reads `bytes 0-99/100`, `bytes 0-99/*` and `bytes * /100` (without the blank); undefined for anything else. */
export function parseContentRange(line: string | undefined): ContentRange | undefined {
  const match = /^bytes +(?:(\d{1,16})-(\d{1,16})|\*)\/(?:(\d{1,16})|\*)$/i.exec(line ?? '');
  if (match === null) return undefined;
  const [first, last, size] = match.slice(1).map((digits) => (digits === undefined ? undefined : Number(digits)));
  if ([first, last, size].some((value) => value !== undefined && !Number.isSafeInteger(value))) return undefined;
  if (first === undefined || last === undefined) return size === undefined ? undefined : { span: undefined, size };
  if (last < first || (size !== undefined && last >= size)) return undefined;
  return { span: { first, last }, size };
}

/** The SHA-256 (hex) in a Repr-Digest or Content-Digest line (RFC 9530). */
export function parseDigest(line: string | undefined): string | undefined {
  const match = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(line ?? '');
  return match?.[1] === undefined ? undefined : Buffer.from(match[1], 'base64').toString('hex');
}

/** The ETag when it is a strong one. */
export function strongETag(line: string | undefined): string | undefined {
  return line !== undefined && /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(line) ? line : undefined;
}

function partOf(head: ResponseHead, asked: ByteSpan): RangeAnswer {
  const line = head.headers.get('content-range');
  const range = parseContentRange(line);
  if (range?.span === undefined) return refused(`the mirror answers 206 with Content-Range "${printable(line)}"`);
  const { span, size } = range;
  if (size === undefined) return refused('the mirror does not say how long the object is');
  if (span.first !== asked.first || span.last > asked.last) {
    return refused(`bytes ${asked.first}-${asked.last} were asked for, the mirror sends ${printable(line)}`);
  }
  const length = contentLengthOf(head);
  if (length !== undefined && length !== span.last - span.first + 1) {
    return refused(`the mirror announces ${length} bytes and sends ${printable(line)}`);
  }
  return { type: 'part', copy: copyOf(head, size), span };
}

function wholeOf(head: ResponseHead): RangeAnswer {
  const size = contentLengthOf(head);
  if (size === undefined) return refused('the mirror serves no ranges and does not say how long the object is');
  return { type: 'whole', copy: copyOf(head, size) };
}

function beyondOf(head: ResponseHead, asked: ByteSpan): RangeAnswer {
  const size = parseContentRange(head.headers.get('content-range'))?.size;
  if (size === undefined) return { type: 'refused', refusal: refusalOf(head, '') };
  if (size > asked.first) return refused(`the mirror has ${size} bytes and refuses ${asked.first}-${asked.last}`);
  return { type: 'beyond', copy: copyOf(head, size) };
}

function copyOf({ status, headers }: ResponseHead, size: number): Copy {
  const digest = status === 416 ? undefined : parseDigest(headers.get('repr-digest'));
  return {
    size,
    etag: strongETag(headers.get('etag')),
    modified: headers.get('last-modified'),
    digest: digest ?? (status === 200 ? parseDigest(headers.get('content-digest')) : undefined),
  };
}

/** What of the copy is no longer as it was; an answer that says less than before says nothing else. */
function changeOf(known: Copy, now: Copy): string | undefined {
  if (known.size !== now.size) return `its size, ${known.size} to ${now.size} bytes`;
  if (known.etag !== undefined) return now.etag !== undefined && now.etag !== known.etag ? 'its ETag' : undefined;
  if (known.modified === undefined || now.modified === undefined) return undefined;
  return known.modified === now.modified ? undefined : 'its date';
}

function contentLengthOf(head: ResponseHead): number | undefined {
  const line = head.headers.get('content-length');
  return line !== undefined && /^\d{1,15}$/.test(line) ? Number(line) : undefined;
}

function changed(what: string): RangeAnswer {
  const text = `the mirror's copy changed under way: ${what}`;
  return { type: 'refused', refusal: { code: 'object-changed', text, retryAfterMs: undefined } };
}

function refused(text: string): RangeAnswer {
  return { type: 'refused', refusal: { code: 'refused', text, retryAfterMs: undefined } };
}

function printable(line: string | undefined): string {
  return (line ?? '').replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 80);
}
