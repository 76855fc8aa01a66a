// Decoding and hashing of segments. The first megabytes are judged here, because starting a thread costs more than they do;
// after that a worker thread takes over and the loop that reads sockets is free. The thread looks at the same memory. A
// message costs as much as hashing a small segment, so that segments go over in batches: all that came in one turn of the
// loop, and more while the thread is busy anyway.
import type { Worker } from 'node:worker_threads';
import { judgeSegment } from './segment-decoder.ts';
import type { Encoded, Extent } from './segment-decoder.ts';
import type { VerifierBatch, VerifierVerdicts } from './verifier-worker.ts';

/** Bytes judged on the calling thread before the worker is started. */
const INLINE_BYTES = 16 * 1_048_576;

/** Bytes of a batch; so many go over before the turn of the loop ends. */
const BATCH_BYTES = 524_288;
/** Batches that the worker may have at a time: one that it works on, and the next. */
const MOST_BATCHES = 2;

/** The worker makes short-lived objects only: a young generation that grows to its default costs memory and saves nothing. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 4 };

type Check = {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly extent: Extent;
  readonly node: Uint8Array;
  readonly done: (ok: boolean, plain?: Extent) => void;
  readonly encoded: Encoded | undefined;
};

/** Proves segments against their nodes. */
export class Verifier {
  #worker: Worker | undefined;
  #inlineLeft = INLINE_BYTES;
  #ready = false;
  /** What goes over next. */
  readonly #next: Check[] = [];
  #nextBytes = 0;
  #isDue = false;
  /** Batches that the worker has, the oldest first. */
  readonly #waiting: Check[][] = [];
  readonly #onFault: (error: Error) => void;

  /** `onFault`: the worker died; nothing more will be verified. */
  constructor(onFault: (error: Error) => void) {
    this.#onFault = onFault;
  }

  /**
   * Hashes what lies at `extent` and compares with `node`, which may be used again at once. `bytes` are a whole piece of
   * memory; nobody writes to the extent until `done` got the verdict, and of what was encoded where the plain bytes are.
   * What is encoded has `bytes` for itself.
   */
  check(
    bytes: Uint8Array<SharedArrayBuffer>,
    extent: Extent,
    node: Uint8Array,
    done: Check['done'],
    encoded?: Encoded,
  ): void {
    if (this.#inlineLeft <= 0) this.#start();
    const size = sizeOf({ extent, encoded });
    if (!this.#ready) {
      this.#inlineLeft -= size;
      const { ok, plain } = judgeSegment(bytes, extent, node, encoded);
      return done(ok, plain);
    }
    this.#next.push({ bytes, extent, node: node.slice(), done, encoded });
    this.#nextBytes += size;
    if (this.#nextBytes >= BATCH_BYTES) this.#send();
    else if (!this.#isDue) {
      this.#isDue = true;
      setImmediate(() => {
        this.#isDue = false;
        this.#send();
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#ready = false;
    this.#inlineLeft = Number.POSITIVE_INFINITY;
    this.#next.length = 0;
    this.#nextBytes = 0;
    this.#waiting.length = 0;
    await worker?.terminate();
  }

  #start(): void {
    if (this.#worker !== undefined) return;
    const file = import.meta.url.endsWith('.ts') ? './verifier-worker.ts' : './verifier-worker.js';
    // loaded when the first thread starts: small objects need none
    const threads = process.getBuiltinModule('node:worker_threads');
    const worker = new threads.Worker(new URL(file, import.meta.url), { resourceLimits: WORKER_LIMITS });
    this.#worker = worker;
    worker.unref();
    worker.once('online', () => {
      this.#ready = this.#worker === worker;
    });
    worker.on('message', ({ verdicts }: VerifierVerdicts) => this.#judge(verdicts));
    worker.on('error', this.#onFault);
  }

  /** Sends what waits, as far as the worker may have it. */
  #send(): void {
    while (this.#next.length > 0 && this.#waiting.length < MOST_BATCHES) {
      let count = 0;
      let bytes = 0;
      for (const check of this.#next) {
        if (bytes >= BATCH_BYTES) break;
        bytes += sizeOf(check);
        count += 1;
      }
      const checks = this.#next.splice(0, count);
      this.#nextBytes -= bytes;
      this.#waiting.push(checks);
      this.#worker?.postMessage(batchOf(checks));
    }
  }

  #judge(verdicts: VerifierVerdicts['verdicts']): void {
    const checks = this.#waiting.shift() ?? [];
    this.#send();
    for (const [at, { done }] of checks.entries()) {
      const { ok = false, plain } = verdicts[at] ?? {};
      done(ok, plain);
    }
  }
}

/** What a check costs, in bytes to be hashed. */
function sizeOf({ extent, encoded }: Pick<Check, 'extent' | 'encoded'>): number {
  return encoded?.mostBytes ?? extent.end - extent.start;
}

function batchOf(checks: readonly Check[]): VerifierBatch {
  const memory = [...new Set(checks.map(({ bytes }) => bytes.buffer))];
  const segments = checks.map(({ bytes, extent, node, encoded }) => {
    return { piece: memory.indexOf(bytes.buffer), start: extent.start, end: extent.end, node, encoded };
  });
  return { memory, segments };
}
