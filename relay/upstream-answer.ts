// Asking an upstream for the upgrade and reading what it answers: the head, and the bounded body of a refusal. A warm
// connection that turns out dead before the first byte of an answer is replaced by a fresh one. Writes nothing to the
// client.
import { HeddleError } from '../protocol/errors.ts';
import { parseResponseHead } from '../protocol/http-head.ts';
import type { ResponseHead } from '../protocol/http-head.ts';
import type { Upstream } from './upstream.ts';
import { cutOff } from './upstream-socket.ts';
import type { ReadSink, UpstreamSocket } from './upstream-socket.ts';

/** The answer's head and the connection it came on. `rest()` is what came behind the head so far. */
export type UpgradeAnswer = {
  readonly connection: UpstreamSocket;
  readonly head: ResponseHead;
  rest(): Buffer;
};

export type AskOptions = { readonly timeoutMs: number; readonly signal: AbortSignal };

/** Sends `requestHead`; throws `unreachable`, `connection-lost`, `timeout` or `handshake-failed`. */
export async function askUpgrade(
  upstream: Upstream,
  requestHead: string,
  options: AskOptions,
  now: number,
): Promise<UpgradeAnswer> {
  const warm = upstream.warm.take(now);
  if (warm !== undefined) {
    try {
      return await ask(warm, requestHead, options);
    } catch (error) {
      const isStale = error instanceof HeddleError && error.code === 'connection-lost' && warm.socket.bytesRead === 0;
      // The request may have been read, but not answered: a channel number is used up by its 101 only.
      if (!isStale || options.signal.aborted) throw error;
    }
  }
  return ask(await upstream.dial(options.signal), requestHead, options);
}

/** The whole body behind a refusing head, or undefined when it exceeds `maxBytes`. */
export async function readBody(
  answer: UpgradeAnswer,
  maxBytes: number,
  options: AskOptions,
): Promise<Buffer | undefined> {
  const { head, connection } = answer;
  const parse = bodyParser(head);
  const { value } = await collectUntil(connection, answer.rest(), options, (bytes, ended) => {
    // Chunk framing comes on top; 1 KiB is enough for what one small answer needs.
    if (bytes.length > maxBytes + 1_024) return 'too-large';
    return parse(bytes, ended);
  });
  connection.socket.destroy();
  return value === 'too-large' || value.length > maxBytes ? undefined : value;
}

async function ask(connection: UpstreamSocket, requestHead: string, options: AskOptions): Promise<UpgradeAnswer> {
  connection.socket.write(requestHead, 'latin1');
  try {
    const { value, bytes } = await collectUntil(connection, Buffer.alloc(0), options, finalHead);
    return { connection, head: value, rest: () => bytes().subarray(value.bytes) };
  } catch (error) {
    // A reset, so that an upstream which is still at work on the request stops.
    cutOff(connection.socket);
    throw error;
  }
}

// Interim answers (100, 103) are skipped; `bytes` counts them in.
function finalHead(bytes: Buffer): ResponseHead | undefined {
  let skipped = 0;
  for (;;) {
    const head = parseResponseHead(bytes.subarray(skipped));
    if (head === undefined) return undefined;
    skipped += head.bytes;
    if (head.status === 101 || head.status >= 200) return { ...head, bytes: skipped };
  }
}

type Parse<Value> = (bytes: Buffer, ended: boolean) => Value | undefined;

/** Collects what `connection` reads behind `seed` until `parse` finds something in it. */
async function collectUntil<Value>(
  connection: UpstreamSocket,
  seed: Buffer,
  options: AskOptions,
  parse: Parse<Value>,
): Promise<{ value: Value; bytes: () => Buffer }> {
  const { socket, buffers } = connection;
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  let collected = seed;
  let found = false;
  const look = (ended: boolean): void => {
    try {
      const value = found ? undefined : parse(collected, ended);
      if (value === undefined) return;
      found = true;
      resolve(value);
    } catch (error) {
      reject(error);
    }
  };
  // What comes after the find, though a pause was asked for, is kept for whoever reads next.
  const sink: ReadSink = (buffer, bytes) => {
    collected = Buffer.concat([collected, buffer.subarray(0, bytes)]);
    buffers.give(buffer);
    look(false);
    return !found;
  };
  const onEnd = (): void => {
    look(true);
    reject(new HeddleError('connection-lost', undefined, { side: 'remote' }));
  };
  const onAbort = (): void => reject(options.signal.reason);
  const timer = setTimeout(() => reject(new HeddleError('timeout', undefined, { side: 'remote' })), options.timeoutMs);
  socket.once('end', onEnd).once('close', onEnd);
  options.signal.addEventListener('abort', onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  look(false);
  if (socket.destroyed || socket.readableEnded) onEnd();
  else if (!found) connection.readInto(sink);
  try {
    return { value: await promise, bytes: () => collected };
  } finally {
    clearTimeout(timer);
    socket.off('end', onEnd).off('close', onEnd);
    options.signal.removeEventListener('abort', onAbort);
  }
}

function bodyParser(head: ResponseHead): Parse<Buffer> {
  if (head.status === 204 || head.status === 304) return () => Buffer.alloc(0);
  if (/\bchunked\b/i.test(head.headers.get('transfer-encoding') ?? '')) return (bytes) => unchunk(bytes);
  const length = head.headers.get('content-length');
  if (length === undefined) return (bytes, ended) => (ended ? bytes : undefined);
  if (!/^[0-9]{1,15}$/.test(length)) throw new HeddleError('handshake-failed', 'Content-Length is not a number');
  return (bytes) => (bytes.length >= Number(length) ? bytes.subarray(0, Number(length)) : undefined);
}

// The data of a complete chunked body (RFC 9112 §7.1; trailers are dropped); undefined while it is not complete.
function unchunk(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/.exec(bytes.toString('latin1', at, lineEnd))?.[1];
    if (size === undefined) throw new HeddleError('handshake-failed', 'a chunk has no size', { side: 'remote' });
    const length = Number.parseInt(size, 16);
    at = lineEnd + 2;
    if (length === 0) return Buffer.concat(parts);
    if (bytes.length < at + length + 2) return undefined;
    parts.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
}
