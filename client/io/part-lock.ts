// One writer per target: a lock that the system takes back however its holder ends. The runtime has no file locks of its
// own but SQLite's, so an empty database beside the file is held in an exclusive transaction; nothing is written to it.
import { closeSync, openSync, statSync } from 'node:fs';
import { HeddleError } from '../../protocol/errors.ts';
import { systemReason } from '../../protocol/system-words.ts';
import { removeAtOnce } from './output-file.ts';

/** Suffix of the lock's file. */
export const LOCK_SUFFIX = '.lock';

/** SQLITE_BUSY: somebody else holds the lock. */
const BUSY = 5;
/** Attempts to lock a file that its last holder removes at the same moment. */
const MOST_ATTEMPTS = 5;

/** Held until `release`. */
export type PartLock = { release(): void };

/** Locks `part` for this process, and within it. Throws `local-io` when somebody else writes it. */
export function lockPart(part: string): PartLock {
  const path = part + LOCK_SUFFIX;
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const lock = tryLock(path, part);
    if (lock !== undefined) return lock;
  }
  throw inUse(part);
}

function tryLock(path: string, part: string): PartLock | undefined {
  try {
    create(path);
    const before = statSync(path, { throwIfNoEntry: false })?.ino;
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      // its last holder may have removed it after we opened it: then nobody else would see this lock
      if (before !== undefined && statSync(path, { throwIfNoEntry: false })?.ino === before) {
        return {
          release() {
            removeAtOnce(path);
            database.close();
          },
        };
      }
      database.close();
      return undefined;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    if ((error as { errcode?: unknown }).errcode === BUSY) throw inUse(part, error);
    const isFolderMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isFolderMissing ? 'there is no such folder; make it first' : systemReason(error);
    throw new HeddleError('local-io', `cannot write ${part}: ${why}`, { cause: error });
  }
}

/** Without opening what is there: closing it again would drop the locks that this process has on it. */
function create(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o666));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function inUse(part: string, cause?: unknown): HeddleError {
  return new HeddleError(
    'local-io',
    `${part} is being written by another transfer; wait for it, or name another file`,
    {
      cause,
    },
  );
}
