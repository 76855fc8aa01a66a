// The thread that hashes leaves and owns the hash index, so that serving goes on while objects are hashed. Every call
// is short (one chunk, one page), so calls for serving and for hashing take turns. Started by index-thread.ts only.
import { rmSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { HeddleError } from '../protocol/errors.ts';
import { HASH_BYTES, LEAF_BYTES } from '../protocol/limits.ts';
import { hashLeaf, leafCountOf } from '../protocol/merkle.ts';
import { IndexStore } from './index-store.ts';
import { sha256 } from './sha256.ts';

/** What a thread can be asked; the answer of `hashLeaves` gives its buffer back. */
export type IndexCalls = {
  open(file: string, now: number): void;
  hashLeaves(buffer: ArrayBuffer, length: number): { readonly buffer: ArrayBuffer; readonly leaves: Uint8Array };
  /** Hashes and stores an object whose bytes are all here. */
  addObject(place: string, version: string, bytes: Uint8Array, now: number): Uint8Array;
} & Pick<
  IndexStore,
  'find' | 'begin' | 'append' | 'finish' | 'abandon' | 'page' | 'roots' | 'places' | 'forget' | 'close'
>;

/** A call on its way into the thread. */
export type IndexMessage = { readonly id: number; readonly name: keyof IndexCalls; readonly args: readonly unknown[] };

/** The answer: a result, or the code and text of an error. */
export type IndexAnswer = {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { code: string; text: string };
};

function serve(port: NonNullable<typeof parentPort>): void {
  let store: IndexStore | undefined;
  port.on('message', ({ id, name, args }: IndexMessage) => {
    try {
      if (name === 'open') {
        store = openStore(args[0] as string, args[1] as number);
        port.postMessage({ id } satisfies IndexAnswer);
      } else if (name === 'hashLeaves') {
        const buffer = args[0] as ArrayBuffer;
        const leaves = hashLeaves(new Uint8Array(buffer, 0, args[1] as number));
        port.postMessage({ id, result: { buffer, leaves } } satisfies IndexAnswer, [buffer, leaves.buffer]);
      } else {
        if (store === undefined) throw new HeddleError('internal', 'the hash index is not open');
        if (name === 'addObject') {
          const [place, version, bytes, now] = args as Parameters<IndexCalls['addObject']>;
          const root = store.add(place, version, bytes.length, hashLeaves(bytes), now);
          port.postMessage({ id, result: root } satisfies IndexAnswer);
          return;
        }
        const call = store[name] as (...args: readonly unknown[]) => unknown;
        port.postMessage({ id, result: Reflect.apply(call, store, args) } satisfies IndexAnswer);
      }
    } catch (error) {
      const code = error instanceof HeddleError ? error.code : 'internal';
      const text = error instanceof Error ? error.message : String(error);
      port.postMessage({ id, error: { code, text } } satisfies IndexAnswer);
    }
  });
}

function hashLeaves(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const leaves = new Uint8Array(leafCountOf(bytes.length) * HASH_BYTES);
  for (let leaf = 0, at = 0; at < bytes.length; leaf += 1, at += LEAF_BYTES) {
    leaves.set(hashLeaf(bytes.subarray(at, at + LEAF_BYTES), sha256), leaf * HASH_BYTES);
  }
  return leaves;
}

/** SQLite's words for a file that is damaged or something else. */
const SQLITE_DAMAGED: ReadonlySet<unknown> = new Set([11, 26]);

function openStore(file: string, now: number): IndexStore {
  try {
    return new IndexStore(file, now);
  } catch (error) {
    if (!SQLITE_DAMAGED.has((error as { errcode?: unknown }).errcode)) throw error;
    // What it held can be computed again.
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    return new IndexStore(file, now);
  }
}

if (parentPort !== null) serve(parentPort);
