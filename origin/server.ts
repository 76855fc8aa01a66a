// The HTTP server of an origin: fastify with the object routes, the health routes, errors as problem+json, and the
// upgrade requests handed to the channels. Who calls when to stop is main.ts.
import { fastify } from 'fastify';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { badHeadOf } from '../protocol/bad-head.ts';
import { HeddleError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import { ROUTE_LIST_PATH } from '../protocol/route-list.ts';
import { secureOptions } from '../protocol/settings/tls.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import { addObjectRoutes } from './object-routes.ts';
import type { RequestKind } from './metrics.ts';
import type { OriginParts } from './origin-parts.ts';
import type { OriginTuning } from './options.ts';
import { problemOf } from './problem.ts';
import { addRouteList } from './published-routes.ts';
import type { Channels } from './upgrade.ts';

/** Whether this origin should be sent new work. */
export type Readiness = () => boolean;

/** What nobody needs a token for. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz', ROUTE_LIST_PATH]);

/** The public server; not listening yet. `tls` serves https. */
export function createPublicServer(
  parts: OriginParts,
  channels: Channels,
  ready: Readiness,
  tls?: TlsIdentity,
): FastifyInstance {
  const app = createServer(parts, tls);
  // by the path as it came, before the router decodes it: there is more than one way to write one
  app.addHook('onRequest', async ({ raw }) => {
    const { url = '' } = raw;
    if (OPEN_PATHS.has(url)) return;
    parts.allowances.note(raw, await parts.guard.admit(raw.headers.authorization, url, Date.now()));
  });
  app.addHook('onResponse', async ({ url }, { statusCode }) => parts.metrics.answered(kindOf(url), statusCode));
  addHealthRoutes(app, ready, parts.tuning);
  addObjectRoutes(app, parts);
  addRouteList(app, parts.published);
  app.server.maxConnections = parts.tuning.maxConnections;
  app.server.on('drop', () => parts.metrics.limited.connections.inc());
  app.server.on('upgrade', (request, socket: Socket, head: Buffer) => void channels.accept(request, socket, head));
  return app;
}

/** What a request is about, by the beginning of its path. */
function kindOf(url: string): RequestKind {
  const [, kind, rest] = /^\/v1\/(objects|manifests|nodes)(\/)?/.exec(url) ?? [];
  return kind === undefined ? 'other' : kind === 'objects' && rest === undefined ? 'list' : (kind as RequestKind);
}

/** The admin server: metrics and health; not listening yet. */
export function createAdminServer(parts: OriginParts, ready: Readiness): FastifyInstance {
  const { registry } = parts.metrics;
  const app = createServer(parts);
  addHealthRoutes(app, ready, parts.tuning);
  app.get('/metrics', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  return app;
}

function createServer({ tuning, metrics }: OriginParts, tls?: TlsIdentity): FastifyInstance {
  const secure =
    tls === undefined
      ? undefined
      : {
          ...secureOptions(tls),
          requestCert: tls.clientAuthorities !== undefined,
          rejectUnauthorized: tls.clientAuthorities !== undefined,
          ALPNProtocols: ['http/1.1'],
          handshakeTimeout: tuning.headersMs,
        };
  const app = fastify({
    logger: false,
    keepAliveTimeout: tuning.keepAliveMs,
    // Long bodies and channels have their own time limits.
    requestTimeout: 0,
    connectionTimeout: 0,
    forceCloseConnections: 'idle',
    // A drained server still answers what arrives on the connections it has.
    return503OnClosing: false,
    [secure === undefined ? 'http' : 'https']: {
      ...secure,
      maxHeaderSize: LIMITS.maxHeadBytes,
      headersTimeout: tuning.headersMs,
      // How late that may be noticed; node would look every 30 s.
      connectionsCheckingInterval: tuning.headersMs / 10,
      // Programs that offer h2c with a plain request get the plain answer (Node 24 and newer).
      shouldUpgradeCallback: (request: IncomingMessage) =>
        request.headers.upgrade?.toLowerCase().startsWith('heddle/') === true,
    },
    clientErrorHandler: (error: Error & { code: string }, socket: Socket) => {
      const bad = badHeadOf(error.code);
      // A connection that was only kept warm is no head that never came; who floods on is told and counted once.
      if (bad === undefined || socket.bytesRead === 0 || !socket.writable) return void socket.destroy();
      if (bad.limit !== undefined) metrics.limited[bad.limit].inc();
      else metrics.refused['bad-request'].inc();
      // Nothing may be written into an answer that is under way.
      if (socket.bytesWritten > 0) socket.destroy();
      else socket.end(bad.answer);
    },
    frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) => {
      const error = new HeddleError('bad-request', 'the path is not valid percent-encoding', { side: 'remote' });
      sendProblem(reply, error, tuning);
    },
  }) as unknown as FastifyInstance;
  app.setErrorHandler((error: FastifyError | HeddleError, _request, reply) => {
    const known = error instanceof HeddleError || (error.statusCode ?? 500) >= 500;
    sendProblem(reply, known ? error : new HeddleError('bad-request', error.message, { side: 'remote' }), tuning);
  });
  app.setNotFoundHandler((_request, reply) => {
    sendProblem(reply, new HeddleError('object-not-found', 'nothing is served at this path'), tuning);
  });
  return app;
}

function addHealthRoutes(app: FastifyInstance, ready: Readiness, tuning: OriginTuning): void {
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    if (ready()) return reply.type('text/plain').send('ok\n');
    return sendProblem(reply, new HeddleError('draining'), tuning);
  });
}

function sendProblem(reply: FastifyReply, error: unknown, tuning: OriginTuning): FastifyReply {
  const { status, headers, body } = problemOf(error, tuning.retryAfterSeconds);
  return reply.code(status).headers(headers).send(body);
}
