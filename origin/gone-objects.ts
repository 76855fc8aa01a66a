// What the hash index knows and a list of the place leaves out: looked for beside the list, page by page, and forgotten
// when it is really gone. Nobody ever holds all places of a large catalog.
// Both are ascending. Where they follow different orders (rare keys, see Backend.list) something may be asked for in vain,
// or stay known until it is overwritten; what is there is never forgotten.
import type { Backend } from './backend.ts';
import type { HashIndex } from './hash-index.ts';
import { placeOf } from './indexer.ts';

/** Places taken from the index, and given to it to forget, at once. */
const PAGE = 1_000;

/** Walks the index while somebody walks the list. */
export class GoneObjects {
  readonly #backend: Backend;
  readonly #index: HashIndex;
  readonly #prefix: string;
  #page: string[] = [];
  #at = 0;
  /** The last place that was taken from the index. */
  #last: string;
  #isOver = false;

  constructor(backend: Backend, index: HashIndex) {
    this.#backend = backend;
    this.#index = index;
    this.#prefix = placeOf(backend, '');
    this.#last = this.#prefix;
  }

  /** The list went on with `keys`. */
  async listed(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const last = keys.at(-1);
    if (last !== undefined) await this.#passOver(placeOf(this.#backend, last), new Set(keys), signal);
  }

  /** The list is over. */
  async end(signal: AbortSignal): Promise<void> {
    await this.#passOver(undefined, new Set(), signal);
  }

  /** Passes over the places up to `to`; what is not among `keys` may be gone. */
  async #passOver(to: string | undefined, keys: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const gone: string[] = [];
    for (;;) {
      const place = await this.#next();
      if (place === undefined || (to !== undefined && place > to)) break;
      this.#at += 1;
      const key = place.slice(this.#prefix.length);
      signal.throwIfAborted();
      // what is not listed may be there all the same
      if (keys.has(key) || (await this.#backend.stat(key)) !== undefined) continue;
      gone.push(place);
      if (gone.length === PAGE) await this.#index.forget(gone.splice(0));
    }
    if (gone.length > 0) await this.#index.forget(gone);
  }

  /** The next place of the index, which stays the next. */
  async #next(): Promise<string | undefined> {
    if (this.#at === this.#page.length && !this.#isOver) {
      this.#page = await this.#index.places(this.#prefix, this.#last, PAGE);
      this.#at = 0;
      this.#last = this.#page.at(-1) ?? this.#last;
      this.#isOver = this.#page.length < PAGE;
    }
    return this.#page[this.#at];
  }
}
