// A file as output: segments are written where they belong as they are proven, into FILE.part, which is renamed when the
// object is whole and on disk. A target that exists and is not a regular file is written in order (ordered-sink.ts).
import { close, ftruncate, fsync, open, write } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { Sink } from './sink.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const truncateFile = promisify(ftruncate);
const syncFile = promisify(fsync);

/** Suffix of a file that is not whole yet. */
export const PART_SUFFIX = '.part';

/** Opens FILE.part; throws `local-io` when that cannot be. */
export async function openFileSink(path: string): Promise<Sink> {
  const part = path + PART_SUFFIX;
  let file: number;
  try {
    file = await openFile(part, 'w', 0o666);
  } catch (error) {
    throw localFault(error, `cannot write ${part}`);
  }
  let start = 0;
  let isOpen = true;
  let writing = 0;
  let onQuiet = (): void => {};
  /** After the last write under way: by then the number of a closed file may be another file's. */
  const closeOnce = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    if (writing > 0) {
      await new Promise<void>((resolve) => {
        onQuiet = resolve;
      });
    }
    await closeFile(file);
  };
  return {
    order: 'any',
    async begin(offset, bytes) {
      start = offset;
      await truncateFile(file, bytes).catch((error: unknown) => {
        throw localFault(error, `cannot size ${part}`);
      });
    },
    put(offset, bytes, done) {
      if (!isOpen) return;
      writing += 1;
      writeAll(file, bytes, offset - start, (error) => {
        writing -= 1;
        if (writing === 0) onQuiet();
        done(error === undefined ? undefined : localFault(error, `cannot write ${part}`));
      });
    },
    async commit() {
      try {
        await syncFile(file);
        await closeOnce();
        await rename(part, path);
      } catch (error) {
        throw localFault(error, `cannot complete ${path}`);
      }
    },
    async abort() {
      await closeOnce();
      await rm(part, { force: true });
    },
  };
}

/** True when `path` names something that can only be written in order: a device, a pipe, a socket. */
export async function isOrderedTarget(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) throw new HeddleError('local-io', `${path} is a directory; name a file in it`);
  return found !== undefined && !found.isFile();
}

function writeAll(file: number, bytes: Uint8Array, position: number, done: (error?: Error) => void): void {
  write(file, bytes, 0, bytes.length, position, (error, written) => {
    if (error !== null) done(error);
    else if (written === bytes.length) done();
    else writeAll(file, bytes.subarray(written), position + written, done);
  });
}

function localFault(error: unknown, what: string): HeddleError {
  const wrapped = asHeddleError(error, 'local-io');
  return new HeddleError('local-io', `${what}: ${wrapped.message}`, { cause: error });
}
