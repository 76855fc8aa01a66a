// The main thread's end of an index thread (index-worker.ts): calls go in as messages, answers come back as promises.
// Owns the thread; knows nothing of what the calls mean.
import { Worker } from 'node:worker_threads';
import { ERROR_CODES, HeddleError } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { IndexAnswer, IndexCalls, IndexMessage } from './index-worker.ts';

// node:sqlite is still called experimental by the older of the supported runtimes.
const QUIET = ['--disable-warning=ExperimentalWarning'];

type Waiting = { readonly resolve: (result: unknown) => void; readonly reject: (error: HeddleError) => void };

/** One index thread. After a crash every call, also a later one, fails with `internal`. */
export class IndexThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #dead: HeddleError | undefined;

  constructor() {
    // Published code is compiled; the name inside a URL is not rewritten by the compiler.
    const file = import.meta.url.endsWith('.ts') ? './index-worker.ts' : './index-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), { name: 'heddle-index', execArgv: QUIET, env: {} });
    this.#worker.on('message', (answer: IndexAnswer) => this.#settle(answer));
    this.#worker.on('error', (error: Error) => this.#fail(`the index thread died: ${error.message}`));
    this.#worker.on('exit', () => this.#fail('the index thread has ended'));
  }

  /** Calls without an answer yet. */
  get busy(): number {
    return this.#waiting.size;
  }

  /** Runs `name` in the thread. `transfer`: buffers that move there instead of being copied. */
  call<Name extends keyof IndexCalls>(
    name: Name,
    args: Parameters<IndexCalls[Name]>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ReturnType<IndexCalls[Name]>> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    this.#last += 1;
    const id = this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    this.#worker.postMessage({ id, name, args } satisfies IndexMessage, transfer);
    return promise as Promise<ReturnType<IndexCalls[Name]>>;
  }

  /** Ends the thread; calls under way fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #settle({ id, result, error }: IndexAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else
      waiting?.reject(new HeddleError(error.code in ERROR_CODES ? (error.code as ErrorCode) : 'internal', error.text));
  }

  #fail(text: string): void {
    this.#dead ??= new HeddleError('internal', text);
    for (const { reject } of this.#waiting.values()) reject(this.#dead);
    this.#waiting.clear();
  }
}
