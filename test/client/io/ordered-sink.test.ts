// Outputs in order: bytes come out as they went in, memory is given back only when it is free, and a reader who is slow,
// gone or failing is noticed.
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readableSink, writableSink } from '../../../client/io/ordered-sink.ts';
import type { Sink } from '../../../client/io/sink.ts';
import { HeddleError } from '../../../protocol/errors.ts';
import { objectBytes } from '../../support/object-bytes.ts';

/** What a sink is told of the object. */
const OBJECT = { key: 'a', root: `sha256:${'0'.repeat(64)}`, size: 10_000, segmentBytes: 32_768 };

const MEGABYTE = 1_048_576;

/** Puts `bytes` from a buffer that is scribbled over as soon as the sink is done with it. */
function putOnce(sink: Sink, offset: number, bytes: Uint8Array, done: (error?: Error) => void = () => {}): void {
  const buffer = Buffer.from(bytes);
  sink.put(offset, buffer, (error) => {
    buffer.fill(0xee);
    done(error);
  });
}

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** What `promise` is rejected with. */
async function faultOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('readableSink', () => {
  test('gives every byte in order, though the buffers are used again', async () => {
    const bytes = objectBytes(3 * MEGABYTE, 3);
    const { stream, sink } = readableSink(() => {});
    const read = new Response(stream).arrayBuffer();
    await sink.begin(0, bytes.length, OBJECT);
    const puts: Promise<void>[] = [];
    for (let at = 0; at < bytes.length; at += 100_000) {
      const { promise, resolve } = Promise.withResolvers<void>();
      putOnce(sink, at, bytes.subarray(at, at + 100_000), () => resolve());
      puts.push(promise);
    }
    await Promise.all(puts);
    await sink.commit();
    expect(Buffer.compare(Buffer.from(await read), bytes)).toBe(0);
  });

  test('pushes back: without a reader only about a megabyte is taken, with one the rest follows', async () => {
    const { stream, sink } = readableSink(() => {});
    let taken = 0;
    const count = (): void => {
      taken += 100_000;
    };
    for (let at = 0; at < 64; at += 1) putOnce(sink, at * 100_000, objectBytes(100_000, 1), count);
    await nextTurn();
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(2 * MEGABYTE);
    const reader = stream.getReader();
    for (let chunks = 1; chunks <= 32; chunks += 1) {
      await reader.read();
      await nextTurn();
      expect(taken).toBeGreaterThan(chunks * 100_000);
      expect(taken).toBeLessThan(chunks * 100_000 + 2 * MEGABYTE);
    }
  });

  test('a reader that cancels is told of once, and what comes later is dropped', async () => {
    const reasons: unknown[] = [];
    const { stream, sink } = readableSink((reason) => reasons.push(reason));
    putOnce(sink, 0, objectBytes(10, 1));
    await stream.cancel('seen enough');
    expect(reasons).toEqual(['seen enough']);
    putOnce(sink, 10, objectBytes(10, 1));
    await sink.abort(new Error('cancelled'));
    await sink.commit();
    expect(reasons).toHaveLength(1);
  });

  test('an abort is what the reader sees, even with bytes waiting', async () => {
    const { stream, sink } = readableSink(() => {});
    putOnce(sink, 0, objectBytes(10, 1));
    await sink.abort(new HeddleError('corrupt'));
    expect(await faultOf(new Response(stream).arrayBuffer())).toMatchObject({ code: 'corrupt' });
  });

  test('an empty object is an empty stream', async () => {
    const { stream, sink } = readableSink(() => {});
    await sink.begin(0, 0, OBJECT);
    await sink.commit();
    expect((await new Response(stream).arrayBuffer()).byteLength).toBe(0);
  });
});

describe('writableSink', () => {
  test('writes in order and ends the stream only if asked to', async () => {
    for (const endStream of [true, false]) {
      const stream = new PassThrough();
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
      const sink = writableSink(stream, { endStream });
      await sink.begin(0, 6, OBJECT);
      sink.put(0, Buffer.from('abc'), () => {});
      sink.put(3, Buffer.from('def'), () => {});
      await sink.commit();
      await nextTurn();
      expect(Buffer.concat(chunks).toString()).toBe('abcdef');
      expect(stream.writableEnded).toBe(endStream);
    }
  });

  test('is done with bytes when they are written, not before', async () => {
    const writes: (() => void)[] = [];
    const stream = new Writable({ write: (_chunk, _encoding, written) => void writes.push(written) });
    const sink = writableSink(stream, { endStream: false });
    let done = 0;
    const count = (): void => {
      done += 1;
    };
    for (let at = 0; at < 3; at += 1) sink.put(at, Buffer.from('x'), count);
    await nextTurn();
    expect(done).toBe(0);
    writes.shift()?.();
    await nextTurn();
    expect(done).toBe(1);
  });

  test('a reader that has gone is local-io, for the write and all that follow, and nothing else goes off', async () => {
    const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    const stream = new Writable({ write: (_chunk, _encoding, written) => written(gone) });
    const sink = writableSink(stream, { endStream: false });
    const faults: (Error | undefined)[] = [];
    sink.put(0, Buffer.from('x'), (error) => faults.push(error));
    await nextTurn();
    sink.put(1, Buffer.from('y'), (error) => faults.push(error));
    await nextTurn();
    expect(faults).toMatchObject([{ code: 'local-io' }, { code: 'local-io' }]);
    await sink.abort(new Error('no'));
  });

  test('a stream that fails at its very end fails the commit', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, written) => written(),
      final: (ended) => ended(new Error('no space left')),
    });
    const sink = writableSink(stream, { endStream: true });
    sink.put(0, Buffer.from('x'), () => {});
    expect(await faultOf(sink.commit())).toMatchObject({ code: 'local-io' });
  });

  test('an abort does not leave a stream of its own open', async () => {
    const own = new PassThrough();
    await writableSink(own, { endStream: true }).abort(new Error('no'));
    expect(own.destroyed).toBe(true);
    const lent = new PassThrough();
    await writableSink(lent, { endStream: false }).abort(new Error('no'));
    expect(lent.destroyed).toBe(false);
  });
});
