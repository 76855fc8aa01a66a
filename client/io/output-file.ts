// A file that is being written, and the steps around its bytes. Those of a small one are done at once: waking a thread takes
// longer than they do. Those of a large one may wait for the disk, and go to the thread pool; so does every sync, but that of
// a small file in a process that does nothing else.
import {
  close,
  closeSync,
  fdatasync,
  fsync,
  fsyncSync,
  ftruncate,
  ftruncateSync,
  open,
  openSync,
  rename,
  renameSync,
  unlinkSync,
} from 'node:fs';
import type { NoParamCallback } from 'node:fs';

/** A file with at most so many bytes is small: the page cache takes them without asking the disk. */
export const SMALL_FILE_BYTES = 1_048_576;

const FOR_ALL = 0o666;

/** An open file. */
export class OutputFile {
  readonly fd: number;
  readonly #alone: boolean;
  #isSmall = true;

  /** `alone`: the process does nothing else, and may stand still while a small file is brought to the disk. */
  constructor(fd: number, alone: boolean) {
    this.fd = fd;
    this.#alone = alone;
  }

  /** It is to have so many bytes. */
  async truncate(bytes: number): Promise<void> {
    this.#isSmall = bytes <= SMALL_FILE_BYTES;
    if (this.#isSmall) ftruncateSync(this.fd, bytes);
    else await elsewhere((done) => ftruncate(this.fd, bytes, done));
  }

  /** All of it is on disk. */
  async sync(): Promise<void> {
    if (this.#isSmall && this.#alone) fsyncSync(this.fd);
    else await elsewhere((done) => fsync(this.fd, done));
  }

  /** Its bytes are on disk. */
  datasync(): Promise<void> {
    return elsewhere((done) => fdatasync(this.fd, done));
  }

  /** From `path`, where it is, to `target`; what is there is replaced. */
  async move(path: string, target: string): Promise<void> {
    if (this.#isSmall) renameSync(path, target);
    else await elsewhere((done) => rename(path, target, done));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isSmall) closeSync(this.fd);
    else await elsewhere((done) => close(this.fd, done));
  }
}

/** The file at `path`, made anew. `exists`: something is there, and opening that may take as long as it likes. */
export async function createOutputFile(path: string, exists: boolean, alone: boolean): Promise<OutputFile> {
  return new OutputFile(exists ? await opened(path, 'w') : openSync(path, 'w', FOR_ALL), alone);
}

/** The file at `path`, with what is in it. */
export async function reopenOutputFile(path: string, alone: boolean): Promise<OutputFile> {
  return new OutputFile(await opened(path, 'r+'), alone);
}

/** Removes the small file at `path`, if there is one. */
export function removeAtOnce(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function opened(path: string, flags: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, FOR_ALL, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });
}

/** One step in the thread pool. */
function elsewhere(step: (done: NoParamCallback) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    step((error) => (error === null ? resolve() : reject(error)));
  });
}
