// An upgrade request from its arrival to the joined session: admission, the upstream's answer, then 101 or the refusal
// as it came. After that join.ts has the sockets. A client that leaves early ends the dial.
import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { UPGRADE_TOKEN } from '../protocol/channel-request.ts';
import { formatRequestHead, formatResponseHead } from '../protocol/http-head.ts';
import type { Admitted } from './admission.ts';
import type { RelayContext } from './context.ts';
import { answerHeaders, appendVia, requestHeaders } from './forwarded-headers.ts';
import type { HeaderList } from './forwarded-headers.ts';
import { Session } from './join.ts';
import { formatRefusal, refuse, refuseAfter } from './problem.ts';
import type { Refusal } from './problem.ts';
import type { Upstream } from './upstream.ts';
import { askUpstream, readBody } from './upstream-answer.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import { cutOff } from './upstream-socket.ts';

/** True for a request that asks for a channel; others are no business of the upgrade. */
export function isChannelUpgrade(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === UPGRADE_TOKEN;
}

/** Serves one upgrade request; never throws. */
export async function handleUpgrade(
  context: RelayContext,
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
): Promise<void> {
  const waiting = new WaitingClient(client, head, context.limits.earlyBytes);
  context.upgradedSockets.add(client);
  client.once('close', () => context.upgradedSockets.delete(client));
  const refusal = await relayUpgrade(context, request, client, waiting).catch(() => refuse('internal'));
  if (refusal === undefined || client.destroyed) return;
  context.metrics.refused(refusal);
  context.debug?.(`a session is refused: ${refusal.code}`);
  const { headers, body } = formatRefusal(refusal, context.pseudonym);
  waiting.finish(refusal.status, headers, Buffer.from(body), context.limits.lingerTimeoutMs);
}

async function relayUpgrade(
  context: RelayContext,
  request: IncomingMessage,
  client: Socket,
  waiting: WaitingClient,
): Promise<Refusal | undefined> {
  if (!isChannelUpgrade(request)) return refuse('bad-request', { detail: `only ${UPGRADE_TOKEN} upgrades pass here` });
  const { via, authorization } = request.headers;
  const admitted = await context.admission.admit({ rawPath: request.url ?? '', via, authorization }, Date.now());
  if (admitted.type === 'refused') return admitted;
  let joined = false;
  try {
    const options = { timeoutMs: context.limits.answerTimeoutMs, signal: waiting.signal };
    const startedAt = performance.now();
    const requestHead = upgradeHead(request, admitted);
    const answer = await askUpstream(admitted.upstream, requestHead, options, startedAt);
    context.metrics.answered(admitted.upstream.target.name, 'upgrade', answer.head.status, startedAt);
    if (client.destroyed) {
      cutOff(answer.connection.socket);
      return undefined;
    }
    if (answer.head.status !== 101) return await passRefusal(context, admitted, waiting, answer, options);
    if (answer.head.headers.get('upgrade')?.toLowerCase() !== UPGRADE_TOKEN) {
      cutOff(answer.connection.socket);
      return refuse('handshake-failed', { upstream: admitted.upstream.target.name });
    }
    join(context, admitted, client, waiting, answer);
    joined = true;
    return undefined;
  } catch (error) {
    return waiting.signal.aborted ? undefined : refuseAfter(error, admitted.upstream.target.name);
  } finally {
    if (!joined) admitted.release();
  }
}

