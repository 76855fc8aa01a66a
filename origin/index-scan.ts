// Walks the whole backend once at the start and has everything hashed that the index does not know: before the origin
// listens if that is little and lies on this machine, in the background otherwise. On the way it makes the index forget
// what is gone.
import { setTimeout as sleep } from 'node:timers/promises';
import { asHeddleError } from '../protocol/errors.ts';
import type { Backend, ObjectEntry } from './backend.ts';
import { GoneObjects } from './gone-objects.ts';
import type { HashIndex } from './hash-index.ts';
import { placeOf } from './indexer.ts';
import type { Indexer } from './indexer.ts';
import type { OriginTuning } from './options.ts';

/** How often the pause before another scan is doubled at most. */
const MOST_DOUBLINGS = 5;
/** Objects looked up in the index by one call. */
const BATCH = 256;

/** What a scan works on. */
export type ScanParts = {
  readonly backend: Backend;
  readonly index: HashIndex;
  readonly indexer: Indexer;
  readonly tuning: OriginTuning;
  readonly log: (line: string) => void;
  /** Whether what nobody asked for is hashed at all. */
  readonly ahead: boolean;
};

/** A scan under way. */
export type IndexScan = {
  /** Settles when everything is hashed, or when it has become clear that it is too much to wait for. Never rejects. */
  readonly small: Promise<void>;
  /** Settles when the scan is over. Never rejects. */
  readonly done: Promise<void>;
};

/** Starts a scan; `signal` ends it early. */
export function startScan(parts: ScanParts, signal: AbortSignal): IndexScan {
  const small = Promise.withResolvers<void>();
  const done = scanUntilDone(parts, signal, small.resolve).finally(small.resolve);
  return { small: small.promise, done };
}

/** A server that cannot be asked now may be there later; a folder of this machine that cannot be read stays so. */
async function scanUntilDone(parts: ScanParts, signal: AbortSignal, tooMuch: () => void): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      return await scan(parts, signal, tooMuch);
    } catch (error) {
      if (signal.aborted) return;
      parts.log(`indexing stopped: ${asHeddleError(error).message}`);
      if (!parts.backend.isRemote) return;
    }
    const pauseMs = parts.tuning.backendRescanMs * 2 ** Math.min(attempt, MOST_DOUBLINGS);
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

async function scan(parts: ScanParts, signal: AbortSignal, tooMuch: () => void): Promise<void> {
  const { smallFolderBytes, smallFolderObjects, indexJobs } = parts.tuning;
  const hashing = new Set<Promise<unknown>>();
  let bytes = 0;
  let objects = 0;
  const gone = new GoneObjects(parts.backend, parts.index);
  if (parts.backend.isRemote) tooMuch();
  for await (const batch of batchesOf(parts.backend.list({ prefix: '', after: '' }))) {
    objects += batch.length;
    await gone.listed(
      batch.map(({ key }) => key),
      signal,
    );
    for (const entry of parts.ahead ? await withoutRoot(parts, batch) : []) {
      signal.throwIfAborted();
      bytes += entry.stat.size;
      if (bytes > smallFolderBytes) tooMuch();
      if (hashing.size >= indexJobs) await Promise.race(hashing);
      const job: Promise<unknown> = parts.indexer
        .index(entry, false)
        .catch((error: unknown) => {
          if (!signal.aborted) parts.log(`cannot index ${entry.key}: ${asHeddleError(error).message}`);
        })
        .finally(() => hashing.delete(job));
      hashing.add(job);
    }
    signal.throwIfAborted();
    if (objects > smallFolderObjects) tooMuch();
  }
  await Promise.all(hashing);
  tooMuch();
  await gone.end(signal);
}

async function* batchesOf(entries: AsyncIterable<ObjectEntry>): AsyncGenerator<ObjectEntry[]> {
  let batch: ObjectEntry[] = [];
  for await (const entry of entries) {
    batch.push(entry);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

async function withoutRoot({ backend, index }: ScanParts, batch: readonly ObjectEntry[]): Promise<ObjectEntry[]> {
  const roots = await index.roots(
    batch.map(({ key, stat }) => ({ place: placeOf(backend, key), version: stat.version })),
  );
  return batch.filter((_, at) => roots[at] === undefined);
}
