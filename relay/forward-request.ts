// A plain GET or HEAD through the relay: the raw path and the end-to-end headers go to the upstream, the answer comes
// back as it is, with back-pressure; an abort on either side reaches the other. Channels are upgrade.ts's business.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HeddleError } from '../protocol/errors.ts';
import type { Admitted } from './admission.ts';
import type { RelayContext } from './context.ts';
import { answerHeaders, appendVia, headerValue, pairs, requestHeaders } from './forwarded-headers.ts';
import type { Traffic } from './join.ts';
import { formatRefusal, refuseAfter } from './problem.ts';
import type { Refusal } from './problem.ts';
import type { Share } from './shaper.ts';
import type { Upstream } from './upstream.ts';

/** Serves one plain request whose target was `rawPath`; never throws. */
export async function forwardRequest(
  context: RelayContext,
  request: IncomingMessage,
  response: ServerResponse,
  rawPath: string,
): Promise<void> {
  const { via, authorization } = request.headers;
  const admitted = await context.admission.admit({ rawPath, via, authorization }, Date.now());
  if (admitted.type === 'refused') {
    sendRefusal(context, response, admitted);
    return;
  }
  try {
    await forward(context, admitted, request, response);
  } catch (error) {
    // Behind a sent head the only honest word is a broken connection.
    if (response.headersSent) response.destroy();
    else if (!response.destroyed) sendRefusal(context, response, refuseAfter(error, admitted.upstream.target.name));
  } finally {
    admitted.release();
  }
}

/** Answers with a problem document, and counts it. */
export function sendRefusal(context: RelayContext, response: ServerResponse, refusal: Refusal): void {
  context.metrics.refused(refusal);
  const { headers, body } = formatRefusal(refusal, context.pseudonym);
  response.writeHead(refusal.status, headers.flat());
  response.end(body);
}

async function forward(
  context: RelayContext,
  { upstream, rest, via, share, endBy }: Admitted<Upstream>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { target, traffic } = upstream;
  const agent = await upstream.agent();
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  endBy(() => response.destroy());
  if (response.destroyed) return;
  const startedAt = performance.now();
  const answer = await agent
    .request({
      origin: target.origin,
      path: target.basePath + rest,
      method: request.method === 'HEAD' ? 'HEAD' : 'GET',
      headers: [...requestHeaders(request.rawHeaders), ['Host', target.authority], ['Via', via]].flat(),
      signal: gone.signal,
      responseHeaders: 'raw',
    })
    .catch((cause: unknown) => {
      throw asFailure(cause);
    });
  context.metrics.answered(target.name, 'plain', answer.statusCode, startedAt);
  const headers = pairs(answer.headers as unknown as string[]);
  const onward = [
    ...answerHeaders(headers),
    ['Via', appendVia(headerValue(headers, 'via'), context.pseudonym)] as [string, string],
  ];
  response.writeHead(answer.statusCode, onward.flat());
  // A client that takes nothing for this long is given up; it is not a fault of a slow one.
  response.setTimeout(context.limits.idleTimeoutMs, () => response.destroy());
  await pipeline(answer.body, counted(traffic, share, response), response);
}

/** Counts what passes, and lets on as fast as the share has room. */
function counted(traffic: Traffic, share: Share, response: ServerResponse): Transform {
  let goOn: (() => void) | undefined;
  share.listen(
    () => {
      const resume = goOn;
      goOn = undefined;
      resume?.();
    },
    () => response.destroy(),
  );
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      traffic.toClient += chunk.length;
      if (share.took(chunk.length)) done(null, chunk);
      else goOn = () => done(null, chunk);
    },
  });
}

// undici's names for what happened, in ours.
function asFailure(cause: unknown): HeddleError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const isTimeout = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_CONNECT_TIMEOUT';
  const isLost = code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
  if (code === 'UND_ERR_INVALID_ARG') return new HeddleError('bad-request', undefined, { side: 'remote', cause });
  const kind = isTimeout ? 'timeout' : isLost ? 'connection-lost' : 'unreachable';
  return new HeddleError(kind, undefined, { side: 'remote', cause });
}
