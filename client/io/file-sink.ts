// A file as output: segments are written where they belong as they are proven, into FILE.part, which is renamed when the
// object is whole and on disk. What is on disk is recorded now and then (part-record.ts), so that an interrupted transfer
// can go on. A target that exists and is not a regular file is written in order (ordered-sink.ts).
import { statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { createOutputFile, reopenOutputFile } from './output-file.ts';
import type { OutputFile } from './output-file.ts';
import { checkPart } from './part-check.ts';
import { lockPart } from './part-lock.ts';
import { PartJournal } from './part-journal.ts';
import { RECORD_SUFFIX, RecordReader } from './part-record.ts';
import type { PartObject } from './part-record.ts';
import { PieceWriter } from './piece-writer.ts';
import type { Leftover } from './retrieval.ts';
import type { Sink, SinkObject } from './sink.ts';
import { systemReason } from '../../protocol/system-words.ts';

/** Suffix of a file that is not whole yet. */
export const PART_SUFFIX = '.part';

/** Exit codes of failures after which the same transfer may be taken up again: no route, the disk, interrupted. */
const RESUMABLE: readonly number[] = [exitCodeOf('no-route'), exitCodeOf('local-io'), exitCodeOf('aborted')];

/** What is to be fetched: an interrupted transfer goes on only if it was of the same. */
export type FileWish = {
  readonly key: string;
  readonly firstByte: number;
  readonly endByte: number | undefined;
  /** The root that is pinned. */
  readonly root: string | undefined;
  readonly segmentBytes: number;
  /** Ends the proving of what is there. */
  readonly signal?: AbortSignal | undefined;
};

/** A file as output, and what an interrupted transfer left in it. */
export type FileSink = Sink & { readonly leftover: Leftover | undefined };

/**
 * Opens FILE.part; throws `local-io` when that cannot be, or when somebody else writes it. `alone`: the process does nothing
 * else.
 */
export async function openFileSink(path: string, wish?: FileWish, alone = false): Promise<FileSink> {
  const part = path + PART_SUFFIX;
  await using scope = new AsyncDisposableStack();
  try {
    scope.adopt(lockPart(part), (lock) => lock.release());
    const found = foundAt(part);
    const reader = wish === undefined || found?.isFile() !== true ? undefined : await matchingRecord(part, wish);
    if (reader !== undefined) scope.use(reader);
    const file = await (reader === undefined
      ? createOutputFile(part, found !== undefined, alone)
      : reopenOutputFile(part, alone));
    scope.use(file);
    const journal = new PartJournal(part + RECORD_SUFFIX, () => file.datasync());
    let leftover: Leftover | undefined;
    if (wish !== undefined && reader !== undefined) {
      await using written = await open(part, 'r');
      const proven = await checkPart(written, reader, wish.signal);
      const { root, size } = reader.object;
      leftover = { root, size, have: proven.segments(size, wish.segmentBytes) };
      await journal.resume(reader.object, reader.end);
    }
    const owned = scope.move();
    return partSink({ path, part, file, journal, leftover, close: () => owned.disposeAsync() });
  } catch (error) {
    throw localFault(error, `cannot write ${part}`);
  }
}

type Opened = {
  readonly path: string;
  readonly part: string;
  readonly file: OutputFile;
  readonly journal: PartJournal;
  readonly leftover: Leftover | undefined;
  /** Closes the file and gives the lock back. */
  close(): Promise<void>;
};

function partSink({ path, part, file, journal, leftover, close }: Opened): FileSink {
  let start = 0;
  let segmentBytes = 1;
  /** Nothing more is put. */
  let ended = false;
  let isOpen = true;
  // the file is closed only after the last write: by then its number may be another file's
  const writer = new PieceWriter(file.fd);
  return {
    order: 'any',
    leftover,
    async begin(offset, bytes, object) {
      start = offset;
      ({ segmentBytes } = object);
      try {
        await writer.quiet();
        await file.truncate(bytes);
        await journal.begin(partObjectOf(object, offset, bytes));
      } catch (error) {
        throw localFault(error, `cannot size ${part}`);
      }
    },
    put(offset, bytes, done, node) {
      if (ended) return;
      const entry = node === undefined ? undefined : { index: offset / segmentBytes, node: node.slice() };
      writer.put(bytes, offset - start, (error) => {
        if (error === undefined && entry !== undefined) journal.note(segmentBytes, entry);
        done(error === undefined ? undefined : localFault(error, `cannot write ${part}`));
      });
    },
    async commit() {
      ended = true;
      try {
        await writer.quiet();
        await file.sync();
        await file.move(part, path);
        isOpen = false;
        await journal.end();
        journal.remove();
        await close();
      } catch (error) {
        throw localFault(error, `cannot complete ${path}`);
      }
    },
    async abort(reason) {
      if (!isOpen) return;
      isOpen = false;
      ended = true;
      await writer.quiet();
      const resumable = reason instanceof HeddleError && RESUMABLE.includes(exitCodeOf(reason.code));
      // what cannot be recorded any more is fetched again
      if (resumable) await journal.flush().catch(() => undefined);
      await journal.end();
      if (!resumable || !journal.hasAny) {
        journal.remove();
        await rm(part, { force: true });
      }
      await close();
    },
  };
}

/** The record of an interrupted transfer of the same; one of another is of no use. */
async function matchingRecord(part: string, wish: FileWish): Promise<RecordReader | undefined> {
  const reader = await RecordReader.open(part + RECORD_SUFFIX);
  if (reader === undefined) return undefined;
  const { key, root, size, firstByte, bytes } = reader.object;
  const wanted = Math.max(0, Math.min(wish.endByte ?? size, size) - wish.firstByte);
  const same = key === wish.key && root === (wish.root ?? root) && firstByte === wish.firstByte && bytes === wanted;
  if (same) return reader;
  await reader[Symbol.asyncDispose]();
  return undefined;
}

function partObjectOf({ key, root, size }: SinkObject, firstByte: number, bytes: number): PartObject {
  // without a root nothing is ever recorded
  return { key, root: root ?? '', size, firstByte, bytes };
}

/** True when `path` names something that can only be written in order: a device, a pipe, a socket. */
export async function isOrderedTarget(path: string): Promise<boolean> {
  const found = foundAt(path);
  if (found?.isDirectory() === true) throw new HeddleError('local-io', `${path} is a directory; name a file in it`);
  return found !== undefined && !found.isFile();
}

/** What is there, as far as it can be seen. */
function foundAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function localFault(error: unknown, what: string): HeddleError {
  if (error instanceof HeddleError) return error;
  return new HeddleError('local-io', `${what}: ${systemReason(error)}`, { cause: error });
}
