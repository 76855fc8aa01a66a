// How the object became readable in order: either what came down a pipe, or the growing correct beginning of a file,
// compared with the object again and again. Gives times and sums; judges nothing.
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { Socket } from 'node:net';
import { findProgram } from '../machine/programs.ts';
import type { ReferenceObject } from '../machine/work-folder.ts';

/** So many bytes were readable from the beginning, at this time after the start. */
export type Mark = { readonly atSeconds: number; readonly bytes: number };

/** Something that follows the output of a client. */
export type OutputWatch = {
  /** Where the client's standard output goes; undefined: to its log. */
  readonly stdout: number | undefined;
  /** The client was started at this time, ms. */
  begin(startedAtMs: number): void;
  /** The client has ended: the last look, then everything that was seen. */
  finish(): Promise<{ readonly marks: readonly Mark[]; readonly bytes: number; readonly sha256: string }>;
};

const LOOK_MS = 20;
const BLOCK_BYTES = 262_144;
const PAGE_BYTES = 4_096;

/** Follows a file, or the same name with `.part` while that is written. */
export function watchFile(scope: DisposableStack, file: string, object: ReferenceObject): OutputWatch {
  const marks: Mark[] = [];
  const got = Buffer.alloc(BLOCK_BYTES);
  const wanted = Buffer.alloc(BLOCK_BYTES);
  const reference = openSync(object.path, 'r');
  scope.defer(() => closeSync(reference));
  let position = 0;
  let startedAt = performance.now();
  const look = (): void => {
    const output = openFirst([file, `${file}.part`]);
    if (output === undefined) return;
    const before = position;
    for (let whole = true; whole; ) {
      const length = readSync(output, got, 0, BLOCK_BYTES, position);
      readSync(reference, wanted, 0, length, position);
      const same = equalBytes(got.subarray(0, length), wanted.subarray(0, length));
      position += same;
      whole = same === length && length > 0;
    }
    closeSync(output);
    if (position > before) marks.push({ atSeconds: (performance.now() - startedAt) / 1_000, bytes: position });
  };
  let timer: NodeJS.Timeout | undefined;
  scope.defer(() => clearInterval(timer));
  return {
    stdout: undefined,
    begin: (startedAtMs) => {
      startedAt = startedAtMs;
      timer = setInterval(look, LOOK_MS);
    },
    finish: async () => {
      clearInterval(timer);
      look();
      return { marks, ...digestOf(file) };
    },
  };
}

/** Follows a pipe: a real one, for that is what a user's next program reads from. */
export function watchPipe(scope: DisposableStack, path: string): OutputWatch {
  const mkfifo = findProgram('mkfifo');
  if (mkfifo === undefined || spawnSync(mkfifo, [path]).status !== 0) throw new Error('cannot make a pipe (mkfifo)');
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(path, constants.O_WRONLY);
  const socket = new Socket({ fd: reading, readable: true, writable: false });
  const marks: Mark[] = [];
  const hash = createHash('sha256');
  const ended = Promise.withResolvers<void>();
  let bytes = 0;
  let startedAt = performance.now();
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    marks.push({ atSeconds: (performance.now() - startedAt) / 1_000, bytes });
    hash.update(chunk);
  });
  socket.once('close', () => ended.resolve()).on('error', () => ended.resolve());
  scope.defer(() => socket.destroy());
  let writable = true;
  const closeWriting = (): void => {
    if (writable) closeSync(writing);
    writable = false;
  };
  scope.defer(closeWriting);
  return {
    stdout: writing,
    begin: (startedAtMs) => {
      startedAt = startedAtMs;
      // The client has its own copy now; with this one open the pipe would never end.
      closeWriting();
    },
    finish: async () => {
      await ended.promise;
      return { marks, bytes, sha256: hash.digest('hex') };
    },
  };
}

/** Bytes from the start on that are the same, rounded down to a page when not all are. */
function equalBytes(a: Buffer, b: Buffer): number {
  if (a.equals(b)) return a.length;
  let same = 0;
  while (a.subarray(same, same + PAGE_BYTES).equals(b.subarray(same, same + PAGE_BYTES))) same += PAGE_BYTES;
  return same;
}

function digestOf(file: string): { bytes: number; sha256: string } {
  const hash = createHash('sha256');
  const opened = openFirst([file]);
  let bytes = 0;
  if (opened !== undefined) {
    const block = Buffer.alloc(BLOCK_BYTES);
    for (let length = readSync(opened, block); length > 0; length = readSync(opened, block)) {
      hash.update(block.subarray(0, length));
      bytes += length;
    }
    closeSync(opened);
  }
  return { bytes, sha256: hash.digest('hex') };
}

function openFirst(paths: readonly string[]): number | undefined {
  for (const path of paths) {
    try {
      return openSync(path, 'r');
    } catch {
      // the next one
    }
  }
  return undefined;
}
