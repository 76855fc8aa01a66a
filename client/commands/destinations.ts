// Where each of several objects goes: its whole key is its path below one folder. Decides which keys can be paths at all,
// and makes their folders. Invariant: nothing is made or written outside of the folder, links included.
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { HeddleError } from '../../protocol/errors.ts';
import { encodeKey } from '../../protocol/paths.ts';
import { PART_SUFFIX } from '../io/file-sink.ts';
import { LOCK_SUFFIX } from '../io/part-lock.ts';
import { RECORD_SUFFIX } from '../io/part-record.ts';
import { systemReason } from '../../protocol/system-words.ts';

/** An object to fetch; its size where a list told it. */
export type Wanted = { readonly key: string; readonly bytes: number | undefined };

/** A wanted object and its file, or why it can have none. */
export type Destination = Wanted & ({ readonly path: string } | { readonly refusal: HeddleError });

/** What stands beside a file while it is written. */
const BESIDE: readonly string[] = ['', RECORD_SUFFIX, LOCK_SUFFIX].map((suffix) => PART_SUFFIX + suffix);

/** The destinations of `objects` below `folder`, each key once; of two that exclude each other the first counts. */
export function destinationsOf(objects: readonly Wanted[], folder: string): Destination[] {
  const names = new TakenNames();
  const seen = new Map(objects.toReversed().map((object) => [object.key, object]));
  const once = objects.filter((object) => seen.get(object.key) === object);
  return once.map((object) => {
    const refusal = unfit(object.key) ?? names.take(object.key);
    return { ...object, ...(refusal === undefined ? { path: join(folder, ...object.key.split('/')) } : { refusal }) };
  });
}

/** Makes the folder that everything goes below. Throws `local-io`. */
export async function openFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it is no folder' : systemReason(error);
    throw new HeddleError('local-io', `cannot make the folder ${folder}: ${why}; name another with -o DIR`);
  }
}

/** Makes the folders above `path`, which lies below `folder`. Throws `local-io`, also where a link leads out. */
export async function makeFolders(folder: string, path: string): Promise<void> {
  try {
    const root = await realpath(folder);
    let above = folder;
    // one after another: below a link that leads out nothing is made either
    for (const part of relative(folder, dirname(path)).split(sep).filter(Boolean)) {
      above = join(above, part);
      await mkdir(above).catch(unlessThere);
      const real = await realpath(above);
      if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
        throw new HeddleError('local-io', `${above} leads out of ${folder}; remove that link`);
      }
      if (!(await lstat(real)).isDirectory()) throw new HeddleError('local-io', `${above} is no folder; remove it`);
    }
    const there = await lstat(path).catch(() => undefined);
    if (there !== undefined && !there.isFile()) {
      throw new HeddleError('local-io', `${path} is there and is no plain file; remove it`);
    }
  } catch (error) {
    if (error instanceof HeddleError) throw error;
    throw new HeddleError('local-io', `cannot make the folder of ${path}: ${systemReason(error)}`);
  }
}

/** Names below the folder that are taken: by files, by what stands beside them while they are written, by folders. */
class TakenNames {
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  /** Takes the name for a file; or says why that cannot be, and takes nothing. */
  take(key: string): HeddleError | undefined {
    const above = foldersOf(key);
    const beside = BESIDE.map((suffix) => key + suffix);
    const file = above.find((name) => this.#files.has(name));
    if (file !== undefined) return clash(key, `"${shown(file)}" would be a file and a folder`);
    if (this.#folders.has(key)) return clash(key, 'it would be a file and a folder');
    const unfinished =
      [key, ...above].find((name) => this.#isBeside(name)) ??
      beside.find((name) => this.#files.has(name) || this.#folders.has(name));
    if (unfinished !== undefined) return clash(key, `"${shown(unfinished)}" is the name of an unfinished file`);
    this.#files.add(key);
    for (const name of above) this.#folders.add(name);
    return undefined;
  }

  /** Asked instead of kept: names of what does not last would take three times the memory of all others. */
  #isBeside(name: string): boolean {
    return BESIDE.some((suffix) => name.endsWith(suffix) && this.#files.has(name.slice(0, -suffix.length)));
  }
}

function foldersOf(key: string): string[] {
  const parts = key.split('/');
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('/'));
}

function unfit(key: string): HeddleError | undefined {
  try {
    encodeKey(key);
    return undefined;
  } catch (error) {
    const why = systemReason(error);
    return new HeddleError('bad-request', `the key "${shown(key)}" cannot be a path below the folder: ${why}`);
  }
}

function clash(key: string, why: string): HeddleError {
  return new HeddleError('usage', `the key "${shown(key)}" has no place beside the others: ${why}; fetch it alone`);
}

/** For people: without what moves cursors. */
function shown(key: string): string {
  return key.replaceAll(/\p{C}/gu, '?');
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
