// The local proxy: a forward proxy for programs (absolute-form requests are split where their origin is configured, CONNECT
// tunnels) and a gateway for everything that can open a URL (`/o/<key>`, `/https/<host>/<path>`). It listens, decides by
// target.ts and hands on; it keeps nothing.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { listenFault } from '../../protocol/listen-fault.ts';
import { LiveSites } from '../live-sites.ts';
import type { RequestRegister } from '../plain-requests.ts';
import { Connections } from './connections.ts';
import { forward } from './forward.ts';
import { refuse, refuseTunnel } from './refuse.ts';
import { Splitting } from './splitting.ts';
import type { SplittingOptions } from './splitting.ts';
import { targetOf } from './target.ts';
import type { ProxySettings } from './target.ts';
import { openTunnel, tunnelTarget } from './tunnel.ts';

/** What the proxy is started with. */
export type ProxyOptions = SplittingOptions & {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** More names under which the gateway may be asked, such as the one that others know this machine by. */
  readonly allowHosts?: readonly string[];
  /** Told of every request and tunnel. */
  readonly requests?: RequestRegister | undefined;
};

/** A running proxy. Disposing it ends everything at once. */
export type RunningProxy = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** Answers and tunnels that are under way. */
  underWay(): number;
  /**
   * New requests are split by `next`; those under way are joined by its routes and leave those that are not there any more.
   * What is returned settles with the last of those. Throws `bad-configuration` or `no-route`, and then has changed nothing.
   */
  reconfigure(next: SplittingOptions): { readonly over: Promise<void> };
  /** Lets nobody new in; settles when everything under way is done, or `signal` aborts. */
  drain(signal: AbortSignal): Promise<void>;
};

/** Connections at one time. */
const MOST_CONNECTIONS = 1_024;
/** ms for the head of a request, and of silence on a connection that is kept. */
const HEADERS_TIMEOUT_MS = 20_000;
const KEEP_ALIVE_MS = 75_000;

/** Starts the proxy. Throws `bad-configuration` or `local-io`. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const live = new LiveSites();
  let splitting = new Splitting(options, live);
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  server.maxConnections = MOST_CONNECTIONS;
  const connections = new Connections(server);
  const port = await listen(server, options);
  const hosts = ownHosts([options.host, ...(options.allowHosts ?? [])], port);

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request;
    const settings = { ownHosts: hosts, ...splitting.targets };
    const target = targetOf({ method, target: url, headers }, settings);
    if (target.type === 'refused') refuse(response, target.status, target.detail);
    else if (target.type === 'about') about(response, settings);
    else {
      splitting.hold(response);
      forward(splitting.dispatcher, request, response, target, options.requests);
    }
  });
  server.on('connect', (request: IncomingMessage, near: Duplex, head: Buffer) => {
    const to = tunnelTarget(request.url);
    const own = to !== undefined && hosts.includes(`${isIP(to.host) === 6 ? `[${to.host}]` : to.host}:${to.port}`);
    if (to === undefined || own) return refuseTunnel(near, 400, 'a tunnel leads to HOST:PORT elsewhere');
    openTunnel(near, head, to, options.requests);
  });

  return {
    url: `http://${hosts[0]}`,
    port,
    underWay: () => connections.underWay,
    reconfigure: (next) => {
      const before = splitting;
      splitting = new Splitting(next, live);
      return { over: before.retire() };
    },
    drain: (signal) => Promise.race([connections.drain(), aborted(signal)]),
    async [Symbol.asyncDispose]() {
      await Promise.all([connections.destroy(), splitting.destroy()]);
    },
  };
}

async function listen(server: Server, { host, port }: ProxyOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, host, resolve);
  try {
    await promise;
  } catch (error) {
    throw listenFault(`${host}:${port}`, error);
  }
  return (server.address() as AddressInfo).port;
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

/** The names under which programs know the listener, the one to show first. */
function ownHosts(names: readonly string[], port: number): string[] {
  const written = names.map((name) => (isIP(name) === 6 ? `[${name}]` : name.toLowerCase()));
  return [...new Set([...written, '127.0.0.1', '[::1]', 'localhost'])].map((name) => `${name}:${port}`);
}

function about(response: ServerResponse, { ownHosts: [host = ''], origins, objects }: ProxySettings): void {
  const lines = [
    'heddle proxy',
    `  as a proxy:   http_proxy=http://${host}`,
    ...(objects === undefined ? [] : [`  an object:    http://${host}/o/<key>`]),
    ...origins.map((origin) => `  its origin:   http://${host}/${origin.replace('://', '/')}/<path>`),
  ];
  const body = `${lines.join('\n')}\n`;
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}
