// What an HTTP answer that is no 101 means for a route: a documented code, and whether asking again makes sense.
import { ERROR_CODES } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ResponseHead } from '../../protocol/http-head.ts';

/** A refusal: its code, a line for people, and the pause asked for (undefined: asking again is of no use). */
export type Refusal = { readonly code: ErrorCode; readonly text: string; readonly retryAfterMs: number | undefined };

/** Bytes of a refusal's body that are looked at. */
const MOST_BODY_BYTES = 16_384;
/** Pause when a server is busy and does not say for how long, ms. */
const DEFAULT_PAUSE_MS = 1_000;
/** No pause asked for is honoured for longer than this, ms. */
const MOST_PAUSE_MS = 60_000;
const PASSING: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/** Reads problem+json (RFC 9457) when there is one; falls back to the status. */
export function refusalOf(head: ResponseHead, body: string): Refusal {
  const problem = problemOf(body);
  const code = problem.code ?? codeOfStatus(head.status);
  const text = problem.detail ?? `${ERROR_CODES[code].text} (HTTP ${head.status})`;
  if (!PASSING.includes(head.status)) return { code, text, retryAfterMs: undefined };
  return { code, text, retryAfterMs: pauseOf(head.headers.get('retry-after')) };
}

/** True when `body` (latin1) is all of it that matters; the server need not close the connection behind it. */
export function isWholeBody(head: ResponseHead, body: string): boolean {
  const { status, headers } = head;
  if (status < 200 || status === 204 || status === 304 || body.length >= MOST_BODY_BYTES) return true;
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') return /(?:^|\r\n)0\r\n\r\n$/.test(body);
  return body.length >= Number(headers.get('content-length') ?? Number.POSITIVE_INFINITY);
}

function problemOf(body: string): { code?: ErrorCode; detail?: string } {
  const start = body.indexOf('{');
  const end = body.lastIndexOf('}');
  try {
    const parsed: unknown = JSON.parse(body.slice(start, end + 1));
    if (typeof parsed !== 'object' || parsed === null) return {};
    const { code, detail } = parsed as { code?: unknown; detail?: unknown };
    return {
      ...(typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) ? { code: code as ErrorCode } : {}),
      ...(typeof detail === 'string' ? { detail: detail.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200) } : {}),
    };
  } catch {
    return {};
  }
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 404 || status === 410) return 'object-not-found';
  if (status === 416) return 'range-not-satisfiable';
  if (status === 400) return 'bad-request';
  if (status === 508) return 'loop-detected';
  if (status === 429 || status === 503) return 'overloaded';
  if (status === 502) return 'unreachable';
  if (status === 504 || status === 408) return 'timeout';
  if (status < 400) return 'handshake-failed';
  return 'refused';
}

function pauseOf(retryAfter: string | undefined): number {
  if (retryAfter === undefined) return DEFAULT_PAUSE_MS;
  const seconds = Number(retryAfter);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(retryAfter) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, Math.min(ms, MOST_PAUSE_MS)) : DEFAULT_PAUSE_MS;
}
