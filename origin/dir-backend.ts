// The `dir` backend: objects are the regular files below one folder, keys their relative paths. Owns every rule about
// which path may be touched: nothing outside the root, no name that begins with a dot, no symbolic link as the file
// itself (links between folders inside the root are followed), no device or pipe.
// What lies under a hidden or unreadable name does not exist, as far as anybody can tell from outside.
import { close, constants, fstat, fstatSync, open, readv, readvSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { HeddleError } from '../protocol/errors.ts';
import type { Backend, ObjectEntry, ObjectHandle, ObjectStat } from './backend.ts';
import { FolderNames, lowerBound } from './folder-names.ts';
import { MemoryGuess } from './memory-guess.ts';
import { isServedKey } from './object-key.ts';
import { isInside } from './options.ts';
import { systemReason } from '../protocol/system-words.ts';

// O_NONBLOCK: opening a pipe that somebody put there must not hang a thread of the pool.
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const openFile = promisify(open);
const statFile = promisify(fstat) as (fd: number, options: { bigint: true }) => Promise<BigIntStats>;
const closeFile = promisify(close);

/** Serves the files below `dir`. Throws `bad-configuration` when it is not a folder that can be read. */
export async function openDirBackend(dir: string): Promise<Backend> {
  let root: string;
  try {
    root = await realpath(dir);
    await readdir(root);
  } catch (cause) {
    throw new HeddleError('bad-configuration', `cannot serve ${dir}: ${systemReason(cause)}`, { cause });
  }
  const folders = new FolderNames();
  return {
    identity: `dir:${root}`,
    isRemote: false,
    list: (filter) => walk(folders, root, '', filter),
    stat: (key) => statKey(root, key),
    open: (key, version) => openKey(root, key, version),
    close: async () => {},
  };
}

async function statKey(root: string, key: string): Promise<ObjectStat | undefined> {
  const path = await resolveKey(root, key);
  return path === undefined ? undefined : statPath(path);
}

async function statPath(path: string): Promise<ObjectStat | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    return stats.isFile() ? statOf(stats) : undefined;
  } catch (error) {
    return absent(error);
  }
}

async function openKey(root: string, key: string, version: string): Promise<ObjectHandle> {
  const path = await resolveKey(root, key);
  if (path === undefined) throw new HeddleError('object-not-found');
  let fd: number;
  try {
    fd = await openFile(path, OPEN_FLAGS);
  } catch (cause) {
    absent(cause);
    throw new HeddleError('object-not-found', undefined, { cause });
  }
  try {
    const stats = await statFile(fd, { bigint: true });
    if (!stats.isFile()) throw new HeddleError('object-not-found');
    if (statOf(stats).version !== version) throw new HeddleError('object-changed');
    return handleOf(fd, statOf(stats));
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}

/** The real path of `key` if it may be touched; its last part is not resolved. */
async function resolveKey(root: string, key: string): Promise<string | undefined> {
  const path = join(root, key);
  if (!isServedKey(key) || path === root || !isInside(path, root)) return undefined;
  try {
    const parent = await realpath(dirname(path));
    const hidden = parent.slice(root.length).split('/').some(isHidden);
    return isInside(parent, root) && !hidden ? join(parent, key.slice(key.lastIndexOf('/') + 1)) : undefined;
  } catch (error) {
    return absent(error);
  }
}

function handleOf(fd: number, stat: ObjectStat): ObjectHandle {
  const guess = new MemoryGuess();
  let reading = 0;
  let closing: (() => void) | undefined;
  const readDone = (): void => {
    reading -= 1;
    if (reading === 0) closing?.();
  };
  // After the read: what was read before a change that shows only now counts as changed too. Synchronous: it touches no
  // disk, and through the thread pool it would cost a quarter of the read.
  const isUnchanged = (): boolean => versionOf(fstatSync(fd, { bigint: true })) === stat.version;
  return {
    stat,
    readNow(buffers, position) {
      if (closing !== undefined || !guess.isInMemory) return false;
      const filled = guess.watch('direct');
      try {
        const bytes = readvSync(fd, buffers, position);
        filled(bytes);
        return bytes === bytesIn(buffers) && isUnchanged();
      } catch {
        return false; // the other way of reading tells why
      }
    },
    async read(buffers, position, signal) {
      if (closing !== undefined) throw new HeddleError('internal', 'read of a closed object');
      signal?.throwIfAborted();
      reading += 1;
      try {
        const filled = guess.watch('pool');
        await fill(fd, buffers, position);
        filled(bytesIn(buffers));
        signal?.throwIfAborted();
        if (!isUnchanged()) throw new HeddleError('object-changed');
      } finally {
        readDone();
      }
    },
    async close() {
      if (closing !== undefined) return;
      // A descriptor closed under a running read could by then be another file's.
      const idle = Promise.withResolvers<void>();
      closing = idle.resolve;
      if (reading > 0) await idle.promise;
      await closeFile(fd);
    },
  };
}

function fill(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (left: readonly Uint8Array[], from: number): void => {
      readv(fd, left, from, (cause, count) => {
        if (cause !== null) reject(new HeddleError('read-failed', `cannot read: ${systemReason(cause)}`, { cause }));
        else if (count === 0) reject(new HeddleError('object-changed', 'the object became shorter'));
        else {
          const rest = behind(left, count);
          if (rest.length > 0) step(rest, from + count);
          else resolve();
        }
      });
    };
    step(buffers, position);
  });
}

