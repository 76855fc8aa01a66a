// What is known to be in FILE.part, kept beside it so that an interrupted transfer can go on: a line with the object, then
// batches of segments with their hashes. A batch is written after the bytes it speaks of are on disk, so that a crash at
// any moment claims too little and never too much; one that is torn is no batch. Whoever resumes proves each entry again.
//
//   record = JSON line · batch …      batch = count u32 · segment bytes u32 · (index u32 · hash 32) … · crc32 u32
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { isSegmentSize } from '../../protocol/channel-request.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';

/** Suffix of the record of a part. */
export const RECORD_SUFFIX = '.record';

const FORMAT = 'heddle-part/1';
const MOST_HEADER_BYTES = 16_384;
const BATCH_HEAD_BYTES = 8;
const ENTRY_BYTES = 4 + HASH_BYTES;
const CRC_BYTES = 4;
/** Entries of one batch: what a fast disk takes in a few seconds; bounds what a reader has to hold. */
const MOST_ENTRIES = 65_536;

/** What a part is a part of. */
export type PartObject = {
  readonly key: string;
  readonly root: string;
  /** Bytes of the whole object. */
  readonly size: number;
  /** The wanted bytes: the file holds `bytes` of them from `firstByte` of the object on. */
  readonly firstByte: number;
  readonly bytes: number;
};

/** A segment that is in the part. */
export type PartEntry = { readonly index: number; readonly node: Uint8Array };
/** Segments of one size. */
export type PartBatch = { readonly segmentBytes: number; readonly entries: readonly PartEntry[] };

/** Writes a record. */
export class PartRecord {
  readonly #file: FileHandle;
  #end: number;

  private constructor(file: FileHandle, end: number) {
    this.#file = file;
    this.#end = end;
  }

  /** Begins a new record. */
  static async create(path: string, object: PartObject): Promise<PartRecord> {
    const file = await open(path, 'w', 0o666);
    const line = Buffer.from(`${JSON.stringify({ format: FORMAT, ...object })}\n`);
    await file.write(line, 0, line.length, 0);
    return new PartRecord(file, line.length);
  }

  /** Goes on behind the last whole batch, at `end`. */
  static async reopen(path: string, end: number): Promise<PartRecord> {
    const file = await open(path, 'r+');
    await file.truncate(end);
    return new PartRecord(file, end);
  }

  /** Adds segments whose bytes are on disk. */
  async append(segmentBytes: number, entries: readonly PartEntry[]): Promise<void> {
    for (let at = 0; at < entries.length; at += MOST_ENTRIES) {
      const bytes = encodeBatch(segmentBytes, entries.slice(at, at + MOST_ENTRIES));
      await this.#file.write(bytes, 0, bytes.length, this.#end);
      this.#end += bytes.length;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** The record at `path`: its object, its batches one by one, and where the last whole one ends. */
export class RecordReader {
  readonly object: PartObject;
  readonly #file: FileHandle;
  #end: number;

  private constructor(file: FileHandle, object: PartObject, end: number) {
    this.#file = file;
    this.object = object;
    this.#end = end;
  }

  /** Undefined when there is none, or none that can be read. */
  static async open(path: string): Promise<RecordReader | undefined> {
    const file = await open(path, 'r').catch(() => undefined);
    if (file === undefined) return undefined;
    const head = Buffer.alloc(MOST_HEADER_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const length = head.subarray(0, bytesRead).indexOf('\n');
    const object = length < 0 ? undefined : parseObject(head.toString('utf8', 0, length));
    if (object !== undefined) return new RecordReader(file, object, length + 1);
    await file.close();
    return undefined;
  }

  /** Where the batches read so far end. */
  get end(): number {
    return this.#end;
  }

  /** The next whole batch; undefined at the end, and before one that is torn. */
  async next(): Promise<PartBatch | undefined> {
    const head = await this.#read(this.#end, BATCH_HEAD_BYTES);
    const count = head?.readUInt32BE(0) ?? 0;
    if (count < 1 || count > MOST_ENTRIES) return undefined;
    const bytes = await this.#read(this.#end, BATCH_HEAD_BYTES + count * ENTRY_BYTES + CRC_BYTES);
    const batch = bytes === undefined ? undefined : decodeBatch(bytes);
    if (bytes !== undefined && batch !== undefined) this.#end += bytes.length;
    return batch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #read(at: number, length: number): Promise<Buffer | undefined> {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(bytes, 0, length, at);
    return bytesRead === length ? bytes : undefined;
  }
}

/** zlib is loaded when something is recorded or a record is read: most transfers are over before. */
function crc32(bytes: Uint8Array): number {
  return process.getBuiltinModule('node:zlib').crc32(bytes);
}

function encodeBatch(segmentBytes: number, entries: readonly PartEntry[]): Buffer {
  const bytes = Buffer.alloc(BATCH_HEAD_BYTES + entries.length * ENTRY_BYTES + CRC_BYTES);
  bytes.writeUInt32BE(entries.length, 0);
  bytes.writeUInt32BE(segmentBytes, 4);
  for (const [place, { index, node }] of entries.entries()) {
    const at = BATCH_HEAD_BYTES + place * ENTRY_BYTES;
    bytes.writeUInt32BE(index, at);
    bytes.set(node, at + 4);
  }
  const end = bytes.length - CRC_BYTES;
  bytes.writeUInt32BE(crc32(bytes.subarray(0, end)), end);
  return bytes;
}

function decodeBatch(bytes: Buffer): PartBatch | undefined {
  const end = bytes.length - CRC_BYTES;
  const segmentBytes = bytes.readUInt32BE(4);
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end) || !isSegmentSize(segmentBytes)) return undefined;
  const entries: PartEntry[] = [];
  for (let at = BATCH_HEAD_BYTES; at < end; at += ENTRY_BYTES) {
    entries.push({ index: bytes.readUInt32BE(at), node: bytes.subarray(at + 4, at + ENTRY_BYTES) });
  }
  return { segmentBytes, entries };
}

function parseObject(line: string): PartObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { format, key, root, size, firstByte, bytes } = value as Record<string, unknown>;
  const counts = [size, firstByte, bytes].every((count) => Number.isSafeInteger(count) && (count as number) >= 0);
  if (format !== FORMAT || typeof key !== 'string' || typeof root !== 'string' || !counts) return undefined;
  return { key, root, size: size as number, firstByte: firstByte as number, bytes: bytes as number };
}
