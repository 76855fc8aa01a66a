// A segment's way through the client: nothing is delivered before it is proven, ranges are cut to the byte, and every
// slab goes back to the pool exactly once.
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import type { Slab } from '../../../client/io/buffer-pool.ts';
import { RECEIVER_LEAST_BYTES } from '../../../client/io/receiver.ts';
import { SegmentFlow } from '../../../client/io/segment-flow.ts';
import type { Sink } from '../../../client/io/sink.ts';
import type { SegmentFrame } from '../../../protocol/frames.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { SignedObject } from './signed-object.ts';

const START = 16;
/** The short segment at the end. */
const LAST = 5;
const object = new SignedObject('a', 5 * LEAF_BYTES + 100);

type Put = { readonly offset: number; readonly bytes: Uint8Array; readonly done: (error?: Error) => void };

/** A sink that keeps what it is given until the test says that it is done. */
class HeldSink implements Sink {
  readonly order: Sink['order'];
  readonly puts: Put[] = [];
  readonly begun: [number, number][] = [];
  readonly ready: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(order: Sink['order'] = 'any') {
    this.order = order;
  }

  begin(offset: number, bytes: number): Promise<void> {
    this.begun.push([offset, bytes]);
    return this.ready.promise;
  }

  put(offset: number, bytes: Uint8Array, done: (error?: Error) => void): void {
    this.puts.push({ offset, bytes, done });
  }

  commit = (): Promise<void> => Promise.resolve();
  abort = (): Promise<void> => Promise.resolve();
}

class Kit {
  readonly sink: HeldSink;
  readonly flow: SegmentFlow;
  readonly verdicts: [number, number, boolean][] = [];
  readonly sizes: number[] = [];
  readonly taken: number[] = [];
  readonly failures: Error[] = [];
  readonly saved: [number, number][] = [];
  /** Slabs that went out with a segment. */
  readonly out: Slab[] = [];

  /** Told besides of what the sink needs no more. */
  onTaken: (index: number) => void = () => {};

  constructor(firstByte = 0, endByte?: number, order?: Sink['order']) {
    this.sink = new HeldSink(order);
    this.flow = new SegmentFlow(
      { key: 'a', segmentBytes: LEAF_BYTES, firstByte, endByte, sink: this.sink },
      {
        verified: (channel, index, ok) => this.verdicts.push([channel, index, ok]),
        decoded: (channel, bytes) => this.saved.push([channel, bytes]),
        trusts: () => 'yes',
        resized: (size) => this.sizes.push(size),
        taken: (index) => {
          this.taken.push(index);
          this.onTaken(index);
        },
        failed: (error) => this.failures.push(error),
      },
    );
  }

  /** A segment comes over channel `index + 1`, in a slab of its own. */
  arrive(index: number, bend = false): void {
    const bytes = object.bytes.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES);
    const slab = this.flow.pool.take();
    this.out.push(slab);
    slab.bytes.set(bytes, START);
    if (bend) slab.bytes[START] = (slab.bytes[START] ?? 0) ^ 1;
    const payload = slab.bytes.subarray(START, START + bytes.length);
    const frame: SegmentFrame = { type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'identity', payload };
    this.flow.arrive(index + 1, frame, slab);
  }

  /** The same, in so many bytes of a gzip stream (all unless said). */
  arriveEncoded(index: number, length?: number): void {
    const plain = object.bytes.subarray(index * LEAF_BYTES, (index + 1) * LEAF_BYTES);
    const encoded = gzipSync(plain, { level: 0 }).subarray(0, length);
    const slab = this.flow.pool.take();
    this.out.push(slab);
    slab.bytes.set(encoded, START);
    const payload = slab.bytes.subarray(START, START + encoded.length);
    this.flow.arrive(index + 1, { type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'gzip', payload }, slab);
  }

  /** The object is known and the sink is ready. */
  async begin(): Promise<this> {
    this.flow.begin(object.bytes.length, object.root);
    this.sink.ready.resolve();
    await this.sink.ready.promise;
    return this;
  }

  /** True when the pool hands out the slab of the segment that came n-th. */
  isFree(n: number): boolean {
    const taken = [this.flow.pool.take(), this.flow.pool.take(), this.flow.pool.take()];
    const free = taken.includes(this.out[n] as Slab);
    for (const slab of taken.reverse()) slab.release();
    return free;
  }
}

const kits: Kit[] = [];
function kitOf(firstByte = 0, endByte?: number): Kit {
  const kit = new Kit(firstByte, endByte);
  kits.push(kit);
  return kit;
}
afterEach(async () => {
  for (const kit of kits.splice(0)) await kit.flow[Symbol.asyncDispose]();
});

