// Positioned reads of open objects into pooled memory, shared by everybody who wants neighbouring bytes: one aligned
// block is read once, however many channels wait for it, and its memory is reused when nobody refers to it any more.
// Invariants: the pool never exceeds `cacheBytes`; nobody ever waits for a buffer. When stopped readers hold half of
// the pool, further loans are private copies of just the bytes asked for, so they can neither starve the others nor
// pin a whole block for one segment.
import type { ObjectHandle } from './backend.ts';
import { copyOf, lend, once } from './block-loan.ts';
import type { Loan, ReadBlock, Wanted } from './block-loan.ts';
import { BlockPool } from './block-pool.ts';
import type { PoolTuning } from './block-pool.ts';
import { BlockReaders } from './block-readers.ts';
import type { Framing } from './block-memory.ts';
import { frameBuffer } from './segment-frames.ts';
import type { Piece } from './segment-frames.ts';

/** Blocks of one read that goes on where another ended: fewer trips through the thread pool. */
const READ_AHEAD_BLOCKS = 4;
/** Blocks that may be borrowed together where reads are done at once: nobody waits for the last of them. */
const QUICK_RUN_BLOCKS = 16;

/** An object opened by some channels or responses; the last one to close it closes the handle. */
export type OpenObject = {
  readonly size: number;
  /** What lies in one block is read together. */
  readonly blockBytes: number;
  /** From the start of a block on, what may be borrowed together without waiting for long. */
  readonly runBytes: number;
  /** `length` bytes from `position` on; at once when they are in the pool. Rejects as ObjectHandle.read does. */
  borrow(position: number, length: number, segmentBytes?: number): Loan | Promise<Loan>;
  /** The same for ascending pieces, each of whole segments: each segment behind its prefix. */
  borrowFrames(pieces: readonly Piece[], framing: Framing): Loan | Promise<Loan>;
  close(): void;
};

/** Told how many blocks, or pieces for somebody alone, were read. */
export type ReadObserver = (kind: 'block' | 'private', count: number) => void;

type Block = ReadBlock & {
  readonly file: SharedFile;
  readonly index: number;
  isRead: boolean;
  /** Undefined when it was read at once. */
  ready: Promise<void> | undefined;
  holders: number;
};

type SharedFile = {
  readonly name: string;
  readonly handle: ObjectHandle;
  readonly blocks: Map<number, Block>;
  users: number;
  readonly readers: BlockReaders;
  /** The last read was done at once: what is read ahead of its use only leaves the processor's cache again. */
  isQuick: boolean;
};

/** The pool of blocks of one origin. */
export class BlockCache {
  readonly #blockBytes: number;
  readonly #pool: BlockPool<Block>;
  readonly #aheadBlocks: number;
  readonly #observe: ReadObserver;
  readonly #files = new Map<string, Promise<SharedFile>>();
  #users = 0;

  /** `aheadBytes`: what is read before somebody who reads in order asks for it, where a read takes long. */
  constructor(tuning: PoolTuning & { readonly aheadBytes?: number }, observe: ReadObserver = () => {}) {
    this.#blockBytes = tuning.blockBytes;
    this.#pool = new BlockPool(tuning, (block) => this.#forget(block));
    this.#aheadBlocks = Math.floor((tuning.aheadBytes ?? 0) / tuning.blockBytes);
    this.#observe = observe;
  }

  /** Bytes of the buffers that exist. */
  get allocatedBytes(): number {
    return this.#pool.allocatedBytes;
  }

  /** Bytes of the blocks that somebody refers to or that are being read. */
  get heldBytes(): number {
    return this.#pool.heldBytes;
  }

