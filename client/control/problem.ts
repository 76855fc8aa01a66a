// Errors of the control interface as HTTP says them: a status, and a problem+json body (RFC 9457) with the code. Texts of
// broken invariants stay inside.
import { asHeddleError, ERROR_CODES, HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Problem } from './messages.ts';

/** An error that has a status of its own. */
export class Refused extends HeddleError {
  readonly status: number;

  constructor(status: number, detail: string, code: ErrorCode = 'bad-request') {
    super(code, detail);
    this.status = status;
  }
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  'bad-request': 400,
  usage: 400,
  // a command to what has ended
  refused: 409,
  overloaded: 503,
};

/** The body for `error`; its status is in it. */
export function problemOf(error: unknown): Problem {
  const known = asHeddleError(error);
  const status = error instanceof Refused ? error.status : (STATUS[known.code] ?? 500);
  const { text: title } = ERROR_CODES[known.code];
  const detail = status === 500 || known.message === title ? {} : { detail: known.message };
  return { type: 'about:blank', title, status, code: known.code, ...detail };
}
