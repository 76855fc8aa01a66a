// Many frames in a byte stream: the same however it is cut, refused at the first fault, and never copied twice over.
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CLIENT_FRAME_TYPES, FrameReader, SOURCE_FRAME_TYPES } from '../../protocol/frame-reader.ts';
import { encodeFrame, encodeFrames } from '../../protocol/frame-writer.ts';
import { FRAME_HEADER_BYTES, FRAME_TYPES } from '../../protocol/frames.ts';
import type { Frame, FrameType } from '../../protocol/frames.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';
import { anyClientFrame, anyFrame, anySourceFrame } from './arbitraries.ts';
import { faultOf } from './fault-of.ts';
import { bytesOf, GOLDEN_FRAMES } from './golden-frames.ts';

const types = Object.keys(FRAME_TYPES) as FrameType[];
const allTypes: ReadonlySet<FrameType> = new Set(types);

describe('a stream of frames', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('gives the same frames however it is cut', () => {
    const cuts = fc.array(fc.nat(400), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), cuts, (frames, sizes) => {
        const bytes = encodeFrames(frames);
        const reader = new FrameReader(allTypes);
        const read: Frame[] = [];
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          read.push(...reader.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(read).toEqual(frames);
        expect(reader.heldBytes).toBe(0);
      }),
    );
  });

  it('may be split at every byte', () => {
    const frames = Object.values(GOLDEN_FRAMES).map(({ frame }) => frame);
    const bytes = encodeFrames(frames);
    for (let split = 0; split <= bytes.length; split += 1) {
      const reader = new FrameReader(allTypes);
      const first = reader.push(bytes.subarray(0, split));
      const firstBytes = encodeFrames(first).length;
      expect(reader.heldBytes).toBe(split - firstBytes);
      expect([...first, ...reader.push(bytes.subarray(split))]).toEqual(frames);
    }
    const reader = new FrameReader(allTypes);
    expect([...bytes].flatMap((byte) => reader.push(Uint8Array.of(byte)))).toEqual(frames);
  });

  it('skips optional frames that are not known, whole or in pieces', () => {
    const unknown = [...bytesOf('ff 000003 010203'), ...bytesOf('f0 000000')];
    const bytes = Uint8Array.of(...unknown, ...encodeFrame({ type: 'bye' }), ...unknown);
    for (let split = 0; split <= bytes.length; split += 1) {
      const reader = new FrameReader(CLIENT_FRAME_TYPES);
      const read = [...reader.push(bytes.subarray(0, split)), ...reader.push(bytes.subarray(split))];
      expect(read).toEqual([{ type: 'bye' }]);
      expect(reader.heldBytes).toBe(0);
    }
  });

  it('is refused at a frame of the other side, as soon as its header is there', () => {
    const one = (frame: fc.Arbitrary<Frame>, allowed: ReadonlySet<FrameType>): void =>
      fc.assert(
        fc.property(frame, (sent) => {
          const reader = new FrameReader(allowed);
          const fault = faultOf(() => reader.push(encodeFrame(sent).subarray(0, FRAME_HEADER_BYTES)));
          expect(fault?.code).toBe('bad-frame');
        }),
      );
    one(anyClientFrame, SOURCE_FRAME_TYPES);
    one(anySourceFrame, CLIENT_FRAME_TYPES);
    expect([...CLIENT_FRAME_TYPES, ...SOURCE_FRAME_TYPES].sort()).toEqual([...types].sort());
  });

  it('survives any bytes in any chunks', () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      anyFrame.map(encodeFrame),
      anyFrame.map((frame) => encodeFrame(frame).subarray(1)),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 12 }), (chunks) => {
        const reader = new FrameReader(SOURCE_FRAME_TYPES);
        faultOf(() => {
          for (const bytes of chunks) {
            reader.push(bytes);
            expect(reader.heldBytes).toBeLessThan(FRAME_HEADER_BYTES + FRAME_TYPES.segment.maxBytes);
          }
        });
      }),
      { numRuns: 400 },
    );
  });

  it('gives frames that own their bytes', () => {
    const chunk = encodeFrame(GOLDEN_FRAMES.segment.frame);
    const [frame] = new FrameReader(SOURCE_FRAME_TYPES).push(chunk);
    chunk.fill(0);
    expect(frame).toEqual(GOLDEN_FRAMES.segment.frame);
  });

  it('copies each byte about once, however small the chunks', () => {
    const page = { level: 0, first: 0, nodes: new Uint8Array(4_096 * HASH_BYTES), path: new Uint8Array(0) };
    const bytes = encodeFrame({ type: 'proof', page });
    let copied = 0;
    const { set, slice } = Uint8Array.prototype;
    vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, from, at) {
      copied += from.length;
      set.call(this, from, at);
    });
    vi.spyOn(Uint8Array.prototype, 'slice').mockImplementation(function (this: Uint8Array<ArrayBuffer>, start, end) {
      const part = slice.call(this, start, end);
      copied += part.length;
      return part;
    });
    const reader = new FrameReader(SOURCE_FRAME_TYPES);
    for (let at = 0; at < bytes.length; at += 7) reader.push(bytes.subarray(at, at + 7));
    expect(reader.heldBytes).toBe(0);
    expect(copied).toBeGreaterThan(0);
    expect(copied).toBeLessThanOrEqual(2 * bytes.length);
  });
});
