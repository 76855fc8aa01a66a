// One request through the local proxy: to the dispatcher with its body, and the answer back, with back-pressure both ways.
// What breaks in the middle breaks the connection, as it would without a proxy.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { RequestController } from '../intercept/controller.ts';
import type { RequestRegister } from '../plain-requests.ts';
import { answerHeaders, requestHeaders } from './end-to-end-headers.ts';
import { refuse } from './refuse.ts';
import { OBJECTS_ORIGIN } from './target.ts';

/** Where the request goes. */
export type Destination = { readonly type: 'forward' | 'gateway'; readonly origin: string; readonly path: string };

/**
 * What answers of the gateway say besides: pages among them are strangers to each other and to this proxy, and pages of
 * other sites cannot use them.
 */
const GATEWAY_HEADERS: readonly string[] = [
  ...['Content-Security-Policy', 'sandbox'],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
];
/** What would speak to all answers of the gateway at once. */
const NOT_FROM_GATEWAY: readonly string[] = ['set-cookie', 'strict-transport-security', 'clear-site-data'];

const NOTHING = new Uint8Array(0);

/** Answers `response` with what `dispatcher` gets for the request. */
export function forward(
  dispatcher: Dispatcher,
  request: IncomingMessage,
  response: ServerResponse,
  { type, origin, path }: Destination,
  requests?: RequestRegister,
): void {
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  const { method = 'GET' } = request;
  let flow: Dispatcher.DispatchController | undefined;
  let status: number | undefined;
  let receivedBytes = 0;
  let over = false;
  // before its head nobody knows what becomes of a request that is intercepted
  const isSplit = (): boolean => flow instanceof RequestController && (status === undefined ? !over : flow.isSplit);
  const tell = requests?.add({
    type: 'request',
    method,
    target: shownTarget(origin, path),
    look: () => ({ status, receivedBytes, sentBytes: undefined, isSplit: isSplit() }),
  });
  const ended = (error?: Error): void => {
    over = true;
    tell?.(error);
  };
  response.once('close', () => {
    if (!response.writableFinished) flow?.abort(new Error('the application went away'));
  });
  response.on('drain', () => flow?.resume());
  const fail = (error: Error): void => {
    request.unpipe();
    if (response.headersSent) response.destroy();
    else refuse(response, statusOf(error), `${origin}: ${error.message || 'no connection'}`);
  };
  const headers = requestHeaders(request.rawHeaders);
  dispatcher.dispatch(
    { origin, path, method, headers, ...(hasBody ? { body: request } : {}) },
    {
      onRequestStart(controller) {
        flow = controller;
        if (response.destroyed) controller.abort(new Error('the application went away'));
      },
      onResponseStart(controller, code, _headers, statusText = '') {
        if (code < 200) return;
        status = code;
        const raw = answerHeaders(latin1(controller.rawHeaders));
        response.writeHead(code, statusText, type === 'gateway' ? asGateway(raw) : raw);
        // the head must not wait for the body; flushHeaders would write it as UTF-8
        if (method !== 'HEAD' && code !== 204 && code !== 304) response.write(NOTHING);
      },
      onResponseData(controller, chunk) {
        receivedBytes += chunk.length;
        if (!response.write(chunk)) controller.pause();
      },
      onResponseEnd(_controller, trailers) {
        response.addTrailers(trailers);
        response.end();
        ended();
      },
      onResponseError: (_controller, error) => {
        fail(error);
        ended(error);
      },
    },
  );
}

/** What lists show of it: queries may hold secrets, and nobody knows what stands for the gateway's objects inside. */
function shownTarget(origin: string, path: string): string {
  const [plain = ''] = path.split('?', 1);
  return origin === OBJECTS_ORIGIN ? plain.replace('/v1/objects/', '/o/') : origin + plain;
}

function asGateway(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const [name = '', value = ''] = raw.slice(at, at + 2);
    if (!NOT_FROM_GATEWAY.includes(name.toLowerCase())) kept.push(name, value);
  }
  return [...kept, ...GATEWAY_HEADERS];
}

function latin1(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  return Array.isArray(raw) ? raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))) : [];
}

function statusOf(error: Error): number {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 400;
  return /TIMEOUT|ETIMEDOUT/.test(code) ? 504 : 502;
}
