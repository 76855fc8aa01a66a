// Why nobody can listen at an address: the same code and line for every listener of every role, with what to do about it.
import { HeddleError } from './errors.ts';
import { systemReason } from './system-words.ts';

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'choose another port, or end the program that has it',
  EADDRNOTAVAIL: 'write one that it has, or 0.0.0.0 for all',
  EACCES: 'choose a port from 1024 on, or give the program CAP_NET_BIND_SERVICE',
  ENOTFOUND: 'write an address of this machine',
  EAI_AGAIN: 'write an address of this machine',
};

/** The error for `cause`; `where` is HOST:PORT or a path, `what` what would have been done there. */
export function listenFault(where: string, cause: unknown, what = 'listen'): HeddleError {
  if (cause instanceof HeddleError) return cause;
  const { code } = cause as { readonly code?: unknown };
  const advice = typeof code === 'string' ? ADVICE[code] : undefined;
  const text = `cannot ${what} on ${where}: ${systemReason(cause)}${advice === undefined ? '' : `; ${advice}`}`;
  return new HeddleError('local-io', text, { cause });
}
