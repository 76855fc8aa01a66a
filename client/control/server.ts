// The HTTP server of the control interface: listens on a loopback port or a unix socket, lets in who may ask, answers
// errors as problem+json, serves the page. Loaded only when somebody asks for it.
import { fastify } from 'fastify';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { chmod, lstat, mkdtemp, rename, rm } from 'node:fs/promises';
import { connect, isIP } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { HeddleError } from '../../protocol/errors.ts';
import type { ControlAddress } from './address.ts';
import { addApi } from './api.ts';
import { admit } from './guard.ts';
import type { Admission } from './guard.ts';
import { problemOf, Refused } from './problem.ts';
import type { TransferList } from './transfer-list.ts';
import { listenFault } from '../../protocol/listen-fault.ts';

/** What the interface is started with. */
export type ServerOptions = {
  readonly address: ControlAddress;
  readonly transfers: TransferList;
  /** What whoever asks over TCP has to show. */
  readonly token: string;
  /** Whether the process lives as long as it listens. */
  readonly keepsRunning?: boolean;
};

/** A running control interface. `url` is what a browser opens, token and all; of a unix socket `unix:PATH`. */
export type RunningServer = AsyncDisposable & { readonly url: string };

const BODY_BYTES = 65_536;
const MOST_CONNECTIONS = 256;
const HEADERS_TIMEOUT_MS = 20_000;
const KEEP_ALIVE_MS = 75_000;
/** ms that open streams may take to tell how it ended. */
const LAST_WORDS_MS = 500;

/** Starts the interface. Throws `local-io`. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { address, transfers, token, keepsRunning = true } = options;
  const streams = new Set<Promise<void>>();
  const isUnix = address.type === 'unix';
  // the port is known when it listens; nobody can ask before
  const admission = { hosts: isUnix ? undefined : ([] as string[]), token: isUnix ? undefined : token };
  const app = createServer(admission);
  addApi(app, transfers, streams);
  addPage(app);
  await app.ready();
  try {
    if (isUnix) await listenOnSocket(app, address.path);
    else await app.listen({ host: address.host, port: address.port });
  } catch (error) {
    await app.close();
    throw listenFault(isUnix ? address.path : `${address.host}:${address.port}`, error);
  }
  if (!keepsRunning) app.server.unref();
  if (address.type === 'tcp') admission.hosts?.push(...hostsOf(address.host, portOf(app)));
  return {
    url: isUnix ? `unix:${address.path}` : `http://${admission.hosts?.[0]}/#token=${token}`,
    async [Symbol.asyncDispose]() {
      transfers.hush();
      await Promise.race([Promise.all(streams), timeout(LAST_WORDS_MS)]);
      await app.close();
      if (isUnix) await rm(address.path, { force: true });
    },
  };
}

function createServer(admission: Admission): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    return503OnClosing: false,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allowUnionTypes: true } },
    frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) =>
      void sendProblem(reply, new HeddleError('bad-request', 'the path is not valid percent-encoding')),
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  app.addHook('onRequest', async ({ raw: { headers, url = '' } }, reply) => {
    reply.header('Cache-Control', 'no-store');
    reply.header('X-Content-Type-Options', 'nosniff');
    reply.header('Cross-Origin-Resource-Policy', 'same-origin');
    admit(admission, { target: url, headers });
  });
  app.setErrorHandler((error: FastifyError | HeddleError, _request, reply) => {
    const status = error instanceof HeddleError ? 500 : (error.statusCode ?? 500);
    return sendProblem(reply, status < 500 ? new Refused(status, error.message) : error);
  });
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, new Refused(404, 'nothing is served here by this method; see /v1/openapi.json')),
  );
  return app;
}

function addPage(app: FastifyInstance): void {
  let read: Promise<{ readonly html: string; readonly contentSecurityPolicy: string }> | undefined;
  app.get('/', async (_request, reply) => {
    read ??= import('./page/page.ts').then(({ readPage }) => readPage());
    const { html, contentSecurityPolicy } = await read;
    reply.header('Content-Security-Policy', contentSecurityPolicy);
    reply.header('Cross-Origin-Opener-Policy', 'same-origin');
    reply.header('Referrer-Policy', 'no-referrer');
    reply.header('X-Frame-Options', 'DENY');
    return reply.type('text/html; charset=utf-8').send(html);
  });
  app.get('/favicon.ico', (_request, reply) => reply.code(204).send());
}

function sendProblem(reply: FastifyReply, error: unknown): FastifyReply {
  const problem = problemOf(error);
  if (problem.status === 401) reply.header('WWW-Authenticate', 'Bearer realm="heddle"');
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** In a folder of its own first, so that nobody else can connect before the mode says so. */
async function listenOnSocket(app: FastifyInstance, path: string): Promise<void> {
  await removeStale(path);
  const folder = await mkdtemp(join(dirname(path), '.heddle-'));
  try {
    const draft = join(folder, basename(path));
    await app.listen({ path: draft });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A socket that nobody listens on is left over from a process that was killed. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
  if (!found.isSocket() || isAlive) {
    throw new HeddleError('local-io', `cannot listen on ${path}: something else is there already`);
  }
  await rm(path);
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The names under which programs know the listener, the one to show first. */
function hostsOf(host: string, port: number): string[] {
  const written = isIP(host) === 6 ? `[${host}]` : host.toLowerCase();
  return [...new Set([written, '127.0.0.1', '[::1]', 'localhost'])].map((name) => `${name}:${port}`);
}

function timeout(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, ms).unref();
  return promise;
}
