// A secret that a setting gives itself or names the file of. A file is read again now and then, so that what is renewed
// on disk counts without a restart. Never part of a message.
import { readFile } from 'node:fs/promises';
import { HeddleError } from '../protocol/errors.ts';
import { systemReason } from '../protocol/system-words.ts';

/** How long what was read counts, ms. */
const FRESH_MS = 10_000;

/** Gives the secret as it is now. */
export type Secret = () => Promise<string>;

/**
 * The secret `value`, or the one in `file`, or none. Throws `bad-configuration` when the file cannot be read now. `now` is
 * monotonic, ms.
 */
export async function openSecret(
  value: string | undefined,
  file: string | undefined,
  name: string,
  now: () => number = () => performance.now(),
): Promise<Secret | undefined> {
  if (value !== undefined) return () => Promise.resolve(value);
  if (file === undefined) return undefined;
  let last = await readSecret(file, name);
  let readAt = now();
  return async () => {
    if (now() - readAt < FRESH_MS) return last;
    readAt = now();
    // a file that is just being replaced is there again the next time
    last = await readSecret(file, name).catch(() => last);
    return last;
  };
}

/** The secret in `file`; `name` is what messages call it. Throws `bad-configuration`. */
export async function readSecret(file: string, name: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new HeddleError('bad-configuration', `the ${name} file "${file}" cannot be read (${systemReason(cause)})`, {
      cause,
    });
  }
  const secret = text.trim();
  if (/^[\x20-\x7e]+$/.test(secret)) return secret;
  throw new HeddleError('bad-configuration', `the ${name} file "${file}" does not hold one line of plain characters`);
}
