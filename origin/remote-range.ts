// Reads a run of bytes of one version of an object from a server with ranges, straight into the buffers it was given.
// Every answer is judged by its head before a byte of it is taken; what breaks off is continued from where it stopped.
// Invariant: bytes of another version, of another place in the object or of an error page are never taken.
import { setTimeout as sleep } from 'node:timers/promises';
import { HeddleError } from '../protocol/errors.ts';
import type { ObjectStat } from './backend.ts';
import type { RemoteHead, RemoteOutcome, TakePiece } from './remote-client.ts';
import { ask, failed } from './remote-place.ts';
import type { RemotePlace } from './remote-place.ts';
import { conditionFor, contentLength, contentRange, statOfHeaders } from './remote-version.ts';

/** An object so small may come whole from a server that knows no ranges; bytes. */
const WHOLE_BYTES = 1_048_576;
/** From a failure to the next request, doubled each time; ms. */
const PAUSE_MS = 50;
/** Longest pause that a Retry-After is obeyed for; ms. */
const MOST_PAUSE_MS = 10_000;

/** What is read. */
export type Wanted = {
  readonly key: string;
  readonly stat: ObjectStat;
  readonly buffers: readonly Uint8Array[];
  readonly position: number;
  /** Monotonic, ms. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
};

/** What a head says about the bytes behind it. */
type Verdict =
  /** `more`: other bytes follow those that are wanted. */
  | { readonly type: 'take'; readonly skip: number; readonly count: number; readonly more: boolean }
  | { readonly type: 'changed' | 'failed'; readonly text: string }
  | { readonly type: 'again'; readonly text: string; readonly pauseMs: number };

/** Fills the buffers. Throws `object-changed`, `read-failed`, or the reason of the signal. */
export async function readRange(place: RemotePlace, wanted: Wanted): Promise<void> {
  const { key, stat, buffers, position, deadline, signal } = wanted;
  const target = new Scatter(buffers);
  for (let failures = 0; target.left > 0; ) {
    const first = position + target.filled;
    const last = first + target.left - 1;
    let verdict: Verdict | undefined;
    let part: Part | undefined;
    const outcome = await ask(place, {
      key,
      method: 'GET',
      headers: { range: `bytes=${first}-${last}`, ...conditionFor(stat) },
      deadline,
      signal,
      onHead: (head) => {
        verdict = judge(head, stat, first, last);
        if (verdict.type !== 'take') return undefined;
        part = partOf(target, verdict);
        return part.take;
      },
    });
    verdict ??= { type: 'again', text: 'no answer', pauseMs: 0 };
    if (verdict.type === 'changed') throw new HeddleError('object-changed', verdict.text, { side: 'remote' });
    if (verdict.type === 'failed') throw failed(place, withReason(verdict.text, outcome));
    if (part?.overrun === true) throw failed(place, 'it sent more than it had announced');
    if (part?.done === true) continue;
    failures += 1;
    const reason = outcome.type === 'lost' ? outcome.reason : verdict.type === 'again' ? verdict.text : 'it broke off';
    const pauseMs = Math.max(PAUSE_MS * 2 ** (failures - 1), verdict.type === 'again' ? verdict.pauseMs : 0);
    if (failures >= place.tuning.backendAttempts || performance.now() + pauseMs >= deadline) {
      throw failed(place, reason);
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** `text`, and what the server said itself. */
export function withReason(text: string, { reason }: RemoteOutcome): string {
  return reason === undefined || reason === text ? text : `${text} (${reason})`;
}

/** How long to wait before asking again, ms; undefined when asking again will not help. */
export function pauseOf({ status, headers }: RemoteHead): number | undefined {
  if (status !== 408 && status !== 429 && status < 500) return undefined;
  const seconds = /^[0-9]{1,5}$/.test(headers['retry-after'] ?? '') ? Number(headers['retry-after']) : 0;
  return Math.min(MOST_PAUSE_MS, seconds * 1_000);
}

/** What to do with the answer to a request for first…last, both included. */
function judge(head: RemoteHead, stat: ObjectStat, first: number, last: number): Verdict {
  const { status, headers } = head;
  const pauseMs = pauseOf(head);
  if (pauseMs !== undefined) return { type: 'again', text: `it answered ${status}`, pauseMs };
  if (status === 412 || status === 416) return { type: 'changed', text: 'the object has another version by now' };
  if (status === 404 || status === 410) return { type: 'changed', text: 'the object is gone' };
  if (status !== 200 && status !== 206) return { type: 'failed', text: `it answered ${status}` };
  const range = status === 206 ? contentRange(headers) : undefined;
  if (status === 206 && range?.first !== first) {
    return { type: 'failed', text: 'it sent another range than was asked for' };
  }
  const length = contentLength(headers);
  const size = (range === undefined ? length : range.size) ?? stat.size;
  const now = statOfHeaders(headers, size);
  if (typeof now === 'string') return { type: 'failed', text: now };
  if (now.version !== stat.version) return { type: 'changed', text: 'the object has another version by now' };
  if (range !== undefined) {
    const announced = range.last - first + 1;
    if (length !== undefined && length !== announced) {
      return { type: 'failed', text: 'it sent another length than it had announced' };
    }
    const count = Math.min(announced, last - first + 1);
    return { type: 'take', skip: 0, count, more: announced > count };
  }
  if (stat.size <= WHOLE_BYTES) return { type: 'take', skip: first, count: last - first + 1, more: true };
  return { type: 'failed', text: 'it does not answer byte ranges, which objects above 1 MiB need' };
}

/** The bytes of one answer on their way into the buffers. */
type Part = { readonly take: TakePiece; readonly done: boolean; readonly overrun: boolean };

function partOf(target: Scatter, { skip, count, more }: Verdict & { type: 'take' }): Part {
  let toSkip = skip;
  let left = count;
  let overrun = false;
  return {
    take: (piece) => {
      const skipped = Math.min(toSkip, piece.length);
      toSkip -= skipped;
      const taken = Math.min(left, piece.length - skipped);
      target.put(piece.subarray(skipped, skipped + taken));
      left -= taken;
      if (skipped + taken === piece.length) return true;
      // what was announced to follow is not waited for: the connection ends; nothing else may follow
      overrun = !more;
      return false;
    },
    get done() {
      return left === 0;
    },
    get overrun() {
      return overrun;
    },
  };
}

/** Buffers that are filled one after another. */
class Scatter {
  readonly #buffers: readonly Uint8Array[];
  #at = 0;
  #offset = 0;
  filled = 0;
  left: number;

  constructor(buffers: readonly Uint8Array[]) {
    this.#buffers = buffers;
    this.left = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  }

  put(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const buffer = this.#buffers[this.#at] as Uint8Array;
      const count = Math.min(buffer.length - this.#offset, bytes.length - from);
      buffer.set(bytes.subarray(from, from + count), this.#offset);
      from += count;
      this.#offset += count;
      if (this.#offset < buffer.length) continue;
      this.#at += 1;
      this.#offset = 0;
    }
    this.filled += bytes.length;
    this.left -= bytes.length;
  }
}
