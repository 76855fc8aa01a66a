// Sharing of reads: who joins whom, when a buffer is reused, what happens when blocks are scarce or a read fails.
import { describe, expect, it } from 'vitest';
import type { ObjectHandle } from '../../origin/backend.ts';
import { BlockCache } from '../../origin/block-cache.ts';
import type { Loan } from '../../origin/block-loan.ts';
import { HeddleError } from '../../protocol/errors.ts';
import { bytesOf } from './fixture.ts';

const BLOCK = 65_536;
const SIZE = 100 * BLOCK + 10;
const BYTES = bytesOf(SIZE);

/** A handle whose reads are noted, and wait when told to. */
function handleOf(): {
  handle: ObjectHandle;
  reads: [from: number, to: number][];
  state: { closed: number; gate?: Promise<void> };
} {
  const reads: [number, number][] = [];
  const state: { closed: number; gate?: Promise<void> } = { closed: 0 };
  const handle: ObjectHandle = {
    stat: { size: SIZE, modified: 0, version: 'v' },
    async read(buffers, position) {
      let at = position;
      const gate = state.gate;
      for (const buffer of buffers) at += buffer.length;
      reads.push([position, at]);
      await gate;
      at = position;
      for (const buffer of buffers) {
        BYTES.copy(buffer, 0, at, at + buffer.length);
        at += buffer.length;
      }
    },
    close: async () => void (state.closed += 1),
  };
  return { handle, reads, state };
}

const CACHE = { blockBytes: BLOCK, cacheBytes: 64 * BLOCK, idleBytes: 8 * BLOCK };

function bytesIn(loan: Loan): Buffer {
  return Buffer.concat(loan.parts);
}