describe('proof', () => {
  test('a segment waits for its node, then for its delivery, then for the sink', async () => {
    const kit = await kitOf().begin();
    kit.arrive(1);
    kit.flow.verify(1);
    expect(kit.verdicts).toEqual([]);
    expect(kit.flow.addPage(object.page(0, 64))).toBe(true);
    expect(kit.verdicts).toEqual([[2, 1, true]]);
    expect(kit.sink.puts).toHaveLength(0);
    kit.flow.deliver(1);
    expect(kit.sink.puts).toHaveLength(1);
    expect(kit.sink.puts[0]?.offset).toBe(LEAF_BYTES);
    expect(Buffer.compare(kit.sink.puts[0]!.bytes, object.bytes.subarray(LEAF_BYTES, 2 * LEAF_BYTES))).toBe(0);
    expect(kit.taken).toEqual([]);
    expect(kit.isFree(0)).toBe(false);
    kit.sink.puts[0]?.done();
    expect(kit.taken).toEqual([1]);
    expect(kit.isFree(0)).toBe(true);
  });

  test('a page that proves nothing changes nothing', async () => {
    const kit = await kitOf().begin();
    kit.arrive(0);
    kit.flow.verify(0);
    const page = object.page(0, 64);
    expect(kit.flow.addPage({ ...page, nodes: page.nodes.map((byte) => byte ^ 1) })).toBe(false);
    expect(kit.verdicts).toEqual([]);
  });

  test('a page that comes before the object is known is not believed', () => {
    expect(kitOf().flow.addPage(object.page(0, 64))).toBe(false);
  });

  test('a bad segment is named with its channel, its bytes are gone, and it cannot be delivered', async () => {
    const kit = await kitOf().begin();
    kit.flow.addPage(object.page(0, 64));
    kit.arrive(3, true);
    kit.flow.verify(3);
    expect(kit.verdicts).toEqual([[4, 3, false]]);
    expect(kit.isFree(0)).toBe(true);
    kit.flow.deliver(3);
    expect(kit.sink.puts).toHaveLength(0);
  });

  test('the short last segment is proven as it is', async () => {
    const kit = await kitOf().begin();
    kit.flow.addPage(object.page(0, 64));
    kit.arrive(5);
    kit.flow.verify(5);
    kit.flow.deliver(5);
    expect(kit.verdicts).toEqual([[6, 5, true]]);
    expect(kit.sink.puts[0]?.bytes).toHaveLength(100);
  });
});

describe('delivery', () => {
  test('waits until the sink has begun, in the order given', async () => {
    const kit = kitOf();
    kit.flow.begin(object.bytes.length, object.root);
    kit.flow.addPage(object.page(0, 64));
    for (const index of [2, 0]) {
      kit.arrive(index);
      kit.flow.verify(index);
      kit.flow.deliver(index);
    }
    expect(kit.sink.puts).toHaveLength(0);
    kit.sink.ready.resolve();
    await kit.sink.ready.promise;
    expect(kit.sink.puts.map(({ offset }) => offset)).toEqual([2 * LEAF_BYTES, 0]);
  });

  test('stays in order though the sink is done at once, and the core goes on at that', async () => {
    const kit = new Kit(0, undefined, 'order');
    kit.sink.put = (offset, bytes, done) => {
      kit.sink.puts.push({ offset, bytes, done });
      done();
    };
    kit.onTaken = (index) => {
      if (index === 0) kit.flow.deliver(3);
    };
    kit.flow.begin(object.bytes.length, object.root);
    kit.flow.addPage(object.page(0, 64));
    for (const index of [0, 1, 2, 3]) {
      kit.arrive(index);
      kit.flow.verify(index);
      if (index < 3) kit.flow.deliver(index);
    }
    kit.sink.ready.resolve();
    await kit.sink.ready.promise;
    expect(kit.sink.puts.map(({ offset }) => offset / LEAF_BYTES)).toEqual([0, 1, 2, 3]);
    expect(kit.failures).toEqual([]);
  });

  test('out of turn is an error, and no byte', async () => {
    const kit = await new Kit(LEAF_BYTES, undefined, 'order').begin();
    kit.flow.addPage(object.page(0, 64));
    for (const index of [1, 2, 3]) {
      kit.arrive(index);
      kit.flow.verify(index);
    }
    kit.flow.deliver(1);
    kit.flow.deliver(3);
    expect(kit.sink.puts.map(({ offset }) => offset)).toEqual([LEAF_BYTES]);
    expect(kit.failures).toMatchObject([{ code: 'internal', message: 'segment 3 was to be handed out of turn' }]);
    for (const { done } of kit.sink.puts) done();
    kit.flow.release(2);
  });

  test.each([
    [10, 20],
    [0, 1],
    [LEAF_BYTES - 1, LEAF_BYTES + 1],
    [LEAF_BYTES, 2 * LEAF_BYTES],
    [100, undefined],
    [5 * LEAF_BYTES + 99, undefined],
    [3 * LEAF_BYTES + 5, 10 * LEAF_BYTES],
  ])('bytes %i to %s are cut to the byte', async (first, end) => {
    const kit = await kitOf(first, end).begin();
    kit.flow.addPage(object.page(0, 64));
    const stop = Math.min(end ?? object.bytes.length, object.bytes.length);
    for (let index = Math.floor(first / LEAF_BYTES); index * LEAF_BYTES < stop; index += 1) {
      kit.arrive(index);
      kit.flow.verify(index);
      kit.flow.deliver(index);
    }
    const puts = kit.sink.puts;
    expect(kit.sink.begun).toEqual([[first, stop - first]]);
    expect(puts[0]?.offset).toBe(first);
    for (const [at, put] of puts.entries()) expect(put.offset + put.bytes.length).toBe(puts[at + 1]?.offset ?? stop);
    expect(Buffer.compare(Buffer.concat(puts.map(({ bytes }) => bytes)), object.bytes.subarray(first, stop))).toBe(0);
  });

  test('what the core does not need goes straight back', async () => {
    const kit = await kitOf().begin();
    kit.arrive(0);
    kit.flow.discard();
    kit.flow.discard();
    expect(kit.isFree(0)).toBe(true);
    expect(kit.flow.pool.take()).not.toBe(kit.flow.pool.take());
  });

  test('each segment is put once, however often it is to be delivered', async () => {
    const kit = await kitOf().begin();
    kit.flow.addPage(object.page(0, 64));
    kit.arrive(0);
    kit.flow.verify(0);
    kit.flow.deliver(0);
    kit.flow.deliver(0);
    expect(kit.sink.puts).toHaveLength(1);
  });

  test('a sink that fails, at the beginning or later, is told', async () => {
    const early = kitOf();
    early.flow.begin(object.bytes.length, object.root);
    early.sink.ready.reject(new Error('no space'));
    await early.sink.ready.promise.catch(() => undefined);
    await Promise.resolve();
    expect(early.failures).toMatchObject([{ message: 'no space' }]);
    const late = await kitOf().begin();
    late.flow.addPage(object.page(0, 64));
    late.arrive(0);
    late.flow.verify(0);
    late.flow.deliver(0);
    late.sink.puts[0]?.done(new Error('broken'));
    expect(late.failures).toMatchObject([{ message: 'broken' }]);
    expect(late.taken).toEqual([]);
  });

  test('after the end nothing is delivered or told', async () => {
    const kit = await kitOf().begin();
    kit.flow.addPage(object.page(0, 64));
    kit.arrive(0);
    kit.flow.verify(0);
    kit.flow.end();
    kit.flow.deliver(0);
    kit.arrive(1);
    kit.flow.verify(1);
    expect(kit.sink.puts).toHaveLength(0);
    expect(kit.verdicts).toHaveLength(1);
  });
});

