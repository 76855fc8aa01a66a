// Positioned reads of open objects into pooled buffers, shared by everybody who wants neighbouring bytes: one aligned
// block is read once, however many channels wait for it, and its buffer is reused when nobody refers to it any more.
// Invariants: the pool never exceeds `cacheBytes`; nobody ever waits for a buffer. When stopped readers hold half of
// the pool, further loans are private copies of just the bytes asked for, so they can neither starve the others nor
// pin a whole block for one segment.
import type { ObjectHandle } from './backend.ts';
import type { OriginTuning } from './options.ts';

/** Blocks of one read that goes on where another ended: fewer trips through the thread pool. */
const READ_AHEAD_BLOCKS = 4;

/** Bytes on loan: to be written from where they lie, then released once. */
export type Loan = { readonly parts: readonly Uint8Array[]; release(): void };

/** Some bytes of an object. */
export type Piece = { readonly position: number; readonly length: number };

/** An object opened by some channels or responses; the last one to close it closes the handle. */
export type OpenObject = {
  readonly size: number;
  /** What lies in one block is read together. */
  readonly blockBytes: number;
  /** `length` bytes from `position` on; at once when they are in the pool. Rejects as ObjectHandle.read does. */
  borrow(position: number, length: number): Loan | Promise<Loan>;
  /** The same for several pieces that lie in one block, ascending: a part of the loan is one of them. */
  borrowPieces(pieces: readonly Piece[]): Loan | Promise<Loan>;
  close(): void;
};

const NOTHING: Piece = { position: 0, length: 0 };

/** Told about each read. */
export type ReadObserver = (kind: 'block' | 'private', bytes: number) => void;

type Block = {
  readonly file: SharedFile;
  readonly index: number;
  /** A pooled buffer as far as the object fills it. */
  readonly bytes: Buffer<ArrayBuffer>;
  isRead: boolean;
  readonly ready: Promise<void>;
  holders: number;
};

type SharedFile = {
  readonly name: string;
  readonly handle: ObjectHandle;
  readonly blocks: Map<number, Block>;
  users: number;
  /** The last read was done at once: what is read ahead of its use only leaves the processor's cache again. */
  isQuick: boolean;
};

/** The pool of blocks of one origin. */
export class BlockCache {
  readonly #blockBytes: number;
  readonly #maxBlocks: number;
  readonly #maxIdle: number;
  readonly #aheadBlocks: number;
  readonly #observe: ReadObserver;
  readonly #files = new Map<string, Promise<SharedFile>>();
  readonly #free: ArrayBuffer[] = [];
  /** Blocks that nobody refers to, the oldest first. */
  readonly #idle = new Set<Block>();
  #allocated = 0;
  #users = 0;

  /** `aheadBytes`: what is read before somebody who reads in order asks for it, where a read takes long. */
  constructor(
    tuning: Pick<OriginTuning, 'blockBytes' | 'cacheBytes' | 'idleBytes'> & { readonly aheadBytes?: number },
    observe: ReadObserver = () => {},
  ) {
    this.#blockBytes = tuning.blockBytes;
    this.#maxBlocks = Math.floor(tuning.cacheBytes / tuning.blockBytes);
    this.#maxIdle = Math.floor(Math.min(tuning.idleBytes, tuning.cacheBytes / 4) / tuning.blockBytes);
    this.#aheadBlocks = Math.floor((tuning.aheadBytes ?? 0) / tuning.blockBytes);
    this.#observe = observe;
  }

  /** Bytes of the buffers that exist. */
  get allocatedBytes(): number {
    return this.#allocated * this.#blockBytes;
  }

