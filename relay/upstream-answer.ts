// Asking an upstream and reading what it answers: the head, and the bounded body of a refused upgrade. A warm connection
// that turns out dead before the first byte of an answer is replaced by a fresh one. Writes nothing to the client.
import { HeddleError } from '../protocol/errors.ts';
import { parseResponseHead } from '../protocol/http-head.ts';
import type { ResponseHead } from '../protocol/http-head.ts';
import { framingOf } from './body-framing.ts';
import type { Upstream } from './upstream.ts';
import { cutOff } from './upstream-socket.ts';
import type { ReadSink, UpstreamSocket } from './upstream-socket.ts';

/** The answer's head, also as it came, and the connection it came on. `rest()` is what came behind the head so far. */
export type UpstreamAnswer = {
  readonly connection: UpstreamSocket;
  readonly head: ResponseHead;
  readonly headBytes: Buffer;
  rest(): Buffer;
};

export type AskOptions = { readonly timeoutMs: number; readonly signal: AbortSignal };

/** Sends `requestHead`; throws `unreachable`, `connection-lost`, `timeout` or `handshake-failed`. */
export async function askUpstream(
  upstream: Upstream,
  requestHead: string,
  options: AskOptions,
  now: number,
): Promise<UpstreamAnswer> {
  const warm = upstream.warm.take(now);
  if (warm !== undefined) {
    const before = warm.socket.bytesRead;
    try {
      return await ask(warm, requestHead, options);
    } catch (error) {
      const isStale =
        error instanceof HeddleError && error.code === 'connection-lost' && warm.socket.bytesRead === before;
      // The request may have been read, but not answered: a channel number is used up by its 101 only.
      if (!isStale || options.signal.aborted) throw error;
    }
  }
  return ask(await upstream.dial(options.signal), requestHead, options);
}

/** The whole body behind a refusing head, or undefined when it exceeds `maxBytes`. */
export async function readBody(
  answer: UpstreamAnswer,
  maxBytes: number,
  options: AskOptions,
): Promise<Buffer | undefined> {
  const { head, connection } = answer;
  const framing = framingOf(head, 'GET');
  const parts: Buffer[] = [];
  let taken = 0;
  const { value } = await collectUntil(connection, answer.rest(), options, (bytes, ended) => {
    // Chunk framing comes on top; 1 KiB is enough for what one small answer needs.
    if (bytes.length > maxBytes + 1_024) return 'too-large';
    const isComplete = framing.take(bytes.subarray(taken), (part) => parts.push(part));
    taken = bytes.length;
    return isComplete || (ended && framing.endsWithConnection) ? Buffer.concat(parts) : undefined;
  });
  connection.socket.destroy();
  return value === 'too-large' || value.length > maxBytes ? undefined : value;
}

async function ask(connection: UpstreamSocket, requestHead: string, options: AskOptions): Promise<UpstreamAnswer> {
  connection.socket.write(requestHead, 'latin1');
  try {
    const { value, bytes } = await collectUntil(connection, Buffer.alloc(0), options, finalHead);
    const headBytes = bytes().subarray(value.startsAt, value.bytes);
    return { connection, head: value, headBytes, rest: () => bytes().subarray(value.bytes) };
  } catch (error) {
    // A reset, so that an upstream which is still at work on the request stops.
    cutOff(connection.socket);
    throw error;
  }
}

// Interim answers (100, 103) are skipped; `bytes` counts them in.
function finalHead(bytes: Buffer): (ResponseHead & { readonly startsAt: number }) | undefined {
  let skipped = 0;
  for (;;) {
    const head = parseResponseHead(bytes.subarray(skipped));
    if (head === undefined) return undefined;
    const startsAt = skipped;
    skipped += head.bytes;
    if (head.status === 101 || head.status >= 200) return { ...head, bytes: skipped, startsAt };
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
