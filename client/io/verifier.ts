// Decoding and hashing of segments. The first megabytes are judged here, because starting a thread costs more than they do;
// after that a worker thread takes over and the loop that reads sockets is free. The thread looks at the same memory, and
// what is to be judged and what was found stand in memory that both see (check-ring.ts).
import { dirname } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { CheckRing, PLACES } from './check-ring.ts';
import type { PieceOfMemory } from './check-ring.ts';
import { judgeSegment } from './segment-decoder.ts';
import type { Encoded, Extent } from './segment-decoder.ts';

/** Bytes judged on the calling thread before the worker is started. */
const INLINE_BYTES = 16 * 1_048_576;

/**
 * Bytes of memory that the thread goes on knowing: what is used again, as slabs are, is told once. What it knows no collector
 * takes, used or not: with four times as much a quick transfer held 30 MB more, and was no quicker.
 */
const MOST_KNOWN_BYTES = 16_777_216;

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
  readonly #ring = new CheckRing();
  /** Who waits for the verdict of what is in each place. */
  readonly #asked: Check['done'][] = [];
  #given = 0;
  #seen = 0;
  /** What the ring has no place for yet. */
  readonly #late: Check[] = [];
  /** The pieces of memory that the worker knows, the longest known first. */
  readonly #known = new Map<SharedArrayBuffer, number>();
  #knownBytes = 0;
  #pieces = 0;
  #isSeeing = false;
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
    if (!this.#ready) {
      this.#inlineLeft -= encoded?.mostBytes ?? extent.end - extent.start;
      const { ok, plain } = judgeSegment(bytes, extent, node, encoded);
      return done(ok, plain);
    }
    if (this.#late.length > 0 || this.#ring.room === 0)
      this.#late.push({ bytes, extent, node: node.slice(), done, encoded });
    else this.#give({ bytes, extent, node, done, encoded });
    this.#see();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#ready = false;
    this.#inlineLeft = Number.POSITIVE_INFINITY;
    this.#late.length = 0;
    this.#asked.length = 0;
    this.#known.clear();
    await worker?.terminate();
  }

  #start(): void {
    if (this.#worker !== undefined) return;
    const file = import.meta.url.endsWith('.ts') ? './verifier-worker.ts' : './verifier-worker.js';
    // loaded when the first thread starts: small objects need none
    const threads = process.getBuiltinModule('node:worker_threads');
    const worker = new threads.Worker(new URL(file, import.meta.url), {
      env: withCompileCache(process.env),
      resourceLimits: WORKER_LIMITS,
      workerData: this.#ring.memory,
    });
    this.#worker = worker;
    worker.unref();
    worker.once('online', () => {
      this.#ready = this.#worker === worker;
    });
    worker.on('message', () => this.#see());
    worker.on('error', this.#onFault);
  }

  #give({ bytes: { buffer }, extent, node, done, encoded }: Check): void {
    const piece = this.#known.get(buffer) ?? this.#tell(buffer);
    this.#asked[this.#given % PLACES] = done;
    this.#given += 1;
    this.#ring.give({ piece, extent, node, encoded });
  }

  /** Shows the worker a piece of memory, under the number that is returned. */
  #tell(memory: SharedArrayBuffer): number {
    this.#pieces += 1;
    const forget: number[] = [];
    for (const [old, number] of this.#known) {
      if (this.#knownBytes <= MOST_KNOWN_BYTES) break;
      this.#known.delete(old);
      this.#knownBytes -= old.byteLength;
      forget.push(number);
    }
    this.#known.set(memory, this.#pieces);
    this.#knownBytes += memory.byteLength;
    const piece: PieceOfMemory = { number: this.#pieces, memory, forget };
    this.#worker?.postMessage(piece);
    return this.#pieces;
  }

  /** Takes the verdicts that are there. A verdict may lead to more to be judged. */
  #see(): void {
    if (this.#isSeeing) return;
    this.#isSeeing = true;
    try {
      for (let verdict = this.#ring.see(); verdict !== undefined && this.#ready; verdict = this.#ring.see()) {
        const done = this.#asked[this.#seen % PLACES];
        this.#seen += 1;
        const late = this.#late.shift();
        if (late !== undefined) this.#give(late);
        done?.(verdict.ok, verdict.plain);
      }
    } finally {
      this.#isSeeing = false;
    }
  }
}

/** A thread does not share the cache of compiled modules that its program has turned on, unless it is told where it is. */
function withCompileCache(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const folder = process.getBuiltinModule('node:module').getCompileCacheDir?.();
  return folder === undefined ? env : { ...env, NODE_COMPILE_CACHE: dirname(folder) };
}
