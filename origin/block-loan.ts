// Bytes of blocks on loan, to be written to a socket from where they lie: plain, or as frames. Frames share the prefixes in
// the gaps of a block where those say, or may be made to say, what is wanted; otherwise each has a prefix of its own.
// Invariant: what stands in a gap never changes while a loan refers to it.
import { segmentPrefix } from '../protocol/frame-writer.ts';
import type { BlockMemory, Framing } from './block-memory.ts';
import type { Piece } from './segment-frames.ts';

/** To be written from where it lies, then released once. */
export type Loan = { readonly parts: readonly Uint8Array[]; release(): void };

/** A block whose bytes are there. */
export type ReadBlock = {
  /** Of its first byte in the object. */
  readonly position: number;
  readonly memory: BlockMemory;
  /** Loans of what stands in its gaps. */
  framers: number;
  /** Bytes that were lent so far; what was lent twice counts twice. */
  lentBytes: number;
};

/** What is wanted, of an object of `size` bytes: ascending pieces, each of whole segments where they are framed. */
export type Wanted = {
  readonly pieces: readonly Piece[];
  readonly framing: Framing | undefined;
  readonly size: number;
};

/** Lends pieces that lie in `blocks`, both ascending. `release` is called once, when the loan is given back. */
export function lend(blocks: readonly ReadBlock[], wanted: Wanted, release: () => void): Loan {
  const parts: Uint8Array[] = [];
  const framed: ReadBlock[] = [];
  let at = 0;
  for (const block of blocks) {
    const end = block.position + block.memory.length;
    const canFrame = wanted.framing !== undefined && areGapsRight(block, wanted.framing, wanted.size);
    let isFramed = false;
    for (; at < wanted.pieces.length; at += 1) {
      const piece = wanted.pieces[at] as Piece;
      if (piece.position >= end) break;
      const from = Math.max(piece.position, block.position) - block.position;
      const to = Math.min(piece.position + piece.length, end) - block.position;
      block.lentBytes += to - from;
      if (wanted.framing === undefined) parts.push(...block.memory.plain(from, to));
      // the rest of a segment that began in the block before has no prefix here
      else if (!canFrame || (block.position + from) % wanted.framing.segmentBytes > 0) {
        putSeparately(parts, block, { from, to }, wanted.framing, wanted.size);
      } else {
        parts.push(block.memory.framed(from, to));
        isFramed = true;
      }
      if (piece.position + piece.length > end) break;
    }
    if (!isFramed) continue;
    block.framers += 1;
    framed.push(block);
  }
  return {
    parts,
    release: once(() => {
      for (const block of framed) block.framers -= 1;
      release();
    }),
  };
}

/** The loan as a copy, given back at once. */
export function copyOf(loan: Loan): Loan {
  const parts = loan.parts.map((part) => Buffer.from(part));
  loan.release();
  return { parts, release: () => {} };
}

/** `action` for the first call. */
export function once(action: () => void): () => void {
  let left = 1;
  return () => {
    if (left > 0) action();
    left = 0;
  };
}

/** Whether the gaps say what is wanted: they did, or nobody uses them and they do now. */
function areGapsRight({ position, memory, framers }: ReadBlock, framing: Framing, size: number): boolean {
  if (!memory.hasGapsFor(framing.segmentBytes)) return false;
  if (memory.isFramed(framing)) return true;
  if (framers > 0) return false;
  memory.frame(framing, position, size);
  return true;
}

/** Puts what lies between two places of a block; each segment that begins there has a prefix of its own. */
function putSeparately(
  parts: Uint8Array[],
  { position, memory }: ReadBlock,
  { from, to }: { readonly from: number; readonly to: number },
  { segmentBytes, epoch, by }: Framing,
  size: number,
): void {
  for (let at = from; at < to; ) {
    const index = Math.floor((position + at) / segmentBytes);
    const start = index * segmentBytes;
    const end = Math.min(to, start + segmentBytes - position);
    if (position + at === start) {
      parts.push(segmentPrefix(index, epoch, by, Math.min(segmentBytes, size - start)));
    }
    parts.push(...memory.plain(at, end));
    at = end;
  }
}
