// The manifests of objects asked for lately, so that the next request for one needs no second question. An entry never
// decides what an object is: an answer whose ETag is another one makes it be asked for anew.
import type { Manifest } from '../../protocol/manifest.ts';

/** Manifests kept. */
const MOST_OBJECTS = 1_024;

/** Manifests by key, those used last kept. */
export class KnownObjects {
  readonly #manifests = new Map<string, Manifest>();

  get(key: string): Manifest | undefined {
    const manifest = this.#manifests.get(key);
    if (manifest !== undefined) this.put(manifest);
    return manifest;
  }

  put(manifest: Manifest): void {
    this.#manifests.delete(manifest.key);
    this.#manifests.set(manifest.key, manifest);
    const [oldest] = this.#manifests.keys();
    if (this.#manifests.size > MOST_OBJECTS && oldest !== undefined) this.#manifests.delete(oldest);
  }

  forget(key: string): void {
    this.#manifests.delete(key);
  }
}
