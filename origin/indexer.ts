// Hashing of objects that have no tree yet: who goes first, how many at once, and the reading that feeds the threads.
// What a tree looks like and where it is kept is the hash index's business.
// Invariant: a tree is completed only if the object stayed the same from the first byte read to the last.
import { setTimeout as sleep } from 'node:timers/promises';
import { HeddleError } from '../protocol/errors.ts';
import type { Backend, ObjectEntry, ObjectHandle } from './backend.ts';
import type { HashIndex, IndexedVersion } from './hash-index.ts';
import type { OriginTuning } from './options.ts';

/** Chunks of one object being hashed at a time, besides those being read. */
const CHUNKS_HASHED = 2;

/** Told once per object. */
export type IndexObserver = { hashed(bytes: number, seconds: number): void; failed(): void };

type Job = {
  readonly entry: ObjectEntry;
  readonly result: PromiseWithResolvers<Uint8Array>;
  urgent: boolean;
};

/** The name of an object in the hash index. */
export function placeOf(backend: Backend, key: string): string {
  return `${backend.identity}/${key}`;
}

/** Hashes objects, the asked-for ones first. */
export class Indexer {
  readonly #backend: Backend;
  readonly #index: HashIndex;
  readonly #tuning: OriginTuning;
  readonly #observe: IndexObserver;
  readonly #jobs = new Map<string, Job>();
  readonly #closing = new AbortController();
  #waiting: Job[] = [];
  readonly #running = new Set<Promise<void>>();
  #runningBackground = 0;

  constructor(backend: Backend, index: HashIndex, tuning: OriginTuning, observe: IndexObserver) {
    this.#backend = backend;
    this.#index = index;
    this.#tuning = tuning;
    this.#observe = observe;
  }

  /** Objects that wait to be hashed. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Objects that are being hashed. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Hashes an object and returns its root; joins the work when it is under way. `urgent`: before all that is not.
   * Throws what the backend throws, `object-changed` above all.
   */
  index(entry: ObjectEntry, urgent: boolean): Promise<Uint8Array> {
    if (this.#closing.signal.aborted) return Promise.reject(new HeddleError('draining'));
    const name = `${entry.key}\0${entry.stat.version}`;
    let job = this.#jobs.get(name);
    if (job === undefined) {
      job = { entry, urgent, result: Promise.withResolvers() };
      this.#jobs.set(name, job);
      this.#waiting.push(job);
      job.result.promise.catch(() => {}).finally(() => this.#jobs.delete(name));
    }
    job.urgent ||= urgent;
    this.#startJobs();
    return job.result.promise;
  }

  /** Gives up what is under way and waits for it to stop. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const job of this.#waiting) job.result.reject(new HeddleError('draining'));
    this.#waiting = [];
    await Promise.all(this.#running);
  }

  /** One place is kept free of background work, so that what is asked for starts at once. */
  #startJobs(): void {
    while (this.#running.size < this.#tuning.indexJobs) {
      let place = this.#waiting.findIndex((job) => job.urgent);
      const room = this.#runningBackground < Math.max(1, this.#tuning.indexJobs - 1);
      if (place < 0 && room && this.#waiting.length > 0) place = 0;
      const job = this.#waiting[place];
      if (job === undefined) return;
      this.#waiting.splice(place, 1);
      this.#start(job);
    }
  }

  #start(job: Job): void {
    const background = !job.urgent;
    if (background) this.#runningBackground += 1;
    const run = this.#hash(job.entry)
      .then(job.result.resolve, (error: unknown) => {
        if (!this.#closing.signal.aborted) this.#observe.failed();
        job.result.reject(error);
      })
      .finally(() => {
        this.#running.delete(run);
        if (background) this.#runningBackground -= 1;
        this.#startJobs();
      });
    this.#running.add(run);
  }

  async #hash({ key, stat }: ObjectEntry): Promise<Uint8Array> {
    const begun = performance.now();
    await this.#settle(stat.modified);
    const handle = await this.#backend.open(key, stat.version);
    try {
      const root = await this.#treeOf({ place: placeOf(this.#backend, key), version: stat.version }, handle);
      this.#observe.hashed(stat.size, (performance.now() - begun) / 1_000);
      return root;
    } finally {
      await handle.close();
    }
  }

  async #treeOf(version: IndexedVersion, handle: ObjectHandle): Promise<Uint8Array> {
    const { size } = handle.stat;
    if (size <= this.#tuning.hashReadBytes) {
      const bytes = new Uint8Array(size);
      if (size > 0) await handle.read([bytes], 0, this.#closing.signal);
      return this.#index.add(version, bytes);
    }
    const tree = await this.#index.begin(version, size);
    try {
      await this.#feed(tree, handle);
      return await this.#index.finish(tree);
    } catch (error) {
      await this.#index.abandon(tree).catch(() => {});
      throw error;
    }
  }

  /** A file written within the present tick of the file system's clock could change once more and look the same. */
  async #settle(modified: number): Promise<void> {
    const age = Date.now() - modified;
    if (age >= 0 && age < this.#tuning.settleMs) await sleep(this.#tuning.settleMs - age);
  }

  /** Reads, hashes where there is room, appends in order. A server is asked for several chunks at a time. */
  async #feed(tree: number, handle: ObjectHandle): Promise<void> {
    const { size } = handle.stat;
    const chunkBytes = this.#tuning.hashReadBytes;
    const reads = this.#backend.isRemote ? this.#tuning.backendReadsAhead : 1;
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, failed.signal]);
    const buffers: ArrayBuffer[] = [];
    const chunks: Promise<{ buffer: ArrayBuffer; leaves: Uint8Array }>[] = [];
    const take = async (): Promise<void> => {
      const { buffer, leaves } = await (chunks.shift() as (typeof chunks)[0]);
      buffers.push(buffer);
      await this.#index.append(tree, leaves);
    };
    const chunkAt = async (position: number): ReturnType<HashIndex['hashLeaves']> => {
      const length = Math.min(chunkBytes, size - position);
      const buffer = buffers.pop() ?? new ArrayBuffer(chunkBytes);
      await handle.read([new Uint8Array(buffer, 0, length)], position, signal);
      return this.#index.hashLeaves(buffer, length);
    };
    try {
      for (let position = 0; position < size; position += chunkBytes) {
        this.#closing.signal.throwIfAborted();
        if (chunks.length === reads + CHUNKS_HASHED) await take();
        const chunk = chunkAt(position);
        chunk.catch(() => {});
        chunks.push(chunk);
      }
      while (chunks.length > 0) await take();
    } finally {
      failed.abort();
      await Promise.allSettled(chunks);
    }
  }
}
