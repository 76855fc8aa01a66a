// The hash index as the rest of the origin sees it: find a root, take a page of nodes, add a tree. Owns its threads:
// the first one also owns the database, further ones only hash.
import type { ProofPage } from '../protocol/frames.ts';
import { IndexThread } from './index-thread.ts';

/** Name of the database in the state folder. */
export const INDEX_FILE = 'index.sqlite';

/** One version of one object, as the index knows it. */
export type IndexedVersion = { readonly place: string; readonly version: string };

/** The trees of the objects of this origin, kept over restarts when there is a file. */
export class HashIndex {
  readonly #store: IndexThread;
  readonly #threads: readonly IndexThread[];

  private constructor(threads: readonly [IndexThread, ...IndexThread[]]) {
    this.#store = threads[0];
    this.#threads = threads;
  }

  /** Opens `file`, or an index in memory when it is undefined. */
  static async open(file: string | undefined, threads: number): Promise<HashIndex> {
    const more = Array.from({ length: threads - 1 }, () => new IndexThread());
    const index = new HashIndex([new IndexThread(), ...more]);
    try {
      await index.#store.call('open', [file ?? ':memory:', Date.now()]);
      return index;
    } catch (error) {
      await index[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The root of this version, if it is indexed. */
  find({ place, version }: IndexedVersion): Promise<Uint8Array | undefined> {
    return this.#store.call('find', [place, version]);
  }

  /** The roots of those that are indexed, in the order asked. */
  roots(wanted: readonly IndexedVersion[]): Promise<(Uint8Array | undefined)[]> {
    return this.#store.call('roots', [wanted.map(({ place, version }) => [place, version] as const)]);
  }

  /** A page that proves itself; see IndexStore.page for the errors. */
  page({ place, version }: IndexedVersion, level: number, first: number, span: number): Promise<ProofPage> {
    return this.#store.call('page', [place, version, level, first, span]);
  }

  /** Hashes and stores an object in one step; `bytes` moves to the thread. */
  add({ place, version }: IndexedVersion, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    return this.#store.call('addObject', [place, version, bytes, Date.now()], [bytes.buffer]);
  }

  /** Begins a tree; its leaves follow in order by `append`, then `finish` or `abandon`. */
  begin({ place, version }: IndexedVersion, size: number): Promise<number> {
    return this.#store.call('begin', [place, version, size, Date.now()]);
  }

  append(tree: number, leaves: Uint8Array): Promise<void> {
    return this.#store.call('append', [tree, leaves]);
  }

  finish(tree: number): Promise<Uint8Array> {
    return this.#store.call('finish', [tree]);
  }

  abandon(tree: number): Promise<void> {
    return this.#store.call('abandon', [tree]);
  }

  /** The leaf hashes of the first `length` bytes of `buffer`, which moves to a thread and comes back. */
  hashLeaves(buffer: ArrayBuffer, length: number): Promise<{ buffer: ArrayBuffer; leaves: Uint8Array }> {
    const free = this.#threads.reduce((best, thread) => (thread.busy < best.busy ? thread : best), this.#store);
    return free.call('hashLeaves', [buffer, length], [buffer]);
  }

  /** The next `limit` places, at most, that begin with `prefix` and come after `after`: ascending, by UTF-8 bytes. */
  places(prefix: string, after: string, limit: number): Promise<string[]> {
    return this.#store.call('places', [prefix, after, limit]);
  }

  forget(places: readonly string[]): Promise<void> {
    return this.#store.call('forget', [places]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.call('close', []).catch(() => {});
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()));
  }
}
