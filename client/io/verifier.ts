// Decoding and hashing of segments. The first megabytes are hashed here, because starting a thread costs more than they do; after that
// a worker thread takes over and the loop that reads sockets is free. Buffers move there and back without copies.
import type { Worker } from 'node:worker_threads';
import { hashSegment, sameHash } from '../../protocol/merkle.ts';
import { decodeSegment } from './segment-decoder.ts';
import type { Encoded, Extent } from './segment-decoder.ts';
import { sha256 } from './sha256.ts';
import type { VerifierJob, VerifierResult } from './verifier-worker.ts';

/** Bytes hashed on the calling thread before the worker is started. */
const INLINE_BYTES = 16 * 1_048_576;

/** The worker makes short-lived objects only: a young generation that grows to its default costs memory and saves nothing. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 4 };

type Waiting = { readonly done: (ok: boolean, buffer: Uint8Array<ArrayBuffer>, plain?: Extent) => void };

/** Proves segments against their nodes. */
export class Verifier {
  #worker: Worker | undefined;
  #inlineLeft = INLINE_BYTES;
  #ready = false;
  #nextJob = 0;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onFault: (error: Error) => void;

  /** `onFault`: the worker died; nothing more will be verified. */
  constructor(onFault: (error: Error) => void) {
    this.#onFault = onFault;
  }

  /**
   * Hashes `buffer[start, end)` and compares with `node`. `done` gets the verdict and the buffer back (its ArrayBuffer
   * may have moved to a thread and returned: use the one given), and of what was encoded where the plain bytes are.
   */
  check(
    buffer: Uint8Array<ArrayBuffer>,
    start: number,
    end: number,
    node: Uint8Array,
    done: Waiting['done'],
    encoded?: Encoded,
  ): void {
    if (this.#inlineLeft <= 0) this.#start();
    if (!this.#ready) {
      if (encoded !== undefined) return this.#decode(buffer, { start, end }, node, done, encoded);
      this.#inlineLeft -= end - start;
      done(sameHash(hashSegment(buffer.subarray(start, end), sha256), node), buffer);
      return;
    }
    this.#nextJob += 1;
    this.#waiting.set(this.#nextJob, { done });
    const job: VerifierJob = { number: this.#nextJob, buffer, start, end, node: node.slice(), encoded };
    this.#worker?.postMessage(job, [buffer.buffer]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#ready = false;
    this.#inlineLeft = Number.POSITIVE_INFINITY;
    this.#waiting.clear();
    await worker?.terminate();
  }

  #decode(
    buffer: Uint8Array<ArrayBuffer>,
    extent: Extent,
    node: Uint8Array,
    done: Waiting['done'],
    encoded: Encoded,
  ): void {
    this.#inlineLeft -= encoded.mostBytes;
    const plain = decodeSegment(buffer, extent, encoded);
    if (plain === undefined) return done(false, buffer);
    done(sameHash(hashSegment(buffer.subarray(plain.start, plain.end), sha256), node), buffer, plain);
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
    worker.on('message', ({ number, ok, buffer, plain }: VerifierResult) => {
      const waiting = this.#waiting.get(number);
      this.#waiting.delete(number);
      waiting?.done(ok, buffer, plain);
    });
    worker.on('error', this.#onFault);
  }
}