describe('blocks', () => {
  it('are read once for all who want neighbouring bytes, also while the read is under way', async () => {
    const { handle, reads } = handleOf();
    const cache = new BlockCache(CACHE);
    const file = await cache.open('x', async () => handle);
    const loans = await Promise.all([0, 1_000, 60_000, 65_535].map(async (at) => file.borrow(at, 1)));
    expect(reads).toEqual([[0, BLOCK]]);
    expect(loans.map((loan) => bytesIn(loan)[0])).toEqual([0, 1_000, 60_000, 65_535].map((at) => BYTES[at]));
    expect(file.borrow(5, 10)).not.toBeInstanceOf(Promise);
    expect(cache.heldBytes).toBe(BLOCK);
  });

  it('may be spanned, and end where the object ends', async () => {
    const { handle } = handleOf();
    const cache = new BlockCache(CACHE);
    const file = await cache.open('x', async () => handle);
    const across = await file.borrow(BLOCK - 5, 2 * BLOCK);
    expect(across.parts.length).toBe(3);
    expect(bytesIn(across).equals(BYTES.subarray(BLOCK - 5, 3 * BLOCK - 5))).toBe(true);
    const last = await file.borrow(100 * BLOCK, 10);
    expect(bytesIn(last).equals(BYTES.subarray(100 * BLOCK))).toBe(true);
  });

  it('are read several at once where a read goes on from the one before, and only there', async () => {
    const { handle, reads } = handleOf();
    const cache = new BlockCache(CACHE);
    const file = await cache.open('x', async () => handle);
    for (const index of [10, 11, 12, 13, 14, 15, 40, 20, 99, 100]) (await file.borrow(index * BLOCK, 1)).release();
    expect(reads.map(([from, to]) => [from / BLOCK, to / BLOCK])).toEqual([
      [10, 11],
      [11, 15],
      [15, 19],
      [40, 41],
      [20, 21],
      [99, 100],
      [100, SIZE / BLOCK],
    ]);
  });

  it('keep their bytes as long as somebody refers to them', async () => {
    const { handle } = handleOf();
    const cache = new BlockCache(CACHE);
    const file = await cache.open('x', async () => handle);
    const kept = await file.borrow(3, BLOCK - 3);
    for (let index = 1; index < 100; index += 1) (await file.borrow(index * BLOCK, BLOCK)).release();
    expect(bytesIn(kept).equals(BYTES.subarray(3, BLOCK))).toBe(true);
    expect(cache.heldBytes).toBe(BLOCK);
    expect(cache.allocatedBytes).toBeLessThanOrEqual(16 * BLOCK);
    kept.release();
    kept.release();
    expect(cache.heldBytes).toBe(0);
  });

  it('are replaced by private copies when half of them are held', async () => {
    const { handle, reads } = handleOf();
    const kinds: string[] = [];
    const cache = new BlockCache(CACHE, (kind) => kinds.push(kind));
    const file = await cache.open('x', async () => handle);
    const held = await Promise.all(Array.from({ length: 32 }, async (_, at) => file.borrow(3 * at * BLOCK, 1)));
    expect(cache.heldBytes).toBe(32 * BLOCK);
    // Bytes of a block that is there are copied, others read by themselves.
    const copied = await file.borrow(30, 100);
    expect(cache.heldBytes).toBe(32 * BLOCK);
    held[0]?.release();
    const again = await file.borrow(3 * BLOCK + 5, 5);
    const before = reads.length;
    const more = await Promise.all([BLOCK, 2 * BLOCK, 98 * BLOCK - 3].map(async (at) => file.borrow(at, 9)));
    expect(reads.length).toBeGreaterThan(before);
    expect(bytesIn(copied).equals(BYTES.subarray(30, 130))).toBe(true);
    expect(bytesIn(again).equals(BYTES.subarray(3 * BLOCK + 5, 3 * BLOCK + 10))).toBe(true);
    expect(more.map((loan) => bytesIn(loan)[8])).toEqual([BLOCK, 2 * BLOCK, 98 * BLOCK - 3].map((at) => BYTES[at + 8]));
    expect(kinds).toContain('private');
    expect(cache.allocatedBytes).toBeLessThanOrEqual(CACHE.cacheBytes);
    for (const loan of [...held, copied, again, ...more]) loan.release();
    expect(cache.heldBytes).toBe(0);
  });

  it('never exceed the pool, whatever is borrowed and however long it is kept', async () => {
    const { handle } = handleOf();
    const cache = new BlockCache({ blockBytes: BLOCK, cacheBytes: 64 * BLOCK, idleBytes: 64 * BLOCK });
    const file = await cache.open('x', async () => handle);
    let pick = 1;
    const loans: Loan[] = [];
    for (let round = 0; round < 2_000; round += 1) {
      pick = (pick * 48_271) % 2_147_483_647;
      const position = pick % (SIZE - 16 * BLOCK);
      const length = 1 + (pick % (16 * BLOCK));
      const loan = await file.borrow(position, length);
      if (round % 97 === 0) expect(bytesIn(loan).equals(BYTES.subarray(position, position + length))).toBe(true);
      loans.push(loan);
      if (loans.length > pick % 60) loans.splice(pick % loans.length, 1)[0]?.release();
      expect(cache.allocatedBytes).toBeLessThanOrEqual(64 * BLOCK);
    }
  });
});

describe('a read that fails', () => {
  it('fails for all who joined it and is tried again for who comes later', async () => {
    const { handle, reads } = handleOf();
    let broken = true;
    const cache = new BlockCache(CACHE);
    const read = handle.read.bind(handle);
    const flaky: ObjectHandle = {
      ...handle,
      read: (buffers, position) => (broken ? Promise.reject(new HeddleError('read-failed')) : read(buffers, position)),
    };
    const file = await cache.open('x', async () => flaky);
    const joined = [file.borrow(0, 1), file.borrow(9, 1), file.borrow(0, 2 * BLOCK)];
    for (const loan of joined) await expect(loan).rejects.toMatchObject({ code: 'read-failed' });
    expect(cache.heldBytes).toBe(0);
    broken = false;
    expect(bytesIn(await file.borrow(0, 5)).equals(BYTES.subarray(0, 5))).toBe(true);
    expect(reads.length).toBe(1);
  });
});

