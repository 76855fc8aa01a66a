// The names in a folder, read and sorted in pieces: with a million of them each step of it in one go would hold up
// everything that is being sent for a good part of a second. What small folders cost does not change.
import { opendir, readdir } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes of a folder itself, as the system tells them, from which on it is read in pieces: a thousand files and more. */
const LARGE_BYTES = 65_536;
/** Entries read, and names sorted or merged, in one turn of the loop: a few milliseconds. */
const PIECE = 8_192;

/** Names of the files and folders in `path`, those of folders with a slash behind them; in no order. `size`: see LARGE_BYTES. */
export async function readNames(path: string, size: number): Promise<string[]> {
  if (size < LARGE_BYTES) return (await readdir(path, { withFileTypes: true })).flatMap(namesOf);
  const names: string[] = [];
  for await (const entry of await opendir(path, { bufferSize: PIECE })) names.push(...namesOf(entry));
  return names;
}

/** The names ascending by UTF-16 code units, `piece` at most in one turn. Takes `names` apart. */
export async function sortInPieces(names: string[], piece: number = PIECE): Promise<string[]> {
  let runs: string[][] = [];
  while (names.length > piece) {
    runs.push(names.splice(-piece).toSorted(ascending));
    await nextTurn();
  }
  runs.push(names.sort(ascending));
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      const [left = [], right] = [runs[at], runs[at + 1]];
      merged.push(right === undefined ? left : await merge(left, right, piece));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge(left: readonly string[], right: readonly string[], piece: number): Promise<string[]> {
  const merged: string[] = [];
  let [atLeft, atRight] = [0, 0];
  while (merged.length < left.length + right.length) {
    if (merged.length % piece === 0) await nextTurn();
    const [a, b] = [left[atLeft], right[atRight]];
    const isLeft = b === undefined || (a !== undefined && a <= b);
    merged.push((isLeft ? a : b) as string);
    if (isLeft) atLeft += 1;
    else atRight += 1;
  }
  return merged;
}

function ascending(a: string, b: string): number {
  return a < b ? -1 : 1;
}

/** Its name, or none for what is neither file nor folder. */
function namesOf(entry: Dirent): string[] {
  if (entry.isDirectory()) return [`${entry.name}/`];
  return entry.isFile() ? [entry.name] : [];
}
