// The part that all backends on a server share: versions by remote-stat.ts, reads by remote-range.ts, and the life of a
// handle: who closes it, or the whole place, ends the reads under way. Listing is each server's own.
import { HeddleError } from '../protocol/errors.ts';
import type { Backend, ObjectHandle, ObjectStat } from './backend.ts';
import { isServedKey } from './object-key.ts';
import type { RemotePlace } from './remote-place.ts';
import { failed } from './remote-place.ts';
import { readRange } from './remote-range.ts';
import { RemoteStats } from './remote-stat.ts';

/** A backend over `place`. `list` gives any entries; those that may not be served are left out. */
export function remoteBackend(place: RemotePlace, identity: string, list: Backend['list']): Backend {
  const stats = new RemoteStats(place);
  return {
    identity,
    isRemote: true,
    async *list(filter) {
      for await (const entry of list(filter)) if (isServedKey(entry.key)) yield entry;
    },
    stat: async (key) => (isServedKey(key) ? await stats.stat(key) : undefined),
    open: async (key, version) => {
      const stat = isServedKey(key) ? await stats.stat(key) : undefined;
      if (stat === undefined) throw new HeddleError('object-not-found');
      if (stat.version === version) return handleOf(place, stats, key, stat);
      stats.forget(key);
      throw new HeddleError('object-changed');
    },
    setTls: (tls) => place.client.setTls(tls),
    close: () => place.client.close(),
  };
}

function handleOf(place: RemotePlace, stats: RemoteStats, key: string, stat: ObjectStat): ObjectHandle {
  const closing = new AbortController();
  const reading = new Set<Promise<void>>();
  const read = async (buffers: readonly Uint8Array[], position: number, signal: AbortSignal): Promise<void> => {
    const deadline = performance.now() + place.tuning.backendReadMs;
    try {
      await readRange(place, { key, stat, buffers, position, deadline, signal });
      if (!place.changesInPlace) return;
      // the head was written before the body: only a later look tells whether the object stayed as it was
      const now = await stats.look(key, signal);
      if (now?.version !== stat.version) throw new HeddleError('object-changed');
    } catch (error) {
      stats.forget(key);
      if (closing.signal.aborted) throw failed(place, 'nobody waits for the bytes any more');
      throw error;
    }
  };
  return {
    stat,
    read: (buffers, position, signal) => {
      if (closing.signal.aborted) return Promise.reject(new HeddleError('internal', 'read of a closed object'));
      const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
      const work = read(buffers, position, either);
      reading.add(work);
      return work.finally(() => reading.delete(work));
    },
    close: async () => {
      closing.abort(new Error('closed'));
      await Promise.allSettled(reading);
    },
  };
}