describe('a handle that can read at once', () => {
  /** Reads at once while `state.atOnce` holds. */
  function quickHandle() {
    const { handle, reads, state } = handleOf();
    const quick = { atOnce: true };
    const direct: number[] = [];
    const readNow = (buffers: readonly Uint8Array[], position: number): boolean => {
      if (!quick.atOnce) return false;
      let at = position;
      for (const buffer of buffers) {
        BYTES.copy(buffer, 0, at, at + buffer.length);
        at += buffer.length;
      }
      direct.push(position / BLOCK);
      return true;
    };
    return { handle: { ...handle, readNow }, reads, state, quick, direct };
  }

  it('makes nobody wait, and what nobody refers to is free again', async () => {
    const { handle, reads, direct } = quickHandle();
    const cache = new BlockCache({ ...CACHE, aheadBytes: 6 * BLOCK });
    const file = await cache.open('x', async () => handle);
    for (let index = 0; index < 90; index += 1) {
      const loan = file.borrow(index * BLOCK + 7, 100);
      if (loan instanceof Promise) throw new Error('had to wait');
      expect(bytesIn(loan).equals(BYTES.subarray(index * BLOCK + 7, index * BLOCK + 107))).toBe(true);
      expect(cache.heldBytes).toBe(BLOCK);
      loan.release();
      expect(cache.heldBytes).toBe(0);
    }
    expect(reads).toEqual([]);
    expect(direct.length).toBeLessThan(30);
    expect(cache.allocatedBytes).toBeLessThanOrEqual(13 * BLOCK);
  });

  it('has no use for what everybody has had: its memory takes the next read', async () => {
    const { handle, direct } = quickHandle();
    const cache = new BlockCache(CACHE);
    const open = async (reader: string) => cache.open('x', async () => handle, reader);
    const alone = await open('a');
    for (let index = 0; index < 40; index += 1) (await alone.borrow(index * BLOCK, BLOCK)).release();
    expect(cache.allocatedBytes).toBeLessThanOrEqual(5 * BLOCK);
    const reads = direct.length;
    expect(reads).toBeLessThan(15);
    // two channels of one transfer, each with its half of every block
    const sibling = await open('a');
    for (let index = 40; index < 60; index += 1) {
      (await alone.borrow(index * BLOCK, BLOCK / 2)).release();
      (await sibling.borrow(index * BLOCK + BLOCK / 2, BLOCK / 2)).release();
    }
    expect(direct.length - reads).toBeLessThanOrEqual(6);
    expect(cache.allocatedBytes).toBeLessThanOrEqual(5 * BLOCK);
    sibling.close();
  });

  it('keeps what others have not had yet, also where they are somewhat behind', async () => {
    const { handle, direct } = quickHandle();
    const cache = new BlockCache({ ...CACHE, idleBytes: 16 * BLOCK });
    const [ahead, behind] = await Promise.all(['a', 'b'].map((name) => cache.open('x', async () => handle, name)));
    for (let index = 0; index < 50; index += 1) {
      (await ahead?.borrow(index * BLOCK, BLOCK))?.release();
      if (index >= 10) (await behind?.borrow((index - 10) * BLOCK, BLOCK))?.release();
    }
    expect(direct.length).toBeLessThan(25);
    expect(new Set(direct).size).toBe(direct.length);
    expect(cache.allocatedBytes).toBeLessThanOrEqual(17 * BLOCK);
    expect(cache.heldBytes).toBe(0);
  });

  it('is read the other way where it cannot, and nothing stays held', async () => {
    const { handle, reads, quick } = quickHandle();
    const cache = new BlockCache({ ...CACHE, aheadBytes: 6 * BLOCK });
    const file = await cache.open('x', async () => handle);
    for (let index = 0; index < 90; index += 1) {
      quick.atOnce = index % 3 > 0;
      const loan = await file.borrow(index * BLOCK, BLOCK);
      expect(bytesIn(loan).equals(BYTES.subarray(index * BLOCK, (index + 1) * BLOCK))).toBe(true);
      loan.release();
    }
    expect(reads.length).toBeGreaterThan(0);
    file.close();
    await new Promise(setImmediate);
    expect(cache.heldBytes).toBe(0);
  });
});

describe('an open object', () => {
  it('is opened once and closed by the last', async () => {
    const { handle, state } = handleOf();
    const cache = new BlockCache(CACHE);
    let opens = 0;
    const open = async (): Promise<ObjectHandle> => {
      opens += 1;
      return handle;
    };
    const [one, two] = await Promise.all([cache.open('x', open), cache.open('x', open)]);
    expect(opens).toBe(1);
    one.close();
    one.close();
    expect(state.closed).toBe(0);
    two.close();
    expect(state.closed).toBe(1);
    const three = await cache.open('x', open);
    expect(opens).toBe(2);
    three.close();
  });

  it('that cannot be opened can be tried again', async () => {
    const { handle } = handleOf();
    const cache = new BlockCache(CACHE);
    await expect(cache.open('x', () => Promise.reject(new HeddleError('object-changed')))).rejects.toMatchObject({
      code: 'object-changed',
    });
    expect((await cache.open('x', async () => handle)).size).toBe(SIZE);
  });

  it('may be closed under a read; the buffer is reused only when the read is over', async () => {
    const { handle, state } = handleOf();
    const cache = new BlockCache(CACHE);
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    const file = await cache.open('x', async () => handle);
    const reading = Promise.resolve(file.borrow(0, 1));
    file.close();
    expect(cache.heldBytes).toBe(BLOCK);
    gate.resolve();
    (await reading).release();
    expect(cache.heldBytes).toBe(0);
  });
});