describe('a segment that comes encoded', () => {
  test('is delivered plain, told of, and lies by itself: the slab it came in goes back at once', async () => {
    const kit = await kitOf().begin();
    kit.flow.addPage(object.page(0, 64));
    kit.arriveEncoded(LAST);
    kit.flow.verify(LAST);
    kit.flow.deliver(LAST);
    expect(kit.verdicts).toEqual([[LAST + 1, LAST, true]]);
    // level 0 makes nothing smaller: the head and the end of a stream, and the head of a block
    expect(kit.saved).toEqual([[LAST + 1, -23]]);
    const [put] = kit.sink.puts;
    expect(put?.offset).toBe(LAST * LEAF_BYTES);
    expect(Buffer.compare(put!.bytes, object.bytes.subarray(LAST * LEAF_BYTES))).toBe(0);
    expect(kit.isFree(0)).toBe(true);
    expect(put?.bytes.buffer).not.toBe(kit.out[0]?.bytes.buffer);
    put?.done();
    expect(kit.taken).toEqual([LAST]);
  });

  test('and is broken is a bad segment of the channel that brought it', async () => {
    const kit = await kitOf().begin();
    kit.flow.addPage(object.page(0, 64));
    kit.arriveEncoded(LAST, 60);
    kit.flow.verify(LAST);
    expect(kit.verdicts).toEqual([[LAST + 1, LAST, false]]);
    expect(kit.saved).toEqual([]);
    expect(kit.isFree(0)).toBe(true);
  });

  test('is refused where nothing proves it', () => {
    const kit = kitOf();
    kit.flow.begin(object.bytes.length, undefined);
    kit.arriveEncoded(LAST);
    kit.flow.verify(LAST);
    expect(kit.verdicts).toEqual([[LAST + 1, LAST, false]]);
  });
});

test('buffers hold the largest segment and the largest control frame', () => {
  for (const segmentBytes of [LEAF_BYTES, 1_048_576]) {
    const flow = new SegmentFlow(
      { key: 'a', segmentBytes, firstByte: 0, endByte: undefined, sink: new HeldSink() },
      {
        verified: () => {},
        decoded: () => {},
        trusts: () => 'yes',
        resized: () => {},
        taken: () => {},
        failed: () => {},
      },
    );
    expect(flow.pool.bytes).toBeGreaterThanOrEqual(Math.max(segmentBytes, RECEIVER_LEAST_BYTES));
  }
});
