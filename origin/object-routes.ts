// The plain HTTP face of the objects: whole or by range, signed manifests, proof pages, the list. Keys are taken from
// the path as it came, never from the router's decoding. Errors are left to server.ts.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HeddleError } from '../protocol/errors.ts';
import { formatRoot } from '../protocol/manifest.ts';
import { LIMITS } from '../protocol/limits.ts';
import { decodeKey } from '../protocol/paths.ts';
import type { OpenObject } from './block-cache.ts';
import type { PublishedObject } from './catalog.ts';
import { evaluate } from './conditional.ts';
import type { ByteRange, Verdict } from './conditional.ts';
import { sendBody } from './object-body.ts';
import { openPublished } from './origin-parts.ts';
import type { OriginParts } from './origin-parts.ts';
import { problemOf } from './problem.ts';
import { spanOf } from './proof-pages.ts';

/** Adds the routes of the objects. */
export function addObjectRoutes(app: FastifyInstance, parts: OriginParts): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/v1/objects/*',
    handler: (request, reply) => sendObject(request, reply, parts),
  });
  app.get('/v1/objects', (request) => listObjects(request, parts));
  app.get('/v1/manifests/*', async (request, reply) => {
    const object = await parts.catalog.lookup(keyIn(request, '/v1/manifests/'));
    reply.header('ETag', object.manifest.etag).header('Cache-Control', 'no-cache');
    return reply.type('application/jose').send(object.signed);
  });
  app.get('/v1/nodes/*', (request, reply) => sendNodes(request, reply, parts));
  app.get('/v1/segments/*', () => {
    throw new HeddleError('handshake-failed', 'segments are pushed over a connection upgraded to heddle/1');
  });
}

async function sendObject(request: FastifyRequest, reply: FastifyReply, parts: OriginParts): Promise<FastifyReply> {
  // Opened before the head is written: what fails now can still be said.
  const { object, file } = await openPublished(parts, keyIn(request, '/v1/objects/'));
  try {
    const { status, range } = evaluate(
      request.method,
      request.headers,
      { ...object, etag: object.manifest.etag },
      Date.now(),
    );
    const headers = headersOf(object, status, range);
    if (status === 304) return await reply.code(304).headers(headers).send();
    if (range === undefined) {
      const error = new HeddleError(status === 412 ? 'object-changed' : 'range-not-satisfiable');
      const problem = problemOf(error, parts.tuning.retryAfterSeconds, status);
      return await reply
        .code(status)
        .headers({ ...headers, ...problem.headers })
        .send(problem.body);
    }
    if (request.method !== 'HEAD') parts.allowances.checkFor(request.raw);
    reply.hijack();
    reply.raw.writeHead(status, { ...headers, 'Content-Length': String(range.to - range.from) });
    if (request.method === 'HEAD') reply.raw.end();
    else await parts.bodies.track(sendCounted(request, reply, { file, range }, parts));
    return await reply;
  } finally {
    file.close();
  }
}

async function sendCounted(
  request: FastifyRequest,
  reply: FastifyReply,
  { file, range }: { readonly file: OpenObject; readonly range: ByteRange },
  parts: OriginParts,
): Promise<void> {
  const share = parts.allowances.openFor(request.raw);
  await sendBody(reply.raw, file, range, { ...parts, share });
  parts.allowances.close(share);
}

function headersOf(
  { size, modified, manifest }: PublishedObject,
  status: Verdict['status'],
  range: ByteRange | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {
    ETag: manifest.etag,
    'Last-Modified': new Date(modified).toUTCString(),
    // A proxy that recompresses would break ranges and hashes.
    'Cache-Control': 'no-cache, no-transform',
    'Accept-Ranges': 'bytes',
  };
  if (status === 416) headers['Content-Range'] = `bytes */${size}`;
  if (range === undefined) return headers;
  if (status === 206) headers['Content-Range'] = `bytes ${range.from}-${range.to - 1}/${size}`;
  return { ...headers, 'Content-Type': manifest.contentType, 'X-Content-Type-Options': 'nosniff' };
}

/** One encoded PROOF frame: the block of nodes that holds from ≤ n < to of `level`. */
async function sendNodes(request: FastifyRequest, reply: FastifyReply, parts: OriginParts): Promise<FastifyReply> {
  const key = keyIn(request, '/v1/nodes/');
  const [level, from, to] = ['level', 'from', 'to'].map((name) => wholeNumber(request, name)) as [
    number,
    number,
    number,
  ];
  if (to <= from) throw bad('`to` must be above `from`');
  if (spanOf(to - from) > LIMITS.maxProofNodes) throw bad(`at most ${LIMITS.maxProofNodes} nodes at once`);
  const object = await parts.catalog.lookup(key);
  const frame = await parts.pages.frame(object, level, from, to - from);
  parts.metrics.bytes.proofs.inc(frame.length);
  return reply.type('application/octet-stream').header('ETag', object.manifest.etag).send(frame);
}

async function listObjects(request: FastifyRequest, { catalog, tuning }: OriginParts): Promise<object> {
  const limit = Math.min(tuning.listLimit, wholeNumber(request, 'limit', tuning.listLimit));
  if (limit === 0) throw bad('`limit` must be at least 1');
  const { objects, next } = await catalog.list(text(request, 'prefix') ?? '', text(request, 'after') ?? '', limit);
  return {
    objects: objects.map(({ key, stat, root }) => ({
      key,
      size: stat.size,
      ...(root === undefined ? {} : { root: formatRoot(root) }),
      modified: new Date(stat.modified).toISOString(),
    })),
    ...(next === undefined ? {} : { next }),
  };
}

/** The key behind `prefix` in the path of the request, as it came. */
function keyIn(request: FastifyRequest, prefix: string): string {
  const [path = ''] = (request.raw.url ?? '').split('?', 1);
  if (!path.startsWith(prefix)) throw new HeddleError('object-not-found');
  return decodeKey(path.slice(prefix.length));
}

function text(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, unknown>)[name];
  if (value === undefined || typeof value === 'string') return value;
  throw bad(`\`${name}\` is given twice`);
}

function wholeNumber(request: FastifyRequest, name: string, otherwise?: number): number {
  const value = text(request, name);
  if (value === undefined && otherwise !== undefined) return otherwise;
  if (value === undefined || !/^(?:0|[1-9][0-9]{0,14})$/.test(value)) throw bad(`\`${name}\` must be a whole number`);
  return Number(value);
}

function bad(message: string): HeddleError {
  return new HeddleError('bad-request', message, { side: 'remote' });
}
