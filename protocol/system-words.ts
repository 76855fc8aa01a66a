// What the system's error codes mean, in words for people: messages show these and never the codes. What to do about it
// whoever met the error says, for he knows what was tried.
import { bracketedHost } from './host.ts';

/** What Node adds to an error of the system. */
type SystemFault = Error & {
  readonly code?: unknown;
  readonly path?: unknown;
  readonly address?: unknown;
  readonly port?: unknown;
  readonly hostname?: unknown;
};

const REASONS: Readonly<Record<string, string>> = {
  // files
  ENOENT: 'there is no such file or folder',
  EACCES: 'this user may not do that',
  EPERM: 'the system does not permit it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  EEXIST: 'it is there already',
  ENOTEMPTY: 'the folder is not empty',
  ELOOP: 'its links go round in circles',
  ENAMETOOLONG: 'the name is too long',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EFBIG: 'the file system takes no file that large',
  EIO: 'the disk reports an error',
  EBUSY: 'somebody else is using it',
  EMFILE: 'this process has too many files open; raise its limit (ulimit -n)',
  ENFILE: 'the system has too many files open',
  // addresses and connections
  EADDRINUSE: 'somebody listens there already',
  EADDRNOTAVAIL: 'this machine has no such address',
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was reset',
  ECONNABORTED: 'the connection was given up',
  EPIPE: 'the other side has closed the connection',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'there is no way there',
  ENETUNREACH: 'there is no way there',
  EHOSTDOWN: 'the machine is down',
  // names
  ENOTFOUND: 'the name is not known',
  ENODATA: 'the name has no such record',
  EAI_AGAIN: 'the name service does not answer',
  ETIMEOUT: 'no answer in time',
  ESERVFAIL: 'the name server failed',
  EREFUSED: 'the name server refuses',
};

/** Why, without where: for who says what was tried himself. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // several addresses that all failed
  if (error instanceof AggregateError) return [...new Set(error.errors.map(systemReason))].join('; ');
  return wordsFor(error) ?? (error.message || error.name);
}

/** Where, and why. */
export function systemWords(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(systemWords))].join('; ');
  if (!(error instanceof Error) || wordsFor(error) === undefined) return systemReason(error);
  const { path, address, port, hostname } = error as SystemFault;
  const place =
    typeof port === 'number' && typeof address === 'string' ? `${bracketedHost(address)}:${port}` : (hostname ?? path);
  return typeof place === 'string' ? `${place}: ${systemReason(error)}` : systemReason(error);
}

function wordsFor({ code }: SystemFault): string | undefined {
  return typeof code === 'string' ? REASONS[code] : undefined;
}
