// The receiver cuts a channel's bytes into head, frames and segments. However the bytes are cut on their way, the same
// comes out; a segment handed over is never written to again.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import type { Slab } from '../../../client/io/buffer-pool.ts';
import { Receiver, slabBytesFor } from '../../../client/io/receiver.ts';
import { acceptedOf } from '../../../protocol/frames.ts';
import { encodeFrame, encodeFrames } from '../../../protocol/frame-writer.ts';
import { formatResponseHead } from '../../../protocol/http-head.ts';
import { anySourceFrame } from '../../protocol/arbitraries.ts';
import { HEAD, plain, ReceiverKit, reportedOf, SEGMENT, segmentOf, sizes, streams } from './receiver-kit.ts';

describe('cutting', () => {
  test('the same frames and payload bytes come out, whatever the cuts', () => {
    fc.assert(
      fc.property(streams, sizes, (frames, cuts) => {
        const kit = new ReceiverKit();
        kit.read(Buffer.concat([HEAD, encodeFrames(frames)]), cuts);
        expect(kit.frames.map(plain)).toEqual(frames.map(plain));
        const payload = frames.reduce((sum, frame) => sum + reportedOf(frame), 0);
        expect(kit.payloadBytes, 'each payload byte is reported once').toBe(payload);
      }),
      { numRuns: 150 },
    );
  });

  test('byte by byte as well', () => {
    fc.assert(
      fc.property(fc.array(anySourceFrame, { maxLength: 6 }), (frames) => {
        const kit = new ReceiverKit();
        kit.read(Buffer.concat([HEAD, encodeFrames(frames)]), [1]);
        expect(kit.frames.map(plain)).toEqual(frames.map(plain));
      }),
      { numRuns: 30 },
    );
  });

  test('payload is reported while a segment comes in, and never more than came', () => {
    const kit = new ReceiverKit();
    const frame = encodeFrame(segmentOf(0, SEGMENT));
    kit.read(HEAD, [HEAD.length]);
    kit.read(frame.subarray(0, 16 + 1_000), [500]);
    expect(kit.payloadBytes).toBe(1_000);
    expect(kit.kept).toHaveLength(0);
    kit.read(frame.subarray(16 + 1_000), [70_000]);
    expect(kit.payloadBytes).toBe(SEGMENT);
    expect(kit.kept).toHaveLength(1);
  });

  test('of an encoded segment the part is reported that has come of it', () => {
    const kit = new ReceiverKit();
    const frame = encodeFrame({ ...segmentOf(0, 1_000), encoding: 'gzip' });
    kit.read(HEAD, [HEAD.length]);
    kit.read(frame.subarray(0, 16 + 250), [100]);
    expect(kit.payloadBytes).toBe(SEGMENT / 4);
    kit.read(frame.subarray(16 + 250), [70_000]);
    expect(kit.payloadBytes).toBe(SEGMENT);
    expect(kit.kept[0]?.frame).toMatchObject({ encoding: 'gzip', payload: { length: 1_000 } });
  });

  test('an encoded segment that nobody asked for is a fault; once asked for it may come for ever', () => {
    const pool = new BufferPool(slabBytesFor(SEGMENT));
    const sink = { head: () => true, body() {}, frame() {}, payload() {}, segment() {} };
    const receiver = new Receiver(pool, SEGMENT, sink);
    const read = (bytes: Uint8Array): void => {
      receiver.space().set(bytes);
      receiver.filled(bytes.length);
    };
    const encoded = encodeFrame({ ...segmentOf(0, 100), encoding: 'gzip' });
    read(HEAD);
    receiver.accept(acceptedOf(['gzip']));
    read(encoded);
    receiver.accept(0);
    read(encoded);
    const strict = new Receiver(pool, SEGMENT, sink);
    strict.space().set(HEAD);
    strict.filled(HEAD.length);
    strict.space().set(encoded);
    expect(() => strict.filled(encoded.length)).toThrow(expect.objectContaining({ code: 'bad-frame' }));
  });

  test('a read ends right behind the last segment that fits: only the next prefix can spill over', () => {
    const kit = new ReceiverKit(1_048_576);
    kit.read(HEAD, [HEAD.length]);
    kit.read(encodeFrame(segmentOf(0, 1_000)).subarray(0, 100), [100]);
    expect(kit.receiver.space().length).toBeLessThanOrEqual(16 + 1_000 - 100 + 16);
  });

  test('frames behind the head, in the same read, are not lost', () => {
    const kit = new ReceiverKit();
    const bytes = Buffer.concat([HEAD, encodeFrame({ type: 'pong', nonce: 1, epoch: 2, queued: 3 })]);
    kit.read(bytes, [bytes.length]);
    expect(kit.frames).toEqual([{ type: 'pong', nonce: 1, epoch: 2, queued: 3 }]);
  });

  test('the body of an answer that is no upgrade comes through as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 2_000 }), sizes, (text, cuts) => {
        const kit = new ReceiverKit(SEGMENT, false);
        const head = formatResponseHead(503, 'Busy', [['Content-Length', String(text.length)]]);
        kit.read(Buffer.from(head + text, 'latin1'), cuts);
        expect(kit.body).toBe(text);
      }),
      { numRuns: 50 },
    );
  });
});

