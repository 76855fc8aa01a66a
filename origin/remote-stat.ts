// Which version an object on a server has now: one HEAD, or a request for its first byte where HEAD is not answered.
// What was heard lately counts for a moment, and who asks meanwhile shares the answer.
import { setTimeout as sleep } from 'node:timers/promises';
import { HeddleError } from '../protocol/errors.ts';
import type { ObjectStat } from './backend.ts';
import type { RemoteHead } from './remote-client.ts';
import { ask, failed } from './remote-place.ts';
import type { RemotePlace } from './remote-place.ts';
import { pauseOf } from './remote-range.ts';
import { contentLength, contentRange, statOfHeaders, unsettledMs } from './remote-version.ts';

/** Versions kept in memory. */
const MOST_KEPT = 4_096;
/** Looks at an object that is written again and again. */
const MOST_LOOKS = 5;
const PAUSE_MS = 50;

type Look = { readonly stat: ObjectStat | undefined; readonly at: number };

/** The versions of the objects of one place. */
export class RemoteStats {
  readonly #place: RemotePlace;
  readonly #kept = new Map<string, Look>();
  readonly #looking = new Map<string, Promise<ObjectStat | undefined>>();

  constructor(place: RemotePlace) {
    this.#place = place;
  }

  /** The version as it was a moment ago at most. Undefined when there is no such object. Throws `read-failed`. */
  stat(key: string): Promise<ObjectStat | undefined> {
    const kept = this.#kept.get(key);
    if (kept !== undefined && performance.now() - kept.at < this.#place.tuning.backendFreshMs) {
      return Promise.resolve(kept.stat);
    }
    let looking = this.#looking.get(key);
    if (looking === undefined) {
      looking = this.look(key).finally(() => this.#looking.delete(key));
      this.#looking.set(key, looking);
    }
    return looking;
  }

  /** The version now. */
  async look(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
    const at = performance.now();
    const stat = await lookAt(this.#place, key, signal);
    this.#kept.delete(key);
    this.#kept.set(key, { stat, at });
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > MOST_KEPT) this.#kept.delete(oldest);
    return stat;
  }

  /** What was heard of `key` counts no longer. */
  forget(key: string): void {
    this.#kept.delete(key);
  }
}

async function lookAt(place: RemotePlace, key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
  const deadline = performance.now() + place.tuning.backendReadMs;
  let method: 'HEAD' | 'GET' = 'HEAD';
  let failures = 0;
  for (let looks = 0; looks < MOST_LOOKS; ) {
    let head: RemoteHead | undefined;
    const outcome = await ask(place, {
      key,
      method,
      headers: method === 'HEAD' ? {} : { range: 'bytes=0-0' },
      deadline,
      signal,
      onHead: (given) => {
        head = given;
        return undefined;
      },
    });
    const found = head === undefined ? undefined : sizeIn(head);
    if (head === undefined || pauseOf(head) !== undefined) {
      // a server may know GET only
      if (head !== undefined && method === 'HEAD' && head.status === 501) {
        method = 'GET';
        continue;
      }
      failures += 1;
      const pauseMs = Math.max(PAUSE_MS * 2 ** (failures - 1), head === undefined ? 0 : (pauseOf(head) ?? 0));
      const reason = head === undefined && outcome.type === 'lost' ? outcome.reason : `it answered ${head?.status}`;
      if (failures >= place.tuning.backendAttempts || performance.now() + pauseMs >= deadline)
        throw failed(place, reason);
      await sleep(pauseMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
      continue;
    }
    const { status, headers } = head;
    if (status === 404 || status === 410) return undefined;
    if (method === 'HEAD' && (status === 405 || (status === 200 && found === undefined))) {
      method = 'GET';
      continue;
    }
    if (found === undefined) throw refusal(place, status);
    const stat = statOfHeaders(headers, found);
    if (typeof stat === 'string') throw failed(place, stat);
    const young = place.changesInPlace ? unsettledMs(headers, Date.now()) : 0;
    if (young === 0) return stat;
    looks += 1;
    await sleep(young, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
  throw new HeddleError('object-changed', 'the object is being written');
}

/** The size of the object that an answer is about. */
function sizeIn({ status, headers }: RemoteHead): number | undefined {
  if (status === 200) return contentLength(headers);
  if (status === 206) return contentRange(headers)?.size;
  // nothing in an empty object can be asked for
  return status === 416 && headers['content-range']?.trim() === 'bytes */0' ? 0 : undefined;
}

function refusal(place: RemotePlace, status: number): HeddleError {
  const why = status === 401 || status === 403 ? 'it refuses access: look at the credentials' : `it answered ${status}`;
  return failed(place, status === 401 || status === 403 ? `${why} (${status})` : why);
}
