// What every backend must do, whatever place its objects lie at: one suite, run by backends.test.ts over folders, web
// servers and object stores.
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../origin/backend.ts';
import { bytesOf } from './fixture.ts';

/** A place of a test's own, and the backend over it. */
export type Place = AsyncDisposable & {
  readonly backend: Backend;
  /** Writes an object as if it had been there since `age` seconds. */
  put(key: string, bytes: Uint8Array | string, age?: number): Promise<void>;
  remove(key: string): Promise<void>;
};

/** What a place can hold. */
export type Traits = {
  /** Size of the largest object that the suite makes. */
  readonly largest?: number;
  /** Why this place cannot be tested here. */
  readonly missing?: string | undefined;
  /** Objects of any name can be put there, also such as may not be served. */
  readonly anyName?: boolean;
  /** It lists in an order of its own: s3rver does, no store that people use. */
  readonly unordered?: boolean;
};

const ODD_KEYS = ["it's (odd)!*", 'a b+c%20d', 'ümläut/名前', 'q?x=1&y=#z', 'smile/😀', 'semi;colon,comma@at:colon=$'];

/** Runs the suite. */
export function describeBackend(name: string, open: () => Promise<Place>, traits: Traits = {}): void {
  const { largest = 3_000_000, missing, anyName = true, unordered = false } = traits;
  const keysIn = async (...asked: Parameters<typeof keysOf>): Promise<string[]> => {
    const keys = await keysOf(...asked);
    return unordered ? keys.toSorted() : keys;
  };
  describe.skipIf(missing !== undefined)(`${name}${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
    test('lists what may be served, in order, from anywhere on', async () => {
      await using place = await open();
      const keys = ['a-b', 'a.b', 'a/b', 'a/b-c/d', 'a/c', 'b'];
      for (const key of keys.toReversed()) await place.put(key, key);
      if (anyName) for (const key of ['.hidden', 'x/.git/config', 'back\\slash']) await place.put(key, 'no');
      const { backend } = place;
      expect(await keysIn(backend)).toEqual(keys);
      expect(await keysIn(backend, 'a/')).toEqual(['a/b', 'a/b-c/d', 'a/c']);
      expect(await keysIn(backend, 'nothing')).toEqual([]);
      for (const [at, key] of keys.entries()) expect(await keysIn(backend, '', key)).toEqual(keys.slice(at + 1));
      expect(await keysIn(backend, 'a/', 'a/b-c')).toEqual(['a/b-c/d', 'a/c']);
      for await (const { key, stat } of backend.list({ prefix: '', after: '' })) {
        expect(stat, key).toEqual(await backend.stat(key));
      }
    });

    test('knows nothing of what is not there, or must not be served', async () => {
      await using place = await open();
      await place.put('there', 'x');
      if (anyName) for (const key of ['.hidden', 'x/.git/config']) await place.put(key, 'no');
      const { backend } = place;
      for (const key of ['none', 'there/deeper', '', '.', '..', '../there', 'a/../there', '/there', 'there/']) {
        expect(await backend.stat(key), key).toBeUndefined();
        await expect(backend.open(key, ''), key).rejects.toMatchObject({ code: 'object-not-found' });
      }
      for (const key of ['.hidden', 'x/.git/config']) expect(await backend.stat(key), key).toBeUndefined();
    });

    test('takes keys as they are', async () => {
      await using place = await open();
      for (const key of ODD_KEYS) await place.put(key, `bytes of ${key}`);
      for (const key of ODD_KEYS) expect(String(await readAll(place.backend, key))).toBe(`bytes of ${key}`);
      expect((await keysOf(place.backend)).toSorted()).toEqual(ODD_KEYS.toSorted());
    });

    test('reads any run of bytes into any buffers', async () => {
      await using place = await open();
      const bytes = bytesOf(largest);
      await place.put('file', bytes);
      const stat = await place.backend.stat('file');
      expect(stat).toMatchObject({ size: largest });
      const handle = await place.backend.open('file', stat?.version ?? '');
      expect(handle.stat).toEqual(stat);
      const runs: [position: number, ...lengths: number[]][] = [
        [0, 1],
        [largest - 1, 1],
        [0, largest],
        [1, 7, 0, 65_536, 3],
        [65_535, 2],
        [largest - 70_001, 1, 70_000],
        [333_333, 100_000, 100_000, 99_999],
      ];
      for (const [position, ...lengths] of runs) {
        const buffers = lengths.map((length) => Buffer.alloc(length));
        await handle.read(buffers, position);
        const length = lengths.reduce((sum, each) => sum + each, 0);
        expect(Buffer.concat(buffers).equals(bytes.subarray(position, position + length)), `${position}`).toBe(true);
      }
      await handle.close();
    });

    test('knows an empty object', async () => {
      await using place = await open();
      await place.put('empty', '');
      expect(await place.backend.stat('empty')).toMatchObject({ size: 0 });
      expect(await readAll(place.backend, 'empty')).toEqual(Buffer.alloc(0));
    });

    test('reads many runs at once', async () => {
      await using place = await open();
      const bytes = bytesOf(largest);
      await place.put('file', bytes);
      const handle = await place.backend.open('file', (await place.backend.stat('file'))?.version ?? '');
      const reads = Array.from({ length: 40 }, async (_, at) => {
        const position = Math.floor((at * largest) / 41) + at;
        const buffers = [Buffer.alloc(1_000 + at), Buffer.alloc(9_000)];
        await handle.read(buffers, position);
        const read = Buffer.concat(buffers);
        return read.equals(bytes.subarray(position, position + read.length));
      });
      expect(await Promise.all(reads)).toEqual(reads.map(() => true));
      await handle.close();
    });

    test('stops reading when told to', async () => {
      await using place = await open();
      await place.put('file', bytesOf(largest));
      const handle = await place.backend.open('file', (await place.backend.stat('file'))?.version ?? '');
      const reason = new Error('enough');
      await expect(handle.read([Buffer.alloc(9)], 0, AbortSignal.abort(reason))).rejects.toBe(reason);
      const stopping = new AbortController();
      const buffer = Buffer.alloc(largest);
      const reading = handle.read([buffer], 0, stopping.signal);
      stopping.abort(reason);
      await expect(reading).rejects.toBe(reason);
      const left = Buffer.from(buffer);
      await handle.read([Buffer.alloc(largest)], 0);
      expect(buffer.equals(left)).toBe(true);
      await handle.close();
      await expect(handle.read([buffer], 0)).rejects.toMatchObject({ code: 'internal' });
    });

    test('never gives one version for another', async () => {
      await using place = await open();
      const { backend } = place;
      await place.put('file', bytesOf(100_000), 3_000);
      const before = await backend.stat('file');
      const handle = await backend.open('file', before?.version ?? '');
      const bytes = Buffer.alloc(1_000);
      await handle.read([bytes], 50_000);
      expect(bytes).toEqual(bytesOf(100_000).subarray(50_000, 51_000));
      await place.put('file', bytesOf(100_000, 'b'), 2_000);
      await expect(handle.read([Buffer.alloc(100_000)], 0)).rejects.toMatchObject({ code: 'object-changed' });
      await handle.close();
      const after = await backend.stat('file');
      expect(after?.version).not.toBe(before?.version);
      await expect(backend.open('file', before?.version ?? '')).rejects.toMatchObject({ code: 'object-changed' });
      expect((await readAll(backend, 'file')).equals(bytesOf(100_000, 'b'))).toBe(true);
      expect((await backend.stat('file'))?.version).toBe(after?.version);
    });

    test('reads what is gone as it was, or not at all', async () => {
      await using place = await open();
      await place.put('file', bytesOf(1_000));
      const handle = await place.backend.open('file', (await place.backend.stat('file'))?.version ?? '');
      await place.remove('file');
      const bytes = Buffer.alloc(1_000);
      const outcome = await handle.read([bytes], 0).catch((error: { code?: unknown }) => error.code);
      expect(outcome === 'object-changed' || bytes.equals(bytesOf(1_000))).toBe(true);
      await handle.close();
      expect(await place.backend.stat('file')).toBeUndefined();
    });
  });
}

/** The keys that a backend lists. */
export async function keysOf(backend: Backend, prefix = '', after = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of backend.list({ prefix, after })) keys.push(key);
  return keys;
}

/** All bytes of an object. */
export async function readAll(backend: Backend, key: string): Promise<Buffer> {
  const stat = await backend.stat(key);
  const handle = await backend.open(key, stat?.version ?? '');
  try {
    const bytes = Buffer.alloc(handle.stat.size);
    if (bytes.length > 0) await handle.read([bytes.subarray(0, 3), bytes.subarray(3)], 0);
    return bytes;
  } finally {
    await handle.close();
  }
}
