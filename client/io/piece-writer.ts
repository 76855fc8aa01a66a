// Pieces written where they belong in a file: what waits is joined, as far as it is adjacent, and goes to the file with one
// call. What is put in one turn of the loop, and what is put while other pieces are being written, waits.
import { writev, writevSync } from 'node:fs';
import { SMALL_FILE_BYTES } from './output-file.ts';

/** Calls under way at a time: while one waits for the disk, the other fills the page cache. */
const MOST_CALLS = 2;
/** Pieces of one call: the system takes 1024. */
const MOST_PIECES = 256;

type Piece = { readonly bytes: Uint8Array; readonly position: number; readonly done: (error?: Error) => void };

/** Writes to one file. */
export class PieceWriter {
  readonly #file: number;
  readonly #waiting: Piece[] = [];
  #isSorted = true;
  /** What may still be written at once. */
  #atOnce: number = SMALL_FILE_BYTES;
  #calls = 0;
  #isDue = false;
  #onQuiet: PromiseWithResolvers<void> | undefined;

  constructor(file: number) {
    this.#file = file;
  }

  /** Writes `bytes` at `position`; `done` when they are in the file, or why they are not. */
  put(bytes: Uint8Array, position: number, done: Piece['done']): void {
    this.#isSorted &&= position > (this.#waiting.at(-1)?.position ?? -1);
    this.#waiting.push({ bytes, position, done });
    if (this.#isDue) return;
    this.#isDue = true;
    process.nextTick(() => {
      this.#isDue = false;
      this.#go();
    });
  }

  /** When nothing waits and nothing is under way. */
  async quiet(): Promise<void> {
    if (this.#calls === 0 && this.#waiting.length === 0) return;
    this.#onQuiet ??= Promise.withResolvers();
    await this.#onQuiet.promise;
  }

  #go(): void {
    while (this.#waiting.length > 0 && this.#calls < MOST_CALLS) this.#write(this.#next());
    if (this.#calls > 0 || this.#waiting.length > 0) return;
    this.#onQuiet?.resolve();
    this.#onQuiet = undefined;
  }

  /** The pieces that are adjacent from the lowest on. */
  #next(): Piece[] {
    if (!this.#isSorted) this.#waiting.sort((a, b) => a.position - b.position);
    this.#isSorted = true;
    let count = 0;
    let end: number | undefined;
    for (const { bytes, position } of this.#waiting) {
      if (count === MOST_PIECES || (end !== undefined && position !== end)) break;
      end = position + bytes.length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #write(pieces: readonly Piece[]): void {
    this.#calls += 1;
    const all = pieces.map(({ bytes }) => bytes);
    const over = (error?: Error): void => {
      this.#calls -= 1;
      for (const { done } of pieces) done(error);
      this.#go();
    };
    this.#atOnce -= all.reduce((sum, { length }) => sum + length, 0);
    if (this.#atOnce >= 0) over(errorOf(() => writeAllAtOnce(this.#file, all, pieces[0]?.position ?? 0)));
    else writeAll(this.#file, all, pieces[0]?.position ?? 0, over);
  }
}

function writeAll(file: number, pieces: Uint8Array[], position: number, done: (error?: Error) => void): void {
  writev(file, pieces, position, (error, written) => {
    if (error !== null) return done(error);
    const left = cut(pieces, written);
    if (left.length === 0) done();
    else writeAll(file, left, position + written, done);
  });
}

function writeAllAtOnce(file: number, pieces: Uint8Array[], position: number): void {
  const written = writevSync(file, pieces, position);
  const left = cut(pieces, written);
  if (left.length > 0) writeAllAtOnce(file, left, position + written);
}

function errorOf(step: () => void): Error | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** What is left of `pieces` without the first `bytes`. */
function cut(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let gone = bytes;
  return pieces.flatMap((piece) => {
    const from = Math.min(gone, piece.length);
    gone -= from;
    return from === piece.length ? [] : [piece.subarray(from)];
  });
}