function join(
  context: RelayContext,
  admitted: Admitted<Upstream>,
  client: Socket,
  waiting: WaitingClient,
  { connection, head, rest }: UpstreamAnswer,
): void {
  const { target, traffic } = admitted.upstream;
  const headers: HeaderList = [['Upgrade', UPGRADE_TOKEN], ['Connection', 'Upgrade'], ...onwardHeaders(context, head)];
  const first = rest();
  const text = formatResponseHead(101, 'Switching Protocols', headers);
  client.write(Buffer.concat([Buffer.from(text, 'latin1'), first]));
  traffic.toClient += first.length;
  admitted.share.took(first.length);
  for (const chunk of waiting.takeEarly()) {
    connection.socket.write(chunk);
    traffic.toUpstream += chunk.length;
  }
  const about = { upstreamName: target.name, traffic, limits: context.limits, share: admitted.share };
  const session = new Session(about, client, connection);
  const joinedAt = performance.now();
  admitted.endBy(() => session.abort('token-ended'));
  context.sessions.add(session, joinedAt);
  context.debug?.(`a session to ${target.name} begins`);
  context.metrics.joined(target.name);
  let open = 2;
  const onClose = (): void => {
    open -= 1;
    if (open > 0) return;
    context.sessions.delete(session);
    const lastedMs = performance.now() - joinedAt;
    context.metrics.ended(session.end, lastedMs);
    context.debug?.(`a session to ${target.name} ends after ${(lastedMs / 1_000).toFixed(1)} s: ${session.end}`);
    admitted.release();
  };
  client.once('close', onClose);
  connection.socket.once('close', onClose);
}

async function passRefusal(
  context: RelayContext,
  admitted: Admitted<Upstream>,
  waiting: WaitingClient,
  answer: UpstreamAnswer,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Refusal | undefined> {
  const { name } = admitted.upstream.target;
  const { status } = answer.head;
  const body = await readBody(answer, context.limits.refusedBodyBytes, options);
  if (body === undefined) {
    const detail = `upstream "${name}" answered ${status} with a body too large to pass on`;
    return refuse('refused', { status, detail, upstream: name });
  }
  const headers = onwardHeaders(context, answer.head).filter(([key]) => key !== 'content-length');
  const length: [string, string] = ['Content-Length', String(body.length)];
  waiting.finish(status, [...headers, length], body, context.limits.lingerTimeoutMs);
  return undefined;
}

function upgradeHead(request: IncomingMessage, { upstream, rest, via }: Admitted<Upstream>): string {
  const { target } = upstream;
  return formatRequestHead('GET', target.basePath + rest, [
    ['Host', target.authority],
    ['Connection', 'Upgrade'],
    ['Upgrade', UPGRADE_TOKEN],
    ['Via', via],
    ...requestHeaders(request.rawHeaders),
  ]);
}

function onwardHeaders(context: RelayContext, head: UpstreamAnswer['head']): HeaderList {
  return [...answerHeaders(head.headers), ['Via', appendVia(head.headers.get('via'), context.pseudonym)]];
}

/** A client between its upgrade request and the answer: what it says meanwhile is kept, its leaving is noticed. */
class WaitingClient {
  readonly #client: Socket;
  readonly #gone = new AbortController();
  readonly #onData: (chunk: Buffer) => void;
  readonly #onEnd: () => void;
  readonly #onClose: () => void;
  readonly #early: Buffer[] = [];

  constructor(client: Socket, head: Buffer, maxBytes: number) {
    this.#client = client;
    let bytes = 0;
    this.#onData = (chunk) => {
      if (chunk.length > 0) this.#early.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBytes) client.pause();
    };
    this.#onEnd = () => cutOff(client);
    this.#onClose = () => this.#gone.abort();
    client.setTimeout(0);
    client.setNoDelay(true);
    client.on('error', () => {});
    client.on('close', this.#onClose);
    client.on('end', this.#onEnd);
    client.on('data', this.#onData);
    this.#onData(head);
  }

  /** Aborted when the client has left. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Everything said so far, in order; from here on the caller listens itself. */
  takeEarly(): Buffer[] {
    this.#client.off('data', this.#onData);
    this.#client.off('end', this.#onEnd);
    this.#client.off('close', this.#onClose);
    return this.#early.splice(0);
  }

  /** A last answer; the connection is closed behind it. */
  finish(status: number, headers: HeaderList, body: Buffer, lingerMs: number): void {
    const client = this.#client;
    const text = formatResponseHead(status, STATUS_CODES[status] ?? 'Answer', [...headers, ['Connection', 'close']]);
    client.end(Buffer.concat([Buffer.from(text, 'latin1'), body]));
    // Closing with unread bytes would reset the connection, and the answer with it: the client's end is awaited, but
    // not for ever.
    this.takeEarly();
    const timer = setTimeout(() => client.destroy(), lingerMs);
    client.once('close', () => clearTimeout(timer));
    client.resume();
  }
}
