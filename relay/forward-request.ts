// A plain GET or HEAD through the relay: the raw path and the end-to-end headers go to the upstream, the answer comes
// back as it is, with back-pressure; an abort on either side reaches the other. Channels are upgrade.ts's business.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeddleError } from '../protocol/errors.ts';
import { formatRequestHead, rawFields } from '../protocol/http-head.ts';
import type { Admitted } from './admission.ts';
import { framingOf } from './body-framing.ts';
import type { RelayContext } from './context.ts';
import { answerHeaders, appendVia, requestHeaders } from './forwarded-headers.ts';
import { passBody } from './pass-body.ts';
import { formatRefusal, refuseAfter } from './problem.ts';
import type { Refusal } from './problem.ts';
import type { Upstream } from './upstream.ts';
import { askUpstream } from './upstream-answer.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import { cutOff } from './upstream-socket.ts';

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
  const { limits } = context;
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET';
  const client = request.socket;
  const gone = new AbortController();
  const onGone = (): void => {
    // an answer that is out closes as well
    if (!response.writableFinished) gone.abort(new HeddleError('connection-lost', 'the client has left'));
  };
  response.once('close', onGone);
  client.once('close', onGone);
  endBy(() => response.destroy());
  if (response.destroyed || client.destroyed) return;
  try {
    const startedAt = performance.now();
    const head = formatRequestHead(method, target.basePath + rest, [
      ['Host', target.authority],
      ['Via', via],
      ...requestHeaders(request.rawHeaders),
    ]);
    const options = { timeoutMs: limits.answerTimeoutMs, signal: gone.signal };
    const answer = await askUpstream(upstream, head, options, startedAt);
    let isReusable = false;
    try {
      const framing = framingOf(answer.head, method);
      context.metrics.answered(target.name, 'plain', answer.head.status, startedAt);
      writeHead(context, answer, response);
      // A client that takes nothing for this long is given up; it is not a fault of a slow one.
      response.setTimeout(limits.idleTimeoutMs, () => response.destroy());
      await passBody(answer, framing, { response, client, traffic, share, limits });
      isReusable = !framing.hasSurplus && !/\bclose\b/i.test(answer.head.headers.get('connection') ?? '');
    } finally {
      if (isReusable) upstream.warm.giveBack(answer.connection, performance.now());
      else cutOff(answer.connection.socket);
    }
  } finally {
    client.off('close', onGone);
  }
}

function writeHead(context: RelayContext, { head, headBytes }: UpstreamAnswer, response: ServerResponse): void {
  if (head.status === 101) throw new HeddleError('handshake-failed', 'upgraded unasked', { side: 'remote' });
  const via: [string, string] = ['Via', appendVia(head.headers.get('via'), context.pseudonym)];
  response.writeHead(head.status, [...answerHeaders(rawFields(headBytes)), via].flat());
}
