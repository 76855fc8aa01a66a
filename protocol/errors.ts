// Error codes: the words users match on, the wire numbers of ERROR frames and the exit codes of the command line.
// One class carries them all; expected outcomes (refused, late, corrupt) are values, not errors.
import { systemWords } from './system-words.ts';

const codes = {
  // said by a peer that met broken grammar
  'bad-frame': { wire: 1, exit: 3, text: 'a frame does not follow the grammar' },
  'frame-too-large': { wire: 2, exit: 3, text: 'a frame exceeds the size its type allows' },
  'unknown-frame': { wire: 3, exit: 3, text: 'a mandatory frame type is not known' },
  'bad-request': { wire: 4, exit: 1, text: 'the request is not understood' },
  'too-many-sends': { wire: 5, exit: 3, text: 'more SEND segments are queued than the source allows' },
  'handshake-failed': { wire: 6, exit: 3, text: 'the upgrade was not answered as heddle/1' },
  // about the object
  'object-not-found': { wire: 20, exit: 5, text: 'no object has this key' },
  'object-changed': { wire: 21, exit: 4, text: 'the object is another version than the transfer began with' },
  'not-indexed': { wire: 22, exit: 5, text: 'the object is still being indexed' },
  'range-not-satisfiable': { wire: 23, exit: 5, text: 'the range lies outside the object' },
  refused: { wire: 24, exit: 5, text: 'the server refuses this request' },
  'read-failed': { wire: 25, exit: 5, text: 'the origin could not read the object' },
  // about the way
  unreachable: { wire: 40, exit: 3, text: 'the route could not be reached' },
  'connection-lost': { wire: 41, exit: 3, text: 'the connection ended before the transfer did' },
  timeout: { wire: 42, exit: 3, text: 'nothing was heard in time' },
  overloaded: { wire: 43, exit: 3, text: 'the server is at one of its limits' },
  draining: { wire: 44, exit: 3, text: 'the server is about to stop' },
  'loop-detected': { wire: 45, exit: 3, text: 'the request came back to a relay it already passed' },
  'unknown-upstream': { wire: 46, exit: 3, text: 'the relay has no upstream of this name' },
  'no-route': { wire: 47, exit: 3, text: 'no route works' },
  // about what the sources may be asked for
  'no-source-for-range': { wire: 50, exit: 5, text: 'no source has a part of what is wanted' },
  'quota-exhausted': { wire: 51, exit: 3, text: 'the byte quotas of the routes leave less than is missing' },
  'budget-exhausted': { wire: 52, exit: 3, text: 'the cost budget leaves less than what is missing costs' },
  // about trust
  corrupt: { wire: 60, exit: 4, text: 'bytes do not match the Merkle root' },
  'bad-manifest': { wire: 61, exit: 4, text: 'the manifest is malformed or its signature is wrong' },
  'root-mismatch': { wire: 62, exit: 4, text: 'the object has another Merkle root than expected' },
  'key-mismatch': { wire: 63, exit: 4, text: 'the origin has another signing key than expected' },
  // local
  usage: { wire: 80, exit: 1, text: 'the command is not used as documented' },
  'bad-configuration': { wire: 81, exit: 2, text: 'the configuration is not valid' },
  'local-io': { wire: 82, exit: 6, text: 'the local file system refused' },
  aborted: { wire: 83, exit: 130, text: 'interrupted; nothing is left under the final name' },
  internal: { wire: 99, exit: 3, text: 'a broken invariant; please report it' },
} as const;

/** One of the documented codes. */
export type ErrorCode = keyof typeof codes;

/** Wire number (never changed once published), exit code of the command line, and meaning of every code. */
export const ERROR_CODES: Readonly<Record<ErrorCode, { wire: number; exit: number; text: string }>> = codes;

/** The code whose wire number is `wire`; an unknown number means a newer peer and reads as `refused`. */
export function codeOfWire(wire: number): ErrorCode {
  for (const [code, entry] of Object.entries(ERROR_CODES)) if (entry.wire === wire) return code as ErrorCode;
  return 'refused';
}

/** The exit code of the command line for `code`. */
export function exitCodeOf(code: ErrorCode): number {
  return ERROR_CODES[code].exit;
}

/** `text` without the user and password of URLs in it: what is wrong with a URL is said where anybody may read it. */
export function withoutPasswords(text: string): string {
  return text.replaceAll(/(?<=\/\/)[^\s/?#@"]+@/g, '…@');
}

/** The one error class. `side` says who is to blame for it: this process or the peer. */
export class HeddleError extends Error {
  readonly code: ErrorCode;
  readonly side: 'local' | 'remote';

  constructor(code: ErrorCode, message?: string, options: { side?: 'local' | 'remote'; cause?: unknown } = {}) {
    super(
      withoutPasswords(message ?? ERROR_CODES[code].text),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = 'HeddleError';
    this.code = code;
    this.side = options.side ?? 'local';
  }
}

/** `error` as a HeddleError: itself, or wrapped under `code` with its message, or what the system's code means. */
export function asHeddleError(error: unknown, code: ErrorCode = 'internal'): HeddleError {
  if (error instanceof HeddleError) return error;
  return new HeddleError(code, systemWords(error), { cause: error });
}
