// The relay's HTTP faces: the public one (fastify for plain requests and health, the 'upgrade' event for channels) and
// the admin one (metrics and health). Routing and server settings only.
import fastify, { type FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { badHeadOf } from '../protocol/bad-head.ts';
import { LIMITS } from '../protocol/limits.ts';
import { secureOptions } from '../protocol/settings/tls.ts';
import type { TlsIdentity } from '../protocol/settings/tls.ts';
import type { RelayContext } from './context.ts';
import { forwardRequest, sendRefusal } from './forward-request.ts';
import { refuse } from './problem.ts';
import { handleUpgrade, isChannelUpgrade } from './upgrade.ts';

/** Where fastify finds everything under /v1/via/: its router would decode the path, which must pass as it came. */
const VIA_ROUTE = '/v1/via';

export function createPublicServer(context: RelayContext, tls: TlsIdentity | undefined): FastifyInstance {
  const rewriteUrl = ({ url = '/' }: IncomingMessage): string => (url.startsWith(`${VIA_ROUTE}/`) ? VIA_ROUTE : url);
  const app = createServer(context, rewriteUrl, tls);
  app.route({
    method: ['GET', 'HEAD'],
    url: VIA_ROUTE,
    handler: async (request, reply) => {
      reply.hijack();
      await forwardRequest(context, request.raw, reply.raw, request.originalUrl);
    },
  });
  app.server.on('upgrade', (request, socket, head) => void handleUpgrade(context, request, socket as Socket, head));
  app.server.maxConnections = context.limits.maxConnections;
  app.server.on('drop', () => context.metrics.limited('connections'));
  return app;
}

export function createAdminServer(context: RelayContext): FastifyInstance {
  const app = createServer(context, (request) => request.url ?? '/');
  app.get('/metrics', async (_request, reply) => {
    const { registry } = context.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  return app;
}

function createServer(
  context: RelayContext,
  rewriteUrl: (request: IncomingMessage) => string,
  tls?: TlsIdentity,
): FastifyInstance {
  const secure =
    tls === undefined
      ? undefined
      : {
          ...secureOptions(tls),
          requestCert: tls.clientAuthorities !== undefined,
          rejectUnauthorized: tls.clientAuthorities !== undefined,
          ALPNProtocols: ['http/1.1'],
          handshakeTimeout: context.limits.handshakeTimeoutMs,
          // A client may end its half while its answer is still on the way.
          allowHalfOpen: true,
        };
  const app = fastify({
    rewriteUrl,
    [secure === undefined ? 'http' : 'https']: {
      ...secure,
      // Heddle-First alone may exceed node's default of 16 KiB.
      maxHeaderSize: LIMITS.maxHeadBytes,
      // Counts from the accept, so it also bounds how long others may keep connections to this relay warm.
      headersTimeout: context.limits.headTimeoutMs,
      // How late that may be noticed; node would look every 30 s.
      connectionsCheckingInterval: context.limits.headTimeoutMs / 10,
      // Any other Upgrade is answered as the plain request that it also is.
      shouldUpgradeCallback: isChannelUpgrade,
    },
    keepAliveTimeout: context.limits.headTimeoutMs,
    // Streams last as long as they last; idle ones are ended by our own clocks.
    requestTimeout: 0,
    connectionTimeout: 0,
    clientErrorHandler: (error: Error & { code: string }, socket: Socket) => {
      const bad = badHeadOf(error.code);
      // A connection that was only kept warm is no head that never came; who floods on is told and counted once.
      if (bad === undefined || socket.bytesRead === 0 || !socket.writable) return void socket.destroy();
      if (bad.limit !== undefined) context.metrics.limited(bad.limit);
      else context.metrics.refused(refuse('bad-request'));
      // Nothing may be written into an answer that is under way; without one, nonsense is told what it is.
      if (socket.bytesWritten > 0) socket.destroy();
      else socket.end(bad.answer);
    },
  }) as unknown as FastifyInstance;
  app.addHook('onRequest', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    reply.hijack();
    const headers = [
      ['Allow', 'GET, HEAD'],
      ['Connection', 'close'],
    ] as const;
    sendRefusal(context, reply.raw, refuse('bad-request', { status: 405, detail: 'only GET and HEAD pass', headers }));
  });
  app.setNotFoundHandler((_request, reply) => {
    reply.hijack();
    const detail = 'a relay serves /v1/via/<upstream>/…, /livez and /readyz';
    sendRefusal(context, reply.raw, refuse('bad-request', { status: 404, detail }));
  });
  app.setErrorHandler((_error, _request, reply) => {
    reply.hijack();
    sendRefusal(context, reply.raw, refuse('internal'));
  });
  app.get('/livez', (_request, reply) => reply.header('cache-control', 'no-store').send('alive\n'));
  app.get('/readyz', (_request, reply) => {
    reply.header('cache-control', 'no-store');
    return context.isReady() ? reply.send('ready\n') : reply.code(503).header('retry-after', '2').send('draining\n');
  });
  return app;
}
