// Errors as HTTP says them: the status of each code and a problem+json body (RFC 9457) that carries the code. Used for
// plain requests and for upgrade requests that are refused. Texts of broken invariants stay inside.
import { STATUS_CODES } from 'node:http';
import { asHeddleError, ERROR_CODES } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { Unauthorized } from './guard.ts';

/** An answer that is an error. */
export type Problem = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const STATUS: Partial<Record<ErrorCode, number>> = {
  'bad-request': 400,
  'bad-frame': 400,
  'frame-too-large': 400,
  'unknown-frame': 400,
  'too-many-sends': 400,
  'handshake-failed': 426,
  'object-not-found': 404,
  'range-not-satisfiable': 416,
  'object-changed': 409,
  refused: 403,
  'not-indexed': 503,
  overloaded: 503,
  draining: 503,
};

/** The answer for `error`; `retryAfterSeconds` is told where waiting helps. `otherStatus`: another than that of the code. */
export function problemOf(error: unknown, retryAfterSeconds: number, otherStatus?: number): Problem {
  const { code, message } = asHeddleError(error);
  const unauthorized = error instanceof Unauthorized;
  const status = otherStatus ?? (unauthorized ? 401 : (STATUS[code] ?? 500));
  const { text } = ERROR_CODES[code];
  const detail = status === 500 || message === text ? {} : { detail: message };
  const body = JSON.stringify({ type: 'about:blank', title: text, status, code, ...detail });
  const headers: Record<string, string> = {
    'Content-Type': 'application/problem+json',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
  };
  if (unauthorized) headers['WWW-Authenticate'] = 'Bearer realm="heddle"';
  if (status === 503) headers['Retry-After'] = String(retryAfterSeconds);
  return { status, headers, body };
}

/** The reason phrase of a status. */
export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? 'Error';
}
