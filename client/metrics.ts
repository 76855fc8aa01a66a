// Metrics of a client for Prometheus, as `heddle proxy --admin` and programs that use the library serve them: one listener
// with /metrics, /livez and /readyz, for all transfers of the process. Loaded only by those who ask for it.
import './older-node.ts';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import { listenFault } from '../protocol/listen-fault.ts';
import { packageVersion } from '../protocol/metrics/package-version.ts';
import { createClientMetrics } from './metrics/client-metrics.ts';
import type { ClientMetrics } from './metrics/client-metrics.ts';

/** Where to serve. */
export type MetricsOptions = {
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether the listener keeps the process running; a program's own affairs decide that by default. */
  readonly keepsRunning?: boolean;
};

/** Metrics that are counted, and served. */
export type RunningMetrics = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** What /metrics answers. */
  text(): Promise<string>;
  /** From now on /readyz says 503: the program is about to stop. */
  notReady(): void;
  /** For programs that read their settings again: call the result after each reading, with whether it counts. Only once. */
  withReloads(): (applied: boolean) => void;
};

/** A scrape's request is a few hundred bytes, and comes at once. */
const HEADERS_TIMEOUT_MS = 10_000;

/** Counts all transfers of this process from now on, and serves the figures. Throws `local-io`. */
export async function startMetrics(options: MetricsOptions): Promise<RunningMetrics> {
  await using counted = new AsyncDisposableStack();
  const metrics = counted.use(createClientMetrics({ version: packageVersion(), withProcess: true }));
  let ready = true;
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS }, (request, response) => {
    void answer(request, response, metrics, ready);
  });
  const { host = '127.0.0.1', port, keepsRunning = false } = options;
  const listening = await listen(server, host, port);
  if (!keepsRunning) server.unref();
  const owned = counted.move();
  return {
    url: `http://${isIP(host) === 6 ? `[${host}]` : host}:${listening}`,
    port: listening,
    text: () => metrics.text(),
    notReady: () => void (ready = false),
    withReloads: () => metrics.withReloads(),
    async [Symbol.asyncDispose]() {
      await owned.disposeAsync();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

async function answer(
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
  metrics: ClientMetrics,
  ready: boolean,
): Promise<void> {
  const path = url.split('?', 1)[0];
  if (method !== 'GET' && method !== 'HEAD') return end(response, 405, 'only GET is answered here\n');
  if (path === '/livez') return end(response, 200, 'alive\n');
  if (path === '/readyz') return ready ? end(response, 200, 'ready\n') : end(response, 503, 'about to stop\n');
  if (path !== '/metrics') return end(response, 404, '/metrics, /livez and /readyz are served here\n');
  return end(response, 200, await metrics.text(), metrics.contentType);
}

function end(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  const headers = { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store' };
  response.writeHead(status, headers);
  response.end(body);
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, host, resolve);
  try {
    await promise;
  } catch (cause) {
    throw listenFault(`${host}:${port}`, cause, 'serve metrics');
  }
  return (server.address() as AddressInfo).port;
}