  /** Bytes of the blocks that somebody refers to or that are being read. */
  get heldBytes(): number {
    return (this.#allocated - this.#free.length - this.#idle.size) * this.#blockBytes;
  }

  /** Opens the object called `name` by `open`, or joins those who have it open. */
  async open(name: string, open: () => Promise<ObjectHandle>): Promise<OpenObject> {
    let opening = this.#files.get(name);
    if (opening === undefined) {
      opening = open().then((handle) => ({ name, handle, blocks: new Map(), users: 0, isQuick: false }));
      this.#files.set(name, opening);
      opening.catch(() => this.#files.delete(name));
    }
    const file = await opening;
    // Everybody else may have closed it while this one waited.
    if (this.#files.get(name) !== opening) return this.open(name, open);
    file.users += 1;
    this.#users += 1;
    return {
      size: file.handle.stat.size,
      blockBytes: this.#blockBytes,
      borrow: (position, length) => this.#borrow(file, [{ position, length }]),
      borrowPieces: (pieces) => this.#borrow(file, pieces),
      close: once(() => this.#leave(file)),
    };
  }

  #borrow(file: SharedFile, pieces: readonly Piece[]): Loan | Promise<Loan> {
    const first = Math.floor((pieces[0]?.position ?? 0) / this.#blockBytes);
    const { position, length } = pieces.at(-1) ?? NOTHING;
    const last = Math.floor((position + length - 1) / this.#blockBytes);
    const scarce = this.heldBytes * 2 >= this.#maxBlocks * this.#blockBytes;
    const blocks: Block[] = [];
    for (let index = first; index <= last; index += 1) {
      if (scarce && !file.blocks.has(index)) return this.#readPrivately(file, pieces);
    }
    for (let index = first; index <= last; index += 1) blocks.push(this.#hold(file, index));
    if (!scarce && !file.isQuick && file.blocks.has(first - 1)) this.#readOn(file, last + 1);
    const lend = (): Loan => {
      const loan = this.#lend(blocks, pieces);
      return scarce ? copyOf(loan) : loan;
    };
    const missing = blocks.filter((block) => !block.isRead);
    if (missing.length === 0) return lend();
    const [only] = missing;
    const ready =
      only !== undefined && missing.length === 1 ? only.ready : Promise.all(missing.map((block) => block.ready));
    return ready.then(lend, (error: unknown) => {
      for (const block of blocks) this.#release(block);
      throw error;
    });
  }

  #lend(blocks: readonly Block[], pieces: readonly Piece[]): Loan {
    const parts: Uint8Array[] = [];
    for (const { position, length } of pieces) {
      for (const { index, bytes } of blocks) {
        const start = index * this.#blockBytes;
        parts.push(
          bytes.subarray(Math.max(0, position - start), Math.min(this.#blockBytes, position + length - start)),
        );
      }
    }
    return { parts, release: once(() => blocks.forEach((block) => this.#release(block))) };
  }

  async #readPrivately(file: SharedFile, pieces: readonly Piece[]): Promise<Loan> {
    const read = async ({ position, length }: Piece): Promise<Uint8Array> => {
      const bytes = Buffer.allocUnsafeSlow(length);
      await file.handle.read([bytes], position);
      this.#observe('private', length);
      return bytes;
    };
    return { parts: await Promise.all(pieces.map(read)), release: () => {} };
  }

  #hold(file: SharedFile, index: number): Block {
    const there = file.blocks.get(index);
    const block = there ?? this.#read(file, index);
    block.holders += 1;
    if (there === undefined && block.isRead) this.#release(block);
    this.#idle.delete(block);
    return block;
  }

  /**
   * Reads block `index`, and the next ones with it where the reading goes on from the block before. The read holds them
   * until it is done; a block that comes back read is the caller's to release.
   */
  #read(file: SharedFile, index: number): Block {
    const { size } = file.handle.stat;
    const most = file.blocks.has(index - 1) ? this.#readAhead() : 1;
    let end = index + 1;
    while (end < index + most && end * this.#blockBytes < size && !file.blocks.has(end)) end += 1;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const blocks: Block[] = [];
    for (let at = index; at < end; at += 1) {
      const bytes = this.#takeBuffer().subarray(0, Math.min(this.#blockBytes, size - at * this.#blockBytes));
      // The read itself is a holder: its buffer must not be reused under it when everybody else has let go.
      const block: Block = { file, index: at, bytes, isRead: false, ready: promise, holders: 1 };
      blocks.push(block);
      file.blocks.set(at, block);
    }
    const buffers = blocks.map((block) => block.bytes);
    file.isQuick = file.handle.readNow?.(buffers, index * this.#blockBytes) === true;
    if (file.isQuick) {
      resolve();
      for (const block of blocks.slice(1)) this.#readDone(block, true);
      const [first] = blocks as [Block];
      first.isRead = true;
      this.#observe('block', first.bytes.length);
      return first;
    }
    file.handle.read(buffers, index * this.#blockBytes).then(
      () => {
        for (const block of blocks) this.#readDone(block, true);
        resolve();
      },
      (error: unknown) => {
        for (const block of blocks) this.#readDone(block, false);
        reject(error);
      },
    );
    promise.catch(() => {}); // told to those who borrow
    return blocks[0] as Block;
  }

  /** Who goes on where another ended will go on: what comes next is on its way before it is asked for. */
  #readOn(file: SharedFile, from: number): void {
    // what is read ahead must still be there when it is wanted
    const blocks = Math.min(this.#aheadBlocks, Math.floor(this.#maxIdle / (2 * Math.max(1, this.#users))));
    const end = Math.min(from + blocks, Math.ceil(file.handle.stat.size / this.#blockBytes));
    for (let index = from; index < end; index += 1) {
      const block = file.blocks.has(index) ? undefined : this.#read(file, index);
      if (block?.isRead === true) this.#release(block);
    }
  }

  /** Blocks per read, so few that with all present users what was read ahead is still there when it is wanted. */
  #readAhead(): number {
    return Math.max(1, Math.min(READ_AHEAD_BLOCKS, Math.floor(this.#maxIdle / Math.max(1, this.#users))));
  }

  #readDone(block: Block, isRead: boolean): void {
    block.isRead = isRead;
    if (isRead) this.#observe('block', block.bytes.length);
    else block.file.blocks.delete(block.index); // who comes later tries again
    this.#release(block);
  }

  #release(block: Block): void {
    block.holders -= 1;
    if (block.holders > 0) return;
    if (block.file.blocks.get(block.index) !== block || block.file.users === 0) return this.#forget(block);
    this.#idle.add(block);
    const [oldest] = this.#idle;
    if (oldest !== undefined && this.#idle.size > this.#maxIdle) this.#forget(oldest);
  }

  #forget(block: Block): void {
    this.#idle.delete(block);
    if (block.file.blocks.get(block.index) === block) block.file.blocks.delete(block.index);
    this.#free.push(block.bytes.buffer);
  }

  #takeBuffer(): Buffer<ArrayBuffer> {
    const free = this.#free.pop();
    if (free !== undefined) return Buffer.from(free);
    this.#allocated += 1;
    return Buffer.allocUnsafeSlow(this.#blockBytes);
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

function once(action: () => void): () => void {
  let left = 1;
  return () => {
    if (left > 0) action();
    left = 0;
  };
}

function copyOf(loan: Loan): Loan {
  const parts = loan.parts.map((part) => Buffer.from(part));
  loan.release();
  return { parts, release: () => {} };
}