function bytesIn(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, { length }) => sum + length, 0);
}

/** What is left of the buffers after their first `count` bytes. */
function behind(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let skipped = count;
  return buffers.flatMap((buffer) => {
    const rest = buffer.subarray(Math.min(skipped, buffer.length));
    skipped -= buffer.length - rest.length;
    return rest.length === 0 ? [] : [rest];
  });
}

type Filter = { readonly prefix: string; readonly after: string };

/** Depth first in the order of the whole keys: a folder sorts as its name with the slash behind it. */
async function* walk(folders: FolderNames, root: string, folder: string, filter: Filter): AsyncGenerator<ObjectEntry> {
  const real = await realFolder(root, folder);
  if (real === undefined) return;
  let names: readonly string[];
  try {
    names = await folders.in(real);
  } catch (error) {
    return absent(error);
  }
  const { prefix, after } = filter;
  const least = after > prefix ? after : prefix;
  const start = least.startsWith(folder) ? lowerBound(names, least.slice(folder.length)) : 0;
  // the name before may be a folder in which the list goes on
  for (let at = Math.max(0, start - 1); at < names.length; at += 1) {
    const own = names[at] ?? '';
    const name = folder + own;
    if (isHidden(own)) continue;
    const isBelow = name.startsWith(prefix);
    if (!isBelow && name > prefix && !prefix.startsWith(name)) return;
    if (name.endsWith('/')) {
      const wanted = isBelow || prefix.startsWith(name);
      if (wanted && (name > after || after.startsWith(name))) yield* walk(folders, root, name, filter);
    } else if (isBelow && name > after && isServedKey(name)) {
      const stat = await statPath(join(real, own));
      if (stat !== undefined) yield { key: name, stat };
    }
  }
}

/** The real path of a folder if what is in it may be touched; `folder` is empty or ends with a slash. */
async function realFolder(root: string, folder: string): Promise<string | undefined> {
  if (folder === '') return root;
  try {
    const real = await realpath(join(root, folder));
    const hidden = real.slice(root.length).split('/').some(isHidden);
    return isInside(real, root) && !hidden ? real : undefined;
  } catch (error) {
    return absent(error);
  }
}

function statOf(stats: BigIntStats): ObjectStat {
  return {
    size: Number(stats.size),
    modified: Math.max(0, Number(stats.mtimeMs)),
    version: versionOf(stats),
  };
}

function versionOf({ size, mtimeNs, ino }: BigIntStats): string {
  return `${size}-${mtimeNs}-${ino}`;
}

function isHidden(part: string): boolean {
  return part.startsWith('.');
}

/** Undefined for what means "not there, or not for you"; anything else is thrown as `read-failed`. */
function absent(error: unknown): undefined {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM', 'ENAMETOOLONG', 'ENXIO', 'ENODEV', 'EISDIR'].includes(code)) {
    return undefined;
  }
  throw new HeddleError('read-failed', `the folder cannot be read: ${systemReason(error)}`, { cause: error });
}