  /**
   * Opens the object called `name` by `open`, or joins those who have it open. Who has it open several times under one
   * name of a `reader` shares out among these what he reads.
   */
  async open(name: string, open: () => Promise<ObjectHandle>, reader?: string): Promise<OpenObject> {
    let opening = this.#files.get(name);
    if (opening === undefined) {
      opening = open().then((handle) => ({
        name,
        handle,
        blocks: new Map(),
        users: 0,
        readers: new BlockReaders(),
        isQuick: false,
      }));
      this.#files.set(name, opening);
      opening.catch(() => this.#files.delete(name));
    }
    const file = await opening;
    // Everybody else may have closed it while this one waited.
    if (this.#files.get(name) !== opening) return this.open(name, open, reader);
    const leave = file.readers.join(reader);
    file.users += 1;
    this.#users += 1;
    const { size } = file.handle.stat;
    const blockBytes = this.#blockBytes;
    // a share of the pool that cannot fill it, however much is held already
    const quickRunBytes = Math.max(1, Math.min(QUICK_RUN_BLOCKS, Math.floor(this.#pool.maxBlocks / 8))) * blockBytes;
    return {
      size,
      blockBytes,
      get runBytes() {
        return file.isQuick ? quickRunBytes : blockBytes;
      },
      borrow: (position, length, segmentBytes = this.#blockBytes) => {
        const wanted = { pieces: [{ position, length }], framing: undefined, size };
        return this.#borrow(file, wanted, segmentBytes);
      },
      borrowFrames: (pieces, framing) => this.#borrow(file, { pieces, framing, size }, framing.segmentBytes),
      close: once(() => {
        leave();
        this.#leave(file);
      }),
    };
  }

  /** The blocks that must be read are laid out for segments of `segmentBytes`. */
  #borrow(file: SharedFile, wanted: Wanted, segmentBytes: number): Loan | Promise<Loan> {
    const indexes = this.#blocksOf(wanted.pieces);
    const scarce = this.heldBytes * 2 >= this.#pool.maxBlocks * this.#blockBytes;
    if (scarce && indexes.some((index) => !file.blocks.has(index))) return this.#readPrivately(file, wanted);
    const blocks = indexes.map((index) => this.#hold(file, index, segmentBytes));
    const [first = 0] = indexes;
    if (!scarce && !file.isQuick && file.blocks.has(first - 1)) {
      this.#readOn(file, (indexes.at(-1) ?? 0) + 1, segmentBytes);
    }
    const lent = (): Loan => {
      const loan = lend(blocks, wanted, () => blocks.forEach((block) => this.#release(block)));
      return scarce ? copyOf(loan) : loan;
    };
    const reads = blocks.flatMap(({ isRead, ready }) => (isRead || ready === undefined ? [] : [ready]));
    if (reads.length === 0) return lent();
    return Promise.all(reads).then(lent, (error: unknown) => {
      for (const block of blocks) this.#release(block);
      throw error;
    });
  }

  /** Where the pieces lie; ascending, each once. */
  #blocksOf(pieces: readonly Piece[]): number[] {
    const indexes: number[] = [];
    let next = 0;
    for (const { position, length } of pieces) {
      const end = Math.floor((position + length - 1) / this.#blockBytes) + 1;
      for (let index = Math.max(next, Math.floor(position / this.#blockBytes)); index < end; index += 1) {
        indexes.push(index);
      }
      next = end;
    }
    return indexes;
  }

  async #readPrivately(file: SharedFile, { pieces, framing }: Wanted): Promise<Loan> {
    const read = async (piece: Piece): Promise<Uint8Array> => {
      const { whole, chunks } = framing === undefined ? plainBuffer(piece) : frameBuffer(piece, framing);
      await file.handle.read(chunks, piece.position);
      this.#observe('private', 1);
      return whole;
    };
    return { parts: await Promise.all(pieces.map(read)), release: () => {} };
  }

  #hold(file: SharedFile, index: number, segmentBytes: number): Block {
    const there = file.blocks.get(index);
    const block = there ?? this.#read(file, index, segmentBytes);
    block.holders += 1;
    if (there === undefined && block.isRead) this.#release(block);
    this.#pool.wake(block);
    return block;
  }

  /**
   * Reads block `index`, and the next ones with it where the reading goes on from the block before. The read holds them
   * until it is done; a block that comes back read is the caller's to release.
   */
  #read(file: SharedFile, index: number, segmentBytes: number): Block {
    const { size } = file.handle.stat;
    const goesOn = file.blocks.has(index - 1) || file.readers.goOnBehind(index - 1);
    const most = goesOn ? this.#readAhead() : 1;
    let end = index + 1;
    while (end < index + most && end * this.#blockBytes < size && !file.blocks.has(end)) end += 1;
    const blocks: Block[] = [];
    for (let at = index; at < end; at += 1) {
      const position = at * this.#blockBytes;
      const memory = this.#pool.take();
      memory.layOut(Math.min(this.#blockBytes, size - position), segmentBytes);
      // The read itself is a holder: its memory must not be reused under it when everybody else has let go.
      const block: Block = {
        file,
        index: at,
        position,
        memory,
        isRead: false,
        ready: undefined,
        holders: 1,
        framers: 0,
        lentBytes: 0,
      };
      blocks.push(block);
      file.blocks.set(at, block);
    }
    this.#fill(file, blocks, index * this.#blockBytes);
    return blocks[0] as Block;
  }

  /** Reads what lies from `position` on into the blocks; at once where that is possible. */
  #fill(file: SharedFile, blocks: readonly Block[], position: number): void {
    const buffers: Uint8Array[] = [];
    for (const { memory } of blocks) for (const chunk of memory.chunks) buffers.push(chunk);
    file.isQuick = file.handle.readNow?.(buffers, position) === true;
    if (file.isQuick) {
      for (const block of blocks) block.isRead = true;
      for (const block of blocks.slice(1)) this.#release(block);
      this.#observe('block', blocks.length);
      return;
    }
    const ready = file.handle.read(buffers, position).then(
      () => {
        this.#observe('block', blocks.length);
        for (const block of blocks) block.isRead = true;
        for (const block of blocks) this.#release(block);
      },
      (error: unknown) => {
        // who comes later tries again
        for (const block of blocks) file.blocks.delete(block.index);
        for (const block of blocks) this.#release(block);
        throw error;
      },
    );
    ready.catch(() => {}); // told to those who borrow
    for (const block of blocks) block.ready = ready;
  }

  /** Who goes on where another ended will go on: what comes next is on its way before it is asked for. */
  #readOn(file: SharedFile, from: number, segmentBytes: number): void {
    // what is read ahead must still be there when it is wanted
    const blocks = Math.min(this.#aheadBlocks, Math.floor(this.#pool.maxIdle / (2 * Math.max(1, this.#users))));
    const end = Math.min(from + blocks, Math.ceil(file.handle.stat.size / this.#blockBytes));
    for (let index = from; index < end; index += 1) {
      const block = file.blocks.has(index) ? undefined : this.#read(file, index, segmentBytes);
      if (block?.isRead === true) this.#release(block);
    }
  }

  /** Blocks per read, so few that with all present users what was read ahead is still there when it is wanted. */
  #readAhead(): number {
    return Math.max(1, Math.min(READ_AHEAD_BLOCKS, Math.floor(this.#pool.maxIdle / Math.max(1, this.#users))));
  }

  #release(block: Block): void {
    block.holders -= 1;
    if (block.holders > 0) return;
    const { file, index, memory, lentBytes } = block;
    if (file.blocks.get(index) !== block || file.users === 0) return this.#forget(block);
    if (file.isQuick && file.readers.haveHad(lentBytes, memory.length)) {
      file.readers.spend(index);
      return this.#forget(block);
    }
    this.#pool.rest(block);
  }

  #forget(block: Block): void {
    const { file, index, memory } = block;
    this.#pool.wake(block);
    if (file.blocks.get(index) === block) file.blocks.delete(index);
    this.#pool.give(memory);
  }

  #leave(file: SharedFile): void {
    file.users -= 1;
    this.#users -= 1;
    if (file.users > 0) return;
    this.#files.delete(file.name);
    for (const block of [...file.blocks.values()]) if (block.holders === 0) this.#forget(block);
    void file.handle.close();
  }
}

function plainBuffer({ length }: Piece): ReturnType<typeof frameBuffer> {
  const whole = Buffer.allocUnsafeSlow(length);
  return { whole, chunks: [whole] };
}
