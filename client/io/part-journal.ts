// When the record of a part is written: at most so often, and only about bytes that are on disk by then. A transfer that
// is over before the first time leaves no record at all.
import { removeAtOnce } from './output-file.ts';
import type { PartEntry, PartObject } from './part-record.ts';
import { PartRecord } from './part-record.ts';

/** ms between a write and the sync that makes it sure: what a crash can cost. */
export const SYNC_MS = 1_000;

/** The record of one part, kept up while it is written. */
export class PartJournal {
  readonly #path: string;
  readonly #sync: () => Promise<void>;
  #object: PartObject | undefined;
  #record: PartRecord | undefined;
  #segmentBytes = 0;
  #fresh: PartEntry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #hasAny = false;
  #ended = false;

  /** `sync` brings what was written to the disk. */
  constructor(path: string, sync: () => Promise<void>) {
    this.#path = path;
    this.#sync = sync;
  }

  /** True when something is recorded. */
  get hasAny(): boolean {
    return this.#hasAny;
  }

  /** Goes on with a record that ends at `end`. */
  async resume(object: PartObject, end: number): Promise<void> {
    this.#record = await PartRecord.reopen(this.#path, end);
    this.#object = object;
    this.#hasAny = true;
  }

  /** The part is to hold this; a record of something else is dropped. */
  async begin(object: PartObject): Promise<void> {
    await this.#running;
    if (this.#object !== undefined && isSame(this.#object, object)) return;
    this.#fresh = [];
    await this.#close();
    removeAtOnce(this.#path);
    this.#object = object;
    this.#hasAny = false;
  }

  /** A segment was written. */
  note(segmentBytes: number, entry: PartEntry): void {
    this.#segmentBytes = segmentBytes;
    this.#fresh.push(entry);
    if (this.#timer !== undefined || this.#ended) return;
    // where it fails, the writes themselves will fail and say so
    this.#timer = setTimeout(() => void this.flush().catch(() => undefined), SYNC_MS);
    this.#timer.unref();
  }

  /** Syncs what was written so far and records it. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    const before = this.#running;
    const running = before.catch(() => undefined).then(() => this.#flushNow());
    this.#running = running.catch(() => undefined);
    return running;
  }

  /** Nothing more is recorded. */
  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#close();
  }

  /** The part is whole, or of no use any more. */
  remove(): void {
    removeAtOnce(this.#path);
  }

  async #flushNow(): Promise<void> {
    const entries = this.#fresh;
    this.#fresh = [];
    this.#timer = undefined;
    const object = this.#object;
    if (entries.length === 0 || object === undefined) return;
    await this.#sync();
    this.#record ??= await PartRecord.create(this.#path, object);
    await this.#record.append(this.#segmentBytes, entries);
    this.#hasAny = true;
  }

  async #close(): Promise<void> {
    const record = this.#record;
    this.#record = undefined;
    await record?.close();
  }
}

function isSame(a: PartObject, b: PartObject): boolean {
  return (
    a.key === b.key && a.root === b.root && a.size === b.size && a.firstByte === b.firstByte && a.bytes === b.bytes
  );
}
