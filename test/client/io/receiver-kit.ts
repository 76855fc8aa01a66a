// A receiver whose pieces are kept, and streams to feed it: for the tests of receiver.ts.
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { expect } from 'vitest';
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import type { Slab } from '../../../client/io/buffer-pool.ts';
import { Receiver, slabBytesFor } from '../../../client/io/receiver.ts';
import { acceptedOf, SEGMENT_ENCODINGS } from '../../../protocol/frames.ts';
import type { SegmentFrame, SourceFrame } from '../../../protocol/frames.ts';
import { formatResponseHead } from '../../../protocol/http-head.ts';
import { anySourceFrame } from '../../protocol/arbitraries.ts';

export const SEGMENT = 32_768;
export const HEAD: Buffer = Buffer.from(
  formatResponseHead(101, 'Switching Protocols', [['Upgrade', 'heddle/1']]),
  'latin1',
);
/** What is written over a segment that nobody needs. */
export const SCRIBBLE = 0xee;

export type Kept = {
  readonly frame: SegmentFrame;
  readonly slab: Slab;
  readonly copy: Uint8Array;
};

/** A receiver whose pieces are kept; segments are held until the test gives them back. */
export class ReceiverKit {
  readonly pool: BufferPool;
  readonly receiver: Receiver;
  readonly frames: SourceFrame[] = [];
  readonly kept: Kept[] = [];
  payloadBytes = 0;
  body = '';
  readonly #upgraded: boolean;

  constructor(segmentBytes: number = SEGMENT, upgraded = true) {
    this.#upgraded = upgraded;
    this.pool = new BufferPool(slabBytesFor(segmentBytes));
    this.receiver = new Receiver(this.pool, segmentBytes, {
      head: () => this.#upgraded,
      body: (bytes) => {
        this.body += Buffer.from(bytes).toString('latin1');
      },
      frame: (frame) => this.frames.push(frame),
      payload: (bytes) => {
        this.payloadBytes += bytes;
      },
      segment: (frame, slab) => {
        this.frames.push({ ...frame, payload: frame.payload.slice() });
        this.kept.push({ frame, slab, copy: frame.payload.slice() });
      },
    });
    this.receiver.accept(acceptedOf(SEGMENT_ENCODINGS));
  }

  /** Reads `bytes` as a socket would: into the space, at most `sizes` bytes at a time, over and over. */
  read(bytes: Uint8Array, sizes: readonly number[]): void {
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const space = this.receiver.space();
      if (space.length === 0) expect.fail('a socket cannot read into nothing');
      const size = Math.min(sizes[turn % sizes.length] ?? 1, space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + size));
      at += size;
      this.receiver.filled(size);
    }
  }

  /** Releases a kept segment, and scribbles over it. */
  giveBack(kept: Kept): void {
    this.kept.splice(this.kept.indexOf(kept), 1);
    kept.frame.payload.fill(SCRIBBLE);
    kept.slab.release();
  }
}

/** Sizes of the reads that bring a stream. */
export const sizes: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 70_000 })),
  {
    minLength: 1,
    maxLength: 12,
  },
);

/** Noise of `length` bytes; cheap, and different for each seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, state = seed | 1; at < length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export const segments: fc.Arbitrary<SegmentFrame> = fc
  .record({
    index: fc.nat(1_000),
    epoch: fc.nat(50),
    by: fc.constantFrom<'pattern' | 'send'>('pattern', 'send'),
    length: fc.oneof({ weight: 4, arbitrary: fc.nat(600) }, fc.constant(SEGMENT), fc.nat(SEGMENT)),
    seed: fc.nat(),
  })
  .map(
    ({ length, seed, ...rest }): SegmentFrame => ({
      type: 'segment',
      ...rest,
      encoding: 'identity',
      payload: noise(length, seed),
    }),
  );

/** What a source may send. */
export const streams: fc.Arbitrary<SourceFrame[]> = fc.array(fc.oneof(segments, segments, anySourceFrame), {
  maxLength: 8,
});

/** Bytes of an object that a frame's payload is reported as. */
export function reportedOf(frame: SourceFrame): number {
  if (frame.type !== 'segment' || frame.payload.length === 0) return 0;
  return frame.encoding === 'identity' ? frame.payload.length : SEGMENT;
}

export function segmentOf(index: number, length: number): SegmentFrame {
  return { type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'identity', payload: noise(length, index + 1) };
}

/** Byte fields as short text, so that a difference is readable and comparing is quick. */
export function plain(frame: SourceFrame): unknown {
  return withText(frame);
}

function withText(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return value.length > 100 ? `${value.length} bytes ${hash('sha256', value)}` : Buffer.from(value).toString('hex');
  }
  if (value instanceof Uint16Array || Array.isArray(value)) return Array.from(value as unknown[], withText);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withText(member)]));
}
