// One request to the server that holds the objects, over a pool of connections of its own: sends it, gives the head and
// the pieces of the body as they come, and ends it when nothing comes for too long, at a deadline, or when told to.
// Owns connections and time limits; what an answer means and whether to ask again is remote-reader.ts.
import { Agent, buildConnector } from 'undici';
import type { OriginTuning } from './options.ts';
import { systemReason } from '../protocol/system-words.ts';

/** A request without a body. */
export type RemoteRequest = {
  readonly method: 'GET' | 'HEAD';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
};

/** The head of an answer; header names are lower-case. */
export type RemoteHead = { readonly status: number; readonly headers: Readonly<Record<string, string | undefined>> };

/** What became of a request: answered to its end (or as far as was wanted), or lost on the way. */
export type RemoteOutcome =
  | { readonly type: 'answered'; readonly head: RemoteHead; readonly reason?: string }
  | { readonly type: 'lost'; readonly reason: string };

/** Takes a piece of the body; false when no more of it is wanted. The piece is only lent. */
export type TakePiece = (piece: Uint8Array) => boolean;

/** What is told to whom during a request. */
export type RemoteExchange = {
  readonly request: RemoteRequest;
  /** Takes the head and says who takes the body; undefined when nobody does. */
  readonly onHead: (head: RemoteHead) => TakePiece | undefined;
  /** Monotonic, ms. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
};

/** PEM texts for https. */
export type RemoteTls = {
  /** Instead of the system's authorities. */
  readonly authorities?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
};

/** A body that nobody wants is read to its end when it is so small, so that the connection can be used again; bytes. */
const UNWANTED_BYTES = 65_536;
/** Below what servers keep idle connections; ms. */
const KEEP_ALIVE_MS = 4_000;

/** The connections to a server and to those it redirects to. */
export class RemoteClient {
  readonly #agent: Agent;
  readonly #tuning: OriginTuning;
  readonly #closing = new AbortController();
  readonly #running = new Set<(reason: string) => void>();

  #connect: buildConnector.connector;

  constructor(tuning: OriginTuning, tls: RemoteTls) {
    this.#tuning = tuning;
    this.#connect = connectorOf(tuning, tls);
    this.#agent = new Agent({
      connections: tuning.backendConnections,
      pipelining: 1,
      allowH2: false,
      // the watch below has the time limits
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: (options, connected) => this.#connect(options, connected),
    });
  }

  /** Connections from now on are made with these. */
  setTls(tls: RemoteTls): void {
    this.#connect = connectorOf(this.#tuning, tls);
  }

  /** Sends one request. Rejects with the reason of `signal` only. */
  send({ request, onHead, deadline, signal }: RemoteExchange): Promise<RemoteOutcome> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.#closing.signal.aborted) return Promise.resolve({ type: 'lost', reason: 'the origin stops' });
    const { promise, resolve, reject } = Promise.withResolvers<RemoteOutcome>();
    let head: RemoteHead | undefined;
    let take: TakePiece | undefined;
    let abort: ((reason: Error) => void) | undefined;
    let unwanted = UNWANTED_BYTES;
    let ended: Error | undefined;
    const settle = (): void => {
      clearTimeout(late);
      clearTimeout(stall);
      signal?.removeEventListener('abort', onAbort);
      this.#running.delete(end);
    };
    const answered = (): void => {
      settle();
      resolve(head === undefined ? { type: 'lost', reason: 'the connection ended' } : { type: 'answered', head });
    };
    const lost = (reason: string): void => {
      settle();
      resolve({ type: 'lost', reason });
    };
    // no piece is taken after this
    const end = (reason: string): void => {
      ended ??= new Error(reason);
      abort?.(ended);
      lost(reason);
    };
    const onAbort = (): void => {
      reject(signal?.reason as Error);
      end('it was given up');
    };
    const late = setTimeout(() => end('it took too long'), Math.max(1, deadline - performance.now()));
    // begins when the request leaves: who waits for a connection has the deadline, and connecting a limit of its own
    let stall: NodeJS.Timeout | undefined;
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#running.add(end);
    this.#agent.dispatch(
      {
        origin: request.url.origin,
        path: request.url.pathname + request.url.search,
        method: request.method,
        headers: request.headers,
        // else the connection is given up after each HEAD, for servers that send a body behind one: theirs is lost anyway
        reset: false,
      },
      {
        onRequestStart: (controller) => {
          abort = (reason) => controller.abort(reason);
          if (ended !== undefined) return controller.abort(ended);
          stall = setTimeout(() => end('nothing came for too long'), this.#tuning.backendStallMs);
        },
        onResponseStart: (_controller, status, headers) => {
          if (status < 200) return;
          stall?.refresh();
          head = { status, headers: singles(headers) };
          take = onHead(head);
        },
        onResponseData: (controller, piece) => {
          stall?.refresh();
          unwanted -= piece.length;
          if (take === undefined ? unwanted < 0 : !take(piece)) {
            answered();
            controller.abort(new Error('enough'));
          }
        },
        onResponseEnd: answered,
        onResponseError: (_controller, error) => lost(reasonOf(error)),
      },
    );
    return promise;
  }

  /** Ends what is under way and closes the connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const end of [...this.#running]) end('the origin stops');
    await this.#agent.destroy();
  }
}

function connectorOf(
  { backendStallMs }: OriginTuning,
  { authorities, certificate, key }: RemoteTls,
): buildConnector.connector {
  return buildConnector({
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    allowH2: false,
    timeout: backendStallMs,
    noDelay: true,
  });
}

/** A header that came several times counts as joined, which no strict grammar will take. */
function singles(headers: Readonly<Record<string, string | string[] | undefined>>): RemoteHead['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

/** Never an address or a header: this is shown and logged. */
function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  const words = systemReason(error);
  return words === error.message && code !== undefined ? code : words;
}
