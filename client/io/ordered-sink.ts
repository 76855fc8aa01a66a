// Outputs that take bytes in order: a Node Writable (standard output, a pipe, a device) and a Web ReadableStream for a
// program. Both push back: `done` comes when the bytes left this process's memory, or were handed to the reader.
import type { Writable } from 'node:stream';
import { HeddleError } from '../../protocol/errors.ts';
import type { Sink } from './sink.ts';
import { systemReason } from '../../protocol/system-words.ts';

/** Writes to `stream`; ends it on commit only when `endStream`. A closed reader (EPIPE) is `local-io`. */
export function writableSink(stream: Writable, options: { readonly endStream: boolean }): Sink {
  // every write tells its own error; an 'error' event that nobody listens to would end the process
  stream.on('error', () => {});
  return {
    order: 'order',
    begin: () => Promise.resolve(),
    put(_offset, bytes, done) {
      // what is put in one turn of the loop is written by one call
      if (stream.writableCorked === 0) {
        stream.cork();
        process.nextTick(() => stream.uncork());
      }
      stream.write(bytes, (error) => done(error instanceof Error ? fault(error) : undefined));
    },
    async commit() {
      if (!options.endStream) return;
      await new Promise<void>((resolve, reject) => {
        stream.once('error', (error) => reject(fault(error)));
        stream.end(resolve);
      });
    },
    abort() {
      if (options.endStream) stream.destroy();
      return Promise.resolve();
    },
  };
}

/** Bytes a ReadableStream keeps ready for a reader that is not reading. */
const READ_AHEAD_BYTES = 1_048_576;

/** A stream of the object's bytes, and the sink that feeds it. `onCancel` is called when the reader gives up. */
export function readableSink(onCancel: (reason: unknown) => void): {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly sink: Sink;
} {
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  let ended = false;
  const held: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  const release = (): void => {
    for (;;) {
      const room = (controller?.desiredSize ?? 0) > 0;
      const next = room ? held.shift() : undefined;
      if (next === undefined) return;
      controller?.enqueue(new Uint8Array(next.bytes));
      next.done();
    }
  };
  const end = (): void => {
    ended = true;
    held.length = 0;
  };
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(given) {
        controller = given;
      },
      pull: release,
      cancel(reason) {
        end();
        onCancel(reason);
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD_BYTES }),
  );
  const sink: Sink = {
    order: 'order',
    begin: () => Promise.resolve(),
    put(_offset, bytes, done) {
      if (ended) return;
      held.push({ bytes, done });
      release();
    },
    commit() {
      if (!ended) controller?.close();
      end();
      return Promise.resolve();
    },
    abort(error) {
      if (!ended) controller?.error(error);
      end();
      return Promise.resolve();
    },
  };
  return { stream, sink };
}

function fault(error: Error): HeddleError {
  return new HeddleError('local-io', `cannot write the output: ${systemReason(error)}`, { cause: error });
}
