// One plain request over a route's pool, and its answer: the head at once, the body when somebody takes it. Until then
// the connection is paused. Judges nothing.
import type { Dispatcher } from 'undici';
import type { HeaderLine } from './view.ts';

/** What is asked. `path` is complete: the route's base path is in front. */
export type PlainRequest = {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly headersTimeoutMs: number | undefined;
};

/** Takes a body. After `end` or `error` nothing else follows. */
export type BodyReader = {
  data(chunk: Buffer): void;
  end(rawTrailers: Buffer[]): void;
  error(error: Error): void;
};

/** The source of a body, steered by who reads it. */
export type Flow = { pause(): void; resume(): void };

/** An answer whose head has come. Aborting the request's signal ends it. */
export type PlainAnswer = {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly HeaderLine[];
  /** Hands the body to `reader`, from its beginning; once. The flow runs at once. */
  readInto(reader: BodyReader): Flow;
  /** The whole body; rejects when it is larger than `mostBytes`, broken, or silent for `mostSilenceMs`. */
  collect(mostBytes: number, mostSilenceMs?: number): Promise<Buffer>;
  /** Ends it; its connection is lost unless the answer was complete. */
  destroy(): void;
};

/** ms of silence after which a small answer is given up. */
const MOST_SILENCE_MS = 10_000;

/** Asks, and settles with the head of the final answer, or rejects with undici's error. */
export function ask(pool: Dispatcher, request: PlainRequest, signal: AbortSignal): Promise<PlainAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PlainAnswer>();
  const body = new HeldBody();
  const abort = (): void => {
    const reason = asError(signal.reason);
    reject(reason);
    body.flow?.abort(reason);
  };
  const { method, path, headers, headersTimeoutMs } = request;
  signal.addEventListener('abort', abort, { once: true });
  const settled = (): void => signal.removeEventListener('abort', abort);
  pool.dispatch(
    { method, path, headers, ...(headersTimeoutMs === undefined ? {} : { headersTimeout: headersTimeoutMs }) },
    {
      onRequestStart(controller) {
        body.flow = controller;
        if (signal.aborted) controller.abort(asError(signal.reason));
      },
      onResponseStart(controller, status, _headers, statusText = '') {
        if (status < 200) return;
        controller.pause();
        const lines = linesOf(controller.rawHeaders);
        resolve({
          status,
          statusText,
          headers: lines,
          readInto: (reader) => body.readInto(reader),
          collect: (mostBytes, mostSilenceMs) => collect(body, mostBytes, mostSilenceMs),
          destroy: () => body.flow?.abort(new Error('not needed')),
        });
      },
      onResponseData: (_controller, chunk) => body.data(chunk),
      onResponseEnd(controller) {
        settled();
        body.end(buffersOf(controller.rawTrailers));
      },
      onResponseError(_controller, error) {
        settled();
        reject(error);
        body.error(error);
      },
    },
  );
  return promise;
}

/** What came before a reader did: no more than the connection had read when it was paused. */
class HeldBody implements BodyReader {
  flow: Dispatcher.DispatchController | undefined;
  #reader: BodyReader | undefined;
  readonly #held: ((reader: BodyReader) => void)[] = [];

  readInto(reader: BodyReader): Flow {
    this.#reader = reader;
    for (const tell of this.#held.splice(0)) tell(reader);
    const flow: Flow = { pause: () => this.flow?.pause(), resume: () => this.flow?.resume() };
    flow.resume();
    return flow;
  }

  data(chunk: Buffer): void {
    this.#tell((reader) => reader.data(chunk));
  }

  end(rawTrailers: Buffer[]): void {
    this.#tell((reader) => reader.end(rawTrailers));
  }

  error(error: Error): void {
    this.#tell((reader) => reader.error(error));
  }

  #tell(tell: (reader: BodyReader) => void): void {
    if (this.#reader === undefined) this.#held.push(tell);
    else tell(this.#reader);
  }
}

function collect(body: HeldBody, mostBytes: number, mostSilenceMs = MOST_SILENCE_MS): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const silence = setTimeout(() => body.flow?.abort(new Error(`nothing came for ${mostSilenceMs} ms`)), mostSilenceMs);
  body.readInto({
    data(chunk) {
      silence.refresh();
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > mostBytes) body.flow?.abort(new Error(`the answer is longer than ${mostBytes} bytes`));
    },
    end() {
      clearTimeout(silence);
      resolve(Buffer.concat(chunks));
    },
    error(error) {
      clearTimeout(silence);
      reject(error);
    },
  });
  return promise;
}

/** A header list of undici as lines. */
function linesOf(raw: Dispatcher.DispatchController['rawHeaders']): HeaderLine[] {
  const buffers = buffersOf(raw);
  return Array.from({ length: buffers.length / 2 }, (_, at) => [
    buffers[2 * at]?.toString('latin1') ?? '',
    buffers[2 * at + 1]?.toString('latin1') ?? '',
  ]);
}

/** Over HTTP/1.1, the only version spoken on routes, undici gives buffers. */
function buffersOf(raw: Dispatcher.DispatchController['rawHeaders']): Buffer[] {
  return Array.isArray(raw) ? raw.filter((part): part is Buffer => Buffer.isBuffer(part)) : [];
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
