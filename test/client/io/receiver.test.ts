// The receiver cuts a channel's bytes into head, frames and segments. However the bytes are cut on their way, the same
// comes out; a segment handed over is never written to again.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import { Receiver, RECEIVER_LEAST_BYTES } from '../../../client/io/receiver.ts';
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
    const pool = new BufferPool(RECEIVER_LEAST_BYTES);
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

  test('while a segment comes in, a read ends right behind it: only the next prefix can spill over', () => {
    const kit = new ReceiverKit();
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
  test('each segment comes in a buffer of its own, and its payload lies in it', () => {
    const kit = new ReceiverKit();
    const frames = Array.from({ length: 5 }, (_, index) => segmentOf(index, 20_000));
    kit.read(Buffer.concat([HEAD, encodeFrames(frames)]), [9_999]);
    expect(new Set(kit.kept.map(({ buffer }) => buffer.buffer)).size).toBe(5);
    for (const { frame, buffer } of kit.kept) {
      expect(frame.payload.buffer).toBe(buffer.buffer);
      expect(buffer.byteLength).toBe(kit.pool.bytes);
      expect(buffer.byteOffset).toBe(0);
    }
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
    const held: Uint8Array[] = [];
    const receivers = [first, second].map(
      () =>
        new Receiver(shared, SEGMENT, {
          head: () => true,
          body: () => {},
          frame: () => {},
          payload: () => {},
          segment: (_, buffer) => held.push(buffer),
        }),
    );
    for (let turn = 0; turn < 6; turn += 1) {
      for (const receiver of receivers) {
        const bytes = Buffer.concat([turn === 0 ? HEAD : Buffer.alloc(0), encodeFrame(segmentOf(turn, 10))]);
        receiver.space().set(bytes);
        receiver.filled(bytes.length);
      }
      if (turn === 3) for (const buffer of held.splice(0)) shared.give(buffer as Uint8Array<ArrayBuffer>);
    }
    const spaces = [...held, ...receivers.map((receiver) => receiver.space())];
    expect(new Set(spaces.map(({ buffer }) => buffer)).size).toBe(spaces.length);
  });

  test('stopped from within any callback, nothing more comes out and no buffer gets a second user', () => {
    const stops = fc.record({ after: fc.nat(12), on: fc.constantFrom('frame', 'payload', 'segment') });
    fc.assert(
      fc.property(streams, stops, sizes, (frames, { after, on }, cuts) => {
        const pool = new BufferPool(RECEIVER_LEAST_BYTES);
        const owned = new Set<ArrayBuffer>();
        let left = after;
        let stopped = false;
        const tell = (kind: string): void => {
          if (stopped) expect.fail(`${kind} after the stop`);
          if (kind === on && left-- === 0) {
            stopped = true;
            receiver.stop();
            for (let turn = 0; turn < 3; turn += 1) owned.add(pool.take().buffer);
          }
        };
        const receiver = new Receiver(pool, SEGMENT, {
          head: () => true,
          body: () => {},
          frame: () => tell('frame'),
          payload: () => tell('payload'),
          segment: (_, buffer) => {
            if (owned.has(buffer.buffer)) expect.fail('two segments have one buffer');
            owned.add(buffer.buffer);
            tell('segment');
          },
        });
        receiver.accept(acceptedOf(['gzip']));
        const bytes = Buffer.concat([HEAD, encodeFrames(frames)]);
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const space = receiver.space();
          if (owned.has(space.buffer as ArrayBuffer)) expect.fail('a read lands in a buffer that belongs to somebody');
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
