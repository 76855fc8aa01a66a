// A folder for one run of a bench, in memory where the machine allows it, and the objects in it: seeded bytes that
// nothing can compress, the same on every machine.
import { createCipheriv, createHash } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAbandonedFolders } from './abandoned.ts';

/** An object to move. */
export type ReferenceObject = {
  /** Holds nothing but the object. */
  readonly folder: string;
  readonly key: string;
  readonly path: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
};

const PREFIX = 'heddle-bench-';
const MEMORY_FOLDER = '/dev/shm';
/** Below this much room in memory the folder is made on the disk. */
const LEAST_ROOM_BYTES = 4e9;
const CHUNK_BYTES = 1_048_576;

/** A folder that goes with `scope`; what benches left that were killed goes first. */
export function makeWorkFolder(scope: DisposableStack): string {
  for (const folder of [MEMORY_FOLDER, tmpdir()]) removeAbandonedFolders(folder, PREFIX);
  const folder = mkdtempSync(join(roomInMemory() ? MEMORY_FOLDER : tmpdir(), `${PREFIX}${process.pid}-`));
  scope.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return folder;
}

/** Writes an object of `bytes` into a folder of its own below `workFolder`. */
export function writeReferenceObject(workFolder: string, bytes: number): ReferenceObject {
  const folder = join(workFolder, `object-${bytes}`);
  mkdirSync(folder);
  const path = join(folder, 'f');
  const hash = createHash('sha256');
  const key = createHash('sha256').update(`heddle bench object of ${bytes}`).digest();
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const file = openSync(path, 'wx');
  try {
    for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
      const chunk = stream.update(left < CHUNK_BYTES ? zeros.subarray(0, left) : zeros);
      hash.update(chunk);
      writeSync(file, chunk);
    }
  } finally {
    closeSync(file);
  }
  return { folder, key: 'f', path, bytes, sha256: hash.digest('hex') };
}

/** Writes other bytes under the object's name, of its size and age, beside its folder; gives the folder. */
export function writeFalseObject(workFolder: string, { key, path, bytes }: ReferenceObject): string {
  const folder = join(workFolder, `false-object-${bytes}`);
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  const copy = join(folder, key);
  writeFileSync(
    copy,
    readFileSync(path).map((byte) => byte ^ 1),
  );
  const { atime, mtime } = statSync(path);
  utimesSync(copy, atime, mtime);
  return folder;
}

function roomInMemory(): boolean {
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return bavail * bsize > LEAST_ROOM_BYTES;
  } catch {
    return false;
  }
}
