// The application's side of an intercepted request: its undici handler, and the controller it pauses and aborts with.
// Behaves as undici's own requests do: nothing after the end, an abort is answered at once, what a handler throws aborts.
import { errors, util } from 'undici';
import type { Dispatcher } from 'undici';
import { RequestController } from './controller.ts';
import type { BodyReader, Flow } from './plain-answer.ts';
import type { HeaderLine } from './view.ts';

/** undici's own time limits where the request names none, ms. */
const DEFAULT_TIMEOUT_MS = 300_000;

/** Who asked, and is told. */
export class Application implements BodyReader {
  /** Aborted when the application gives up or its time limit passes. */
  readonly signal: AbortSignal;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #stop = new AbortController();
  readonly #controller: RequestController;
  readonly #bodyTimeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  #flow: Flow | undefined;
  #over = false;

  constructor(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
    this.signal = this.#stop.signal;
    this.#bodyTimeoutMs = options.bodyTimeout ?? DEFAULT_TIMEOUT_MS;
    this.#controller = new RequestController({
      aborted: (reason) => this.#abort(reason),
      paused: () => this.#flow?.pause(),
      resumed: () => {
        this.#timer?.refresh();
        this.#flow?.resume();
      },
    });
    this.#limit(options.headersTimeout ?? DEFAULT_TIMEOUT_MS, () => new errors.HeadersTimeoutError());
  }

  get paused(): boolean {
    return this.#controller.paused;
  }

  /** True once nothing more can be told: it ended, failed or was aborted. */
  get over(): boolean {
    return this.#over;
  }

  /** The request is on its way. */
  start(): void {
    try {
      this.#handler.onRequestStart?.(this.#controller, null);
      if (!this.#over) this.#handler.onRequestSent?.();
    } catch (error) {
      this.error(error as Error);
    }
  }

  /** The head of the answer. */
  head(status: number, statusText: string, headers: readonly HeaderLine[]): void {
    if (this.#over) return;
    const raw = headers.flat().map((text) => Buffer.from(text, 'latin1'));
    this.#controller.rawHeaders = raw;
    this.#limit(this.#bodyTimeoutMs, () => new errors.BodyTimeoutError());
    this.#guarded(() => {
      this.#handler.onResponseStarted?.();
      this.#handler.onResponseStart?.(this.#controller, status, util.parseHeaders(raw), statusText);
    });
  }

  /** A transfer over the routes begins for it. */
  split(): void {
    this.#controller.isSplit = true;
  }

  /** From now on `flow` is what a pause pauses. */
  attach(flow: Flow): void {
    this.#flow = flow;
    if (this.paused) flow.pause();
  }

  data(chunk: Buffer): void {
    if (this.#over) return;
    this.#timer?.refresh();
    this.#guarded(() => this.#handler.onResponseData?.(this.#controller, chunk));
  }

  end(rawTrailers: Buffer[]): void {
    if (this.#over) return;
    this.#finish();
    this.#controller.rawTrailers = rawTrailers;
    try {
      this.#handler.onResponseEnd?.(this.#controller, util.parseHeaders(rawTrailers));
    } catch (error) {
      this.#handler.onResponseError?.(this.#controller, error as Error);
    }
  }

  error(error: Error): void {
    if (this.#over) return;
    this.#finish();
    this.#handler.onResponseError?.(this.#controller, error);
  }

  #abort(reason: Error): void {
    if (this.#over) return;
    this.error(reason);
    this.#stop.abort(reason);
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #guarded(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#abort(error as Error);
    }
  }

  #limit(ms: number, errorOf: () => Error): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (ms === 0 || this.#over) return;
    this.#timer = setTimeout(() => {
      if (this.paused) return;
      const error = errorOf();
      this.error(error);
      this.#stop.abort(error);
    }, ms);
    // a request is kept alive by its connections, not by its time limit
    this.#timer.unref();
  }
}
