// The names in a folder, sorted as keys are, kept for a while when there are many and the folder is as it was: a list is
// asked for page by page, and each page would read and sort all names again. Which names are served is not decided here.
// Invariant: names are given again only while the folder has the version that it had before they were read.
import { lstat } from 'node:fs/promises';
import { readNames, sortInPieces } from './sorted-names.ts';

/** Fewer are read again as quickly as they are looked up. */
const LEAST_KEPT = 1_000;
/** More would take more memory than a list is worth. */
const MOST_KEPT = 2_000_000;
/** How long they are kept unused. */
const KEEP_MS = 10_000;
/** A folder changed within the present tick of the file system's clock could change once more and look the same. */
const SETTLED_MS = 1_000;

type Kept = { readonly path: string; readonly version: string; readonly names: readonly string[] };
type Read = typeof readNames;

/** The names of the folders of one backend. */
export class FolderNames {
  readonly #read: Read;
  /** One folder: a list goes through them one after another. */
  #kept: Kept | undefined;
  #forget: NodeJS.Timeout | undefined;

  constructor(read: Read = readNames) {
    this.#read = read;
  }

  /** Names of the files and folders in `path` ascending, those of folders with a slash behind them. Throws what the system says. */
  async in(path: string): Promise<readonly string[]> {
    const { mtimeNs, ino, dev, size } = await lstat(path, { bigint: true });
    const version = `${dev}-${ino}-${mtimeNs}`;
    let kept = this.#kept;
    if (kept?.path !== path || kept.version !== version) {
      const names = await sortInPieces(await this.#read(path, Number(size)));
      const isSettled = Date.now() - Number(mtimeNs / 1_000_000n) >= SETTLED_MS;
      if (!isSettled || names.length < LEAST_KEPT || names.length > MOST_KEPT) return names;
      kept = { path, version, names };
    }
    this.#keep(kept);
    return kept.names;
  }

  #keep(kept: Kept): void {
    this.#kept = kept;
    clearTimeout(this.#forget);
    this.#forget = setTimeout(() => (this.#kept = undefined), KEEP_MS);
    this.#forget.unref();
  }
}

/** Where in the ascending `names` those begin that are not below `least`. */
export function lowerBound(names: readonly string[], least: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
