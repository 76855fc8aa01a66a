// Preconditions and byte ranges of plain requests, as RFC 9110 sections 13 and 14 have them. Pure: headers in, a
// verdict out. One range per request is answered; a request for several is answered with the whole object, as allowed.

/** What a request's conditions are compared with. */
export type Validators = {
  /** Strong, quotes included. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
};

/** The request headers that matter here, lower-case. */
export type ConditionHeaders = {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
  readonly 'if-modified-since'?: string | undefined;
  readonly 'if-unmodified-since'?: string | undefined;
  readonly 'if-range'?: string | undefined;
  readonly range?: string | undefined;
};

/** The bytes to send: from ≤ b < to. */
export type ByteRange = { readonly from: number; readonly to: number };

/** Status 200 with everything, 206 with a range, or an answer without content. */
export type Verdict =
  | { readonly status: 200 | 206; readonly range: ByteRange }
  | { readonly status: 304 | 412 | 416; readonly range?: never };

const ENTITY_TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
const SECOND = 1_000;

/** The answer to a GET or HEAD with these headers, in the order of precedence of RFC 9110 section 13.2.2. */
export function evaluate(
  method: string,
  headers: ConditionHeaders,
  object: Validators & { readonly size: number },
  now: number,
): Verdict {
  const whole: Verdict = { status: 200, range: { from: 0, to: object.size } };
  if (headers['if-match'] !== undefined) {
    if (!matchesStrongly(headers['if-match'], object.etag)) return { status: 412 };
  } else if (isAfter(object.modified, headers['if-unmodified-since'])) return { status: 412 };
  if (headers['if-none-match'] !== undefined) {
    if (matchesWeakly(headers['if-none-match'], object.etag)) return { status: 304 };
  } else if (isAfter(object.modified, headers['if-modified-since']) === false) return { status: 304 };
  if (method !== 'GET' || headers.range === undefined) return whole;
  if (headers['if-range'] !== undefined && !fitsIfRange(headers['if-range'], object, now)) return whole;
  const range = parseRange(headers.range, object.size);
  if (range === undefined) return whole;
  return range === 'unsatisfiable' ? { status: 416 } : { status: 206, range };
}

/**
 * The one range of a Range header, cut at `size`; undefined when the header is to be ignored (another unit, several
 * ranges, not the grammar, or a suffix of the empty object, which no Content-Range can express).
 */
export function parseRange(header: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=[ \t]*([0-9]{0,15})-([0-9]{0,15})[ \t]*$/i.exec(header);
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return undefined;
    if (Number(last) === 0) return 'unsatisfiable';
    return size === 0 ? undefined : { from: Math.max(0, size - Number(last)), to: size };
  }
  if (last !== '' && Number(last) < Number(first)) return undefined;
  if (Number(first) >= size) return 'unsatisfiable';
  return { from: Number(first), to: last === '' ? size : Math.min(size, Number(last) + 1) };
}

function matchesStrongly(header: string, etag: string): boolean {
  return header.trim() === '*' || tagsOf(header).includes(etag);
}

function matchesWeakly(header: string, etag: string): boolean {
  return header.trim() === '*' || tagsOf(header).some((tag) => tag.replace(/^W\//, '') === etag);
}

function tagsOf(header: string): readonly string[] {
  return header.match(ENTITY_TAG) ?? [];
}

/** A date is a strong validator only if the object could not have changed again within its second. */
function fitsIfRange(header: string, { etag, modified }: Validators, now: number): boolean {
  if (header.includes('"')) return header.trim() === etag;
  const date = parseDate(header);
  return date === Math.floor(modified / SECOND) * SECOND && now - modified >= SECOND;
}

/** Undefined when the header is missing or no date: it is to be ignored then. */
function isAfter(modified: number, header: string | undefined): boolean | undefined {
  const date = header === undefined ? undefined : parseDate(header);
  return date === undefined ? undefined : Math.floor(modified / SECOND) * SECOND > date;
}

/** The three forms of an HTTP date; the oldest, asctime, names no zone and means GMT as well. */
function parseDate(text: string): number | undefined {
  if (!/^[A-Z][a-z]{2,8},? .*[0-9]{2}:[0-9]{2}:[0-9]{2}/.test(text.trim())) return undefined;
  const time = Date.parse(text.trim().endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