describe('reading ahead of who reads in order', () => {
  const AHEAD = { ...CACHE, idleBytes: 64 * BLOCK, aheadBytes: 6 * BLOCK };
  const inBlocks = (reads: readonly [number, number][]): number[][] =>
    reads.map(([from, to]) => [from / BLOCK, Math.ceil(to / BLOCK)]);

  it('begins with the second block in a row, several reads at once, and goes no further than it may', async () => {
    const { handle, reads, state } = handleOf();
    const cache = new BlockCache(AHEAD);
    const file = await cache.open('x', async () => handle);
    (await file.borrow(10 * BLOCK, 1)).release();
    expect(inBlocks(reads)).toEqual([[10, 11]]);
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    const waiting = file.borrow(11 * BLOCK, 1);
    expect(inBlocks(reads)).toEqual([
      [10, 11],
      [11, 15],
      [15, 19],
    ]);
    gate.resolve();
    (await waiting).release();
    for (let index = 12; index <= 18; index += 1) {
      const loan = await file.borrow(index * BLOCK, 1);
      expect(bytesIn(loan)).toEqual(BYTES.subarray(index * BLOCK, index * BLOCK + 1));
      loan.release();
    }
    // nothing was read twice, and nothing is far ahead
    const read = inBlocks(reads).flatMap(([from = 0, to = 0]) =>
      Array.from({ length: to - from }, (_, at) => from + at),
    );
    expect(new Set(read).size).toBe(read.length);
    expect(Math.max(...read)).toBeLessThanOrEqual(18 + 6 + 3);
    expect(cache.allocatedBytes).toBeLessThanOrEqual(AHEAD.cacheBytes);
  });

  it('ends where the object ends, and does nothing for who jumps about', async () => {
    const { handle, reads } = handleOf();
    const cache = new BlockCache(AHEAD);
    const file = await cache.open('x', async () => handle);
    for (const index of [98, 99, 100, 5, 50, 7]) (await file.borrow(index * BLOCK, 1)).release();
    expect(inBlocks(reads)).toEqual([
      [98, 99],
      [99, 101],
      [5, 6],
      [50, 51],
      [7, 8],
    ]);
  });

  it('that fails is tried again by who wants the block', async () => {
    const { handle, reads } = handleOf();
    let fails = false;
    const shaky: ObjectHandle = {
      ...handle,
      read: async (buffers, position) => {
        if (fails) throw new HeddleError('read-failed');
        return handle.read(buffers, position);
      },
    };
    const cache = new BlockCache(AHEAD);
    const file = await cache.open('x', async () => shaky);
    (await file.borrow(0, 1)).release();
    (await file.borrow(BLOCK, 1)).release();
    fails = true;
    (await file.borrow(2 * BLOCK, 1)).release();
    fails = false;
    const before = reads.length;
    for (let index = 3; index < 12; index += 1) (await file.borrow(index * BLOCK, 1)).release();
    expect(reads.length).toBeGreaterThan(before);
    expect(bytesIn(await file.borrow(11 * BLOCK, 5))).toEqual(BYTES.subarray(11 * BLOCK, 11 * BLOCK + 5));
  });

  it('is shared out among many readers', async () => {
    const { handle, reads } = handleOf();
    const cache = new BlockCache(AHEAD);
    const files = await Promise.all(Array.from({ length: 16 }, () => cache.open('x', async () => handle)));
    (await files[0]?.borrow(10 * BLOCK, 1))?.release();
    (await files[0]?.borrow(11 * BLOCK, 1))?.release();
    expect(inBlocks(reads)).toEqual([
      [10, 11],
      [11, 12],
    ]);
  });
});
