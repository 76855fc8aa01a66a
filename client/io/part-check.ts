// Proves again what an interrupted transfer left: reads each segment that the record names and hashes it. Costs the disk
// and the processor, and not one byte of network. What does not match is simply not there.
import type { FileHandle } from 'node:fs/promises';
import { HeddleError } from '../../protocol/errors.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { hashSegment, lengthOfSegment, sameHash } from '../../protocol/merkle.ts';
import { rangesOf } from '../../protocol/ranges.ts';
import type { Range } from '../../protocol/ranges.ts';
import type { PartBatch, PartEntry, PartObject, RecordReader } from './part-record.ts';
import { sha256 } from './sha256.ts';

/** Bytes read at once: neighbouring segments in one read. */
const READ_BYTES = 4 * 1_048_576;

/** Leaves of an object that were found to be right. */
export class ProvenLeaves {
  #bits = new Uint8Array(1_024);

  has(leaf: number): boolean {
    return ((this.#bits[leaf >> 3] ?? 0) & (1 << (leaf & 7))) !== 0;
  }

  add(leaf: number): void {
    const at = leaf >> 3;
    if (at >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(at + 1, 2 * this.#bits.length));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (leaf & 7));
  }

  /** The segments of `segmentBytes` that are wholly proven. */
  segments(size: number, segmentBytes: number): Range[] {
    const proven: number[] = [];
    const perSegment = segmentBytes / LEAF_BYTES;
    const most = Math.min(Math.ceil(size / segmentBytes), Math.ceil((8 * this.#bits.length) / perSegment));
    for (let index = 0; index < most; index += 1) {
      const leaves = Math.ceil(lengthOfSegment(index, size, segmentBytes) / LEAF_BYTES);
      let whole = true;
      for (let at = 0; at < leaves && whole; at += 1) whole = this.has(index * perSegment + at);
      if (whole) proven.push(index);
    }
    return rangesOf(proven);
  }
}

/** The leaves that `part` has, of those that the record names. Throws `aborted`. */
export async function checkPart(part: FileHandle, record: RecordReader, signal?: AbortSignal): Promise<ProvenLeaves> {
  const proven = new ProvenLeaves();
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let batch = await record.next(); batch !== undefined; batch = await record.next()) {
    for (const run of runsOf(batch, record.object)) {
      if (signal?.aborted === true) throw new HeddleError('aborted', undefined, { cause: signal.reason });
      await checkRun(part, record.object, batch.segmentBytes, run, buffer, proven);
    }
  }
  return proven;
}

async function checkRun(
  part: FileHandle,
  { size, firstByte }: PartObject,
  segmentBytes: number,
  run: readonly PartEntry[],
  buffer: Buffer,
  proven: ProvenLeaves,
): Promise<void> {
  const start = (run[0]?.index ?? 0) * segmentBytes;
  const end = Math.min(size, start + run.length * segmentBytes);
  const { bytesRead } = await part.read(buffer, 0, end - start, start - firstByte);
  for (const [place, { index, node }] of run.entries()) {
    const from = place * segmentBytes;
    const to = from + lengthOfSegment(index, size, segmentBytes);
    if (to > bytesRead || !sameHash(hashSegment(buffer.subarray(from, to), sha256), node)) continue;
    for (let leaf = (index * segmentBytes) / LEAF_BYTES; leaf * LEAF_BYTES < start + to; leaf += 1) proven.add(leaf);
  }
}

/** Neighbours that fit into one read. Segments that the part cannot hold whole are left out. */
function runsOf({ segmentBytes, entries }: PartBatch, { size, firstByte, bytes }: PartObject): PartEntry[][] {
  const inPart = entries.filter(({ index }) => {
    const start = index * segmentBytes;
    const length = lengthOfSegment(index, size, segmentBytes);
    return length > 0 && start >= firstByte && start + length <= firstByte + bytes;
  });
  const runs: PartEntry[][] = [];
  for (const entry of inPart.toSorted((a, b) => a.index - b.index)) {
    const run = runs.at(-1);
    const last = run?.at(-1)?.index;
    if (entry.index === last) continue;
    const joins = last === entry.index - 1 && ((run?.length ?? 0) + 1) * segmentBytes <= READ_BYTES;
    if (run !== undefined && joins) run.push(entry);
    else runs.push([entry]);
  }
  return runs;
}
