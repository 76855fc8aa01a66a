// The folder where an origin keeps what outlives it: the hash index and the signing key. Owns whether the folder can
// be used. What is in it is only a cache, but for the key.
import { access, constants, mkdir, realpath } from 'node:fs/promises';
import { HeddleError } from '../protocol/errors.ts';
import { isInside } from './options.ts';
import { systemReason } from '../protocol/system-words.ts';

/**
 * Makes `stateDir` if need be and returns its real path; undefined, with one line logged, when it cannot be written.
 * Throws `bad-configuration` when it lies inside the folder `served`: the key would be for everybody to read.
 */
export async function openStateFolder(
  stateDir: string,
  served: string | undefined,
  log: (line: string) => void,
): Promise<string | undefined> {
  let folder: string;
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    folder = await realpath(stateDir);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    log(
      `cannot use the state folder ${stateDir} (${systemReason(error)}): hashes and the signing key are kept in memory only`,
    );
    return undefined;
  }
  if (served !== undefined && isInside(folder, await realpath(served))) {
    throw new HeddleError('bad-configuration', `the state folder ${folder} must not lie inside the served folder`);
  }
  return folder;
}
