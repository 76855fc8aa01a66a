// The objects of an origin as others see them: key → root, ETag, signed manifest. Asks the place which version a key
// has at every lookup (one stat), so a changed file is a new object at once; has it hashed when it is not yet.
// Invariant: what is published belongs to one version; nothing mixes two.
import { setTimeout as sleep } from 'node:timers/promises';
import { HeddleError } from '../protocol/errors.ts';
import { manifestOf } from '../protocol/manifest.ts';
import type { Manifest } from '../protocol/manifest.ts';
import type { Backend, ObjectEntry, ObjectStat } from './backend.ts';
import { contentTypeOf } from './content-type.ts';
import type { HashIndex } from './hash-index.ts';
import { placeOf } from './indexer.ts';
import type { Indexer } from './indexer.ts';
import type { OriginTuning } from './options.ts';
import type { ManifestSigner } from './signing.ts';

/** One version of an object, ready to be served. */
export type PublishedObject = {
  readonly key: string;
  /** Names this version in the hash index and among the open files. */
  readonly place: string;
  readonly version: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  readonly root: Uint8Array;
  readonly manifest: Manifest;
  /** The manifest as a compact JWS. */
  readonly signed: string;
};

/** One line of the object list; `root` is missing while the object is not indexed. */
export type ListedObject = { readonly key: string; readonly stat: ObjectStat; readonly root: Uint8Array | undefined };

/** What a catalog works on. */
export type CatalogParts = {
  readonly backend: Backend;
  readonly index: HashIndex;
  readonly indexer: Indexer;
  readonly signer: ManifestSigner;
  readonly tuning: OriginTuning;
};

/** Objects by key. */
export class Catalog {
  readonly #parts: CatalogParts;
  /** The latest published last. */
  readonly #published = new Map<string, Promise<PublishedObject>>();

  constructor(parts: CatalogParts) {
    this.#parts = parts;
  }

  /**
   * The present version of `key`. Throws `object-not-found`, `not-indexed` when it could not be hashed within
   * `indexWaitMs`, and `read-failed`.
   */
  async lookup(key: string): Promise<PublishedObject> {
    const { backend, index, tuning } = this.#parts;
    const deadline = performance.now() + tuning.indexWaitMs;
    for (;;) {
      const stat = await backend.stat(key);
      if (stat === undefined) throw new HeddleError('object-not-found', `no object has the key "${key}"`);
      const entry = { key, stat };
      const published = this.#published.get(nameOf(entry));
      if (published !== undefined) return published;
      const root = (await index.find(this.#versionOf(entry))) ?? (await this.#hashed(entry, deadline));
      // Undefined: it changed while it was hashed. Try the newer version as long as there is time.
      if (root !== undefined) return this.#publish(entry, root);
    }
  }

  /** One page of the list, ascending by key; `next` is the `after` of the following page. */
  async list(
    prefix: string,
    after: string,
    limit: number,
  ): Promise<{ objects: ListedObject[]; next: string | undefined }> {
    const { backend, index } = this.#parts;
    const entries: ObjectEntry[] = [];
    for await (const entry of backend.list({ prefix, after })) {
      entries.push(entry);
      if (entries.length > limit) break;
    }
    const shown = entries.slice(0, limit);
    const roots = await index.roots(shown.map((entry) => this.#versionOf(entry)));
    const objects = shown.map(({ key, stat }, at) => ({ key, stat, root: roots[at] }));
    return { objects, next: entries.length > limit ? shown.at(-1)?.key : undefined };
  }

  async #hashed(entry: ObjectEntry, deadline: number): Promise<Uint8Array | undefined> {
    const waiting = new AbortController();
    const { signal } = waiting;
    const late = sleep(Math.max(0, deadline - performance.now()), 'late', { signal }).catch(() => 'late');
    try {
      const hashed = this.#parts.indexer.index(entry, true).catch(unlessChanged);
      const root = await Promise.race([hashed, late]);
      if (typeof root === 'string') throw new HeddleError('not-indexed');
      return root;
    } finally {
      waiting.abort();
    }
  }

  #publish(entry: ObjectEntry, root: Uint8Array): Promise<PublishedObject> {
    const name = nameOf(entry);
    const published = this.#published.get(name) ?? this.#make(entry, root);
    this.#published.delete(name);
    this.#published.set(name, published);
    published.catch(() => this.#published.delete(name));
    for (const oldest of this.#published.keys()) {
      if (this.#published.size <= this.#parts.tuning.catalogObjects) break;
      this.#published.delete(oldest);
    }
    return published;
  }

  async #make(entry: ObjectEntry, root: Uint8Array): Promise<PublishedObject> {
    const { key, stat } = entry;
    const { size, modified } = stat;
    const manifest = manifestOf({ key, size, root, contentType: contentTypeOf(key), modified });
    const signed = await this.#parts.signer.sign(manifest);
    return { key, ...this.#versionOf(entry), size, modified, root, manifest, signed };
  }

  #versionOf({ key, stat }: ObjectEntry): { place: string; version: string } {
    return { place: placeOf(this.#parts.backend, key), version: stat.version };
  }
}

function nameOf({ key, stat }: ObjectEntry): string {
  return `${key}\0${stat.version}`;
}

function unlessChanged(error: unknown): undefined {
  if (error instanceof HeddleError && error.code === 'object-changed') return;
  throw error;
}
