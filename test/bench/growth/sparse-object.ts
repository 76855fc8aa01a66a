// Objects of any size for an origin to serve: sparse files, with the trees that hashing them would give, made up in a
// fraction of the time.
import { closeSync, ftruncateSync, mkdirSync, openSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { openDirBackend } from '../../../origin/dir-backend.ts';
import { INDEX_FILE } from '../../../origin/hash-index.ts';
import { IndexStore } from '../../../origin/index-store.ts';
import { placeOf } from '../../../origin/indexer.ts';
import { sha256 } from '../../../origin/sha256.ts';
import { HASH_BYTES, LEAF_BYTES } from '../../../protocol/limits.ts';
import { hashSegment } from '../../../protocol/merkle.ts';
import type { Workbench } from '../data-plane/workbench.ts';
import { startOrigin } from '../data-plane/loopback-servers.ts';
import type { LoopbackServer } from '../data-plane/loopback-servers.ts';
import type { ReferenceObject } from '../machine/work-folder.ts';

/** Old enough that nobody waits for a file to settle. */
export const LONG_AGO = 1_600_000_000;
/** Leaves handed over at once: those of 32 MiB, as the indexer does. */
const LEAVES_AT_ONCE = 1_024;

/** As many bytes, but whole leaves, so that all of them hash alike. */
export function wholeLeaves(bytes: number): number {
  return Math.max(1, Math.round(bytes / LEAF_BYTES)) * LEAF_BYTES;
}

/** A file of so many zeros below a folder of its own. */
export function sparseObject(folder: string, bytes: number): ReferenceObject {
  const served = join(folder, 'served');
  mkdirSync(served);
  const path = join(served, 'f');
  const file = openSync(path, 'wx');
  ftruncateSync(file, bytes);
  closeSync(file);
  utimesSync(path, LONG_AGO, LONG_AGO);
  return { folder: served, key: 'f', path, bytes, sha256: '' };
}

/** `heddle origin` with such an object, which it takes for one that it has hashed. */
export async function startSparseOrigin(
  scope: DisposableStack,
  bench: Workbench,
  bytes: number,
): Promise<{ readonly server: LoopbackServer; readonly object: ReferenceObject }> {
  const folder = bench.newFolder('sparse', scope);
  const object = sparseObject(folder, bytes);
  const state = join(folder, 'state');
  mkdirSync(state, { mode: 0o700 });
  const backend = await openDirBackend(object.folder);
  const stat = await backend.stat(object.key);
  await backend.close();
  const store = new IndexStore(join(state, INDEX_FILE), Date.now());
  const zeros = hashSegment(new Uint8Array(LEAF_BYTES), sha256);
  fillTree(store, { place: placeOf(backend, object.key), version: stat?.version ?? '', size: bytes }, zeros);
  store.close();
  return { server: await startOrigin(scope, bench, object, state), object };
}

/** A complete tree over leaves that are all alike. */
export function fillTree(
  store: IndexStore,
  { place, version, size }: { readonly place: string; readonly version: string; readonly size: number },
  leaf: Uint8Array = new Uint8Array(HASH_BYTES),
): void {
  const leaves = Math.ceil(size / LEAF_BYTES);
  const batch = new Uint8Array(LEAVES_AT_ONCE * HASH_BYTES);
  for (let at = 0; at < LEAVES_AT_ONCE; at += 1) batch.set(leaf, at * HASH_BYTES);
  const tree = store.begin(place, version, size, 0);
  for (let left = leaves; left > 0; left -= LEAVES_AT_ONCE) {
    store.append(tree, left < LEAVES_AT_ONCE ? batch.subarray(0, left * HASH_BYTES) : batch);
  }
  store.finish(tree);
}