describe('buffers', () => {
  test('segments share slabs, each with a place of its own, and as many as fit come with one read', () => {
    const kit = new ReceiverKit();
    const frames = Array.from({ length: 20 }, (_, index) => segmentOf(index, SEGMENT));
    kit.read(Buffer.concat([HEAD, encodeFrames(frames)]), [1_000_000]);
    const slabs = new Set(kit.kept.map(({ slab }) => slab));
    expect(slabs.size).toBeLessThanOrEqual(4);
    for (const { frame, slab, copy } of kit.kept) {
      expect(frame.payload.buffer).toBe(slab.bytes.buffer);
      expect(Buffer.compare(frame.payload, copy)).toBe(0);
    }
  });

  test('a slab is free when its segments are and the receiver is in another one', () => {
    const kit = new ReceiverKit();
    const frames = Array.from({ length: 20 }, (_, index) => segmentOf(index, SEGMENT));
    kit.read(Buffer.concat([HEAD, encodeFrames(frames)]), [1_000_000]);
    const [first, ...others] = [...new Set(kit.kept.map(({ slab }) => slab))];
    for (const kept of kit.kept.filter(({ slab }) => slab === first)) {
      expect(kit.pool.take()).not.toBe(first);
      kit.giveBack(kept);
    }
    const taken = kit.pool.take();
    expect(taken).toBe(first);
    expect(others).not.toContain(taken);
  });

  test('what nobody holds any more is used again by the same receiver', () => {
    const kit = new ReceiverKit();
    kit.read(HEAD, [HEAD.length]);
    const slabs = new Set<Slab>();
    for (let index = 0; index < 50; index += 1) {
      kit.read(encodeFrame(segmentOf(index, SEGMENT)), [1_000_000]);
      for (const kept of [...kit.kept]) {
        slabs.add(kept.slab);
        kit.giveBack(kept);
      }
    }
    expect(slabs.size).toBeLessThanOrEqual(2);
  });

  test('a segment handed over stays as it is until its buffer is given back, whatever is read and reused', () => {
    fc.assert(
      fc.property(streams, sizes, fc.array(fc.nat(20), { maxLength: 20 }), (frames, cuts, gifts) => {
        const kit = new ReceiverKit();
        kit.read(HEAD, cuts);
        for (const [turn, frame] of frames.entries()) {
          kit.read(encodeFrame(frame), cuts);
          const kept = kit.kept[gifts[turn] ?? 0];
          if (kept !== undefined) kit.giveBack(kept);
          for (const { frame: held, copy } of kit.kept) expect(Buffer.compare(held.payload, copy)).toBe(0);
        }
        expect(kit.frames.map(plain), 'and what was scribbled over is never read as frames').toEqual(frames.map(plain));
      }),
      { numRuns: 150 },
    );
  });

  test('two receivers of one pool never share a buffer', () => {
    const first = new ReceiverKit();
    const second = new ReceiverKit();
    const shared = new BufferPool(first.pool.bytes);
    const held: Slab[] = [];
    const receivers = [first, second].map(
      () =>
        new Receiver(shared, SEGMENT, {
          head: () => true,
          body: () => {},
          frame: () => {},
          payload: () => {},
          segment: (_, slab) => held.push(slab),
        }),
    );
    for (let turn = 0; turn < 6; turn += 1) {
      for (const receiver of receivers) {
        const bytes = Buffer.concat([turn === 0 ? HEAD : Buffer.alloc(0), encodeFrame(segmentOf(turn, 10))]);
        receiver.space().set(bytes);
        receiver.filled(bytes.length);
      }
      if (turn === 3) for (const slab of held.splice(0)) slab.release();
    }
    const spaces = receivers.map((receiver) => receiver.space().buffer);
    expect(spaces[0]).not.toBe(spaces[1]);
    expect(spaces).not.toContain(shared.take().bytes.buffer);
  });

  test('stopped from within any callback, nothing more comes out and no buffer gets a second user', () => {
    const stops = fc.record({ after: fc.nat(12), on: fc.constantFrom('frame', 'payload', 'segment') });
    fc.assert(
      fc.property(streams, stops, sizes, (frames, { after, on }, cuts) => {
        const pool = new BufferPool(slabBytesFor(SEGMENT));
        const owned = new Set<unknown>();
        const handed: Uint8Array[] = [];
        let left = after;
        let stopped = false;
        const tell = (kind: string): void => {
          if (stopped) expect.fail(`${kind} after the stop`);
          if (kind === on && left-- === 0) {
            stopped = true;
            receiver.stop();
            for (let turn = 0; turn < 3; turn += 1) owned.add(pool.take().bytes.buffer);
          }
        };
        const receiver = new Receiver(pool, SEGMENT, {
          head: () => true,
          body: () => {},
          frame: () => tell('frame'),
          payload: () => tell('payload'),
          segment: ({ payload }) => {
            if (handed.some((other) => overlap(other, payload))) expect.fail('two segments have one place');
            handed.push(payload);
            tell('segment');
          },
        });
        receiver.accept(acceptedOf(['gzip']));
        const bytes = Buffer.concat([HEAD, encodeFrames(frames)]);
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const space = receiver.space();
          if (owned.has(space.buffer) || handed.some((payload) => overlap(payload, space)))
            expect.fail('a read lands in what belongs to somebody');
          const size = Math.min(cuts[turn % cuts.length] ?? 1, space.length, bytes.length - at);
          space.set(bytes.subarray(at, at + size));
          at += size;
          receiver.filled(size);
        }
      }),
      { numRuns: 100 },
    );
  });
});

function overlap(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length;
}
