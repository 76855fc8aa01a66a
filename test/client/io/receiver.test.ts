// The receiver cuts a channel's bytes into head, frames and segments. However the bytes are cut on their way, the same
// comes out; a segment handed over is never written to again; nonsense is a HeddleError and nothing else.
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BufferPool } from '../../../client/io/buffer-pool.ts';
import { Receiver, RECEIVER_LEAST_BYTES, RECEIVER_SLACK_BYTES } from '../../../client/io/receiver.ts';
import { HeddleError } from '../../../protocol/errors.ts';
import { encodeFrame, encodeFrames } from '../../../protocol/frame-writer.ts';
import type { SegmentFrame, SourceFrame } from '../../../protocol/frames.ts';
import { FRAME_HEADER_BYTES } from '../../../protocol/frames.ts';
import { formatResponseHead } from '../../../protocol/http-head.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { anySourceFrame, framesOfType } from '../../protocol/arbitraries.ts';

const SEGMENT = 32_768;
const HEAD = Buffer.from(formatResponseHead(101, 'Switching Protocols', [['Upgrade', 'heddle/1']]), 'latin1');
const SCRIBBLE = 0xee;

type Kept = { readonly frame: SegmentFrame; readonly buffer: Uint8Array<ArrayBuffer>; readonly copy: Uint8Array };

/** A receiver whose pieces are kept; segments are held until the test gives their buffers back. */
class Kit {
  readonly pool: BufferPool;
  readonly receiver: Receiver;
  readonly frames: SourceFrame[] = [];
  readonly kept: Kept[] = [];
  payloadBytes = 0;
  body = '';
  readonly #upgraded: boolean;

  constructor(segmentBytes = SEGMENT, upgraded = true) {
    this.#upgraded = upgraded;
    this.pool = new BufferPool(Math.max(RECEIVER_LEAST_BYTES, segmentBytes + RECEIVER_SLACK_BYTES));
    this.receiver = new Receiver(this.pool, segmentBytes, {
      head: () => this.#upgraded,
      body: (bytes) => {
        this.body += Buffer.from(bytes).toString('latin1');
      },
      frame: (frame) => this.frames.push(frame),
      payload: (bytes) => {
        this.payloadBytes += bytes;
      },
      segment: (frame, buffer) => {
        this.frames.push({ ...frame, payload: frame.payload.slice() });
        this.kept.push({ frame, buffer, copy: frame.payload.slice() });
      },
    });
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

  /** Gives a kept segment's buffer back, and scribbles over it as its next user would. */
  giveBack(kept: Kept): void {
    this.kept.splice(this.kept.indexOf(kept), 1);
    kept.buffer.fill(SCRIBBLE);
    this.pool.give(kept.buffer);
  }
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 70_000 })), {
  minLength: 1,
  maxLength: 12,
});

/** Noise of `length` bytes; cheap, and different for each seed. */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, state = seed | 1; at < length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

const segments = fc
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

const streams = fc.array(fc.oneof(segments, segments, anySourceFrame), { maxLength: 8 });

describe('cutting', () => {
  test('the same frames and payload bytes come out, whatever the cuts', () => {
    fc.assert(
      fc.property(streams, sizes, (frames, cuts) => {
        const kit = new Kit();
        kit.read(Buffer.concat([HEAD, encodeFrames(frames)]), cuts);
        expect(kit.frames.map(plain)).toEqual(frames.map(plain));
        const payload = frames.reduce((sum, frame) => sum + (frame.type === 'segment' ? frame.payload.length : 0), 0);
        expect(kit.payloadBytes, 'each payload byte is reported once').toBe(payload);
      }),
      { numRuns: 150 },
    );
  });

  test('byte by byte as well', () => {
    fc.assert(
      fc.property(fc.array(anySourceFrame, { maxLength: 6 }), (frames) => {
        const kit = new Kit();
        kit.read(Buffer.concat([HEAD, encodeFrames(frames)]), [1]);
        expect(kit.frames.map(plain)).toEqual(frames.map(plain));
      }),
      { numRuns: 30 },
    );
  });

  test('payload is reported while a segment comes in, and never more than came', () => {
    const kit = new Kit();
    const frame = encodeFrame(segmentOf(0, SEGMENT));
    kit.read(HEAD, [HEAD.length]);
    kit.read(frame.subarray(0, 16 + 1_000), [500]);
    expect(kit.payloadBytes).toBe(1_000);
    expect(kit.kept).toHaveLength(0);
    kit.read(frame.subarray(16 + 1_000), [70_000]);
    expect(kit.payloadBytes).toBe(SEGMENT);
    expect(kit.kept).toHaveLength(1);
  });

  test('while a segment comes in, a read ends right behind it: only the next prefix can spill over', () => {
    const kit = new Kit();
    kit.read(HEAD, [HEAD.length]);
    kit.read(encodeFrame(segmentOf(0, 1_000)).subarray(0, 100), [100]);
    expect(kit.receiver.space().length).toBeLessThanOrEqual(16 + 1_000 - 100 + 16);
  });

  test('frames behind the head, in the same read, are not lost', () => {
    const kit = new Kit();
    const bytes = Buffer.concat([HEAD, encodeFrame({ type: 'pong', nonce: 1, epoch: 2, queued: 3 })]);
    kit.read(bytes, [bytes.length]);
    expect(kit.frames).toEqual([{ type: 'pong', nonce: 1, epoch: 2, queued: 3 }]);
  });

  test('the body of an answer that is no upgrade comes through as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 2_000 }), sizes, (text, cuts) => {
        const kit = new Kit(SEGMENT, false);
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
    const kit = new Kit();
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
        const kit = new Kit();
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
    const first = new Kit();
    const second = new Kit();
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

describe('what does not belong there', () => {
  test('any bytes behind the head give frames or a remote HeddleError, and always leave room to read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), sizes, (bytes, cuts) => {
        const kit = new Kit();
        kit.read(HEAD, cuts);
        expect(codeOf(() => kit.read(bytes, cuts))).toBeOneOf([
          undefined,
          'bad-frame',
          'unknown-frame',
          'frame-too-large',
        ]);
      }),
      { numRuns: 300 },
    );
  });

  test('so does a good stream with one byte changed', () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(anySourceFrame, { minLength: 1 }), change, sizes, (frames, { at, to }, cuts) => {
        const bytes = encodeFrames(frames);
        bytes[at % bytes.length] = to;
        const kit = new Kit();
        kit.read(HEAD, cuts);
        expect(codeOf(() => kit.read(bytes, cuts))).toBeOneOf([
          undefined,
          'bad-frame',
          'unknown-frame',
          'frame-too-large',
        ]);
      }),
      { numRuns: 300 },
    );
  });

  test('any bytes as an answer are a head or a remote HeddleError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), sizes, (bytes, cuts) => {
        expect(codeOf(() => new Kit().read(bytes, cuts))).toBeOneOf([undefined, 'handshake-failed']);
      }),
      { numRuns: 200 },
    );
  });

  test('an endless head is refused before the buffer is full', () => {
    const line = Buffer.from(`X-More: ${'y'.repeat(1_000)}\r\n`);
    const kit = new Kit();
    kit.read(Buffer.from('HTTP/1.1 101 Switching Protocols\r\n'), [40]);
    expect(
      codeOf(() => {
        for (let turn = 0; turn < 100; turn += 1) kit.read(line, [3_000]);
      }),
    ).toBe('handshake-failed');
  });

  test.each(['pattern', 'credit', 'send', 'ping', 'bye'] as const)('a %s is not for a client', (type) => {
    const [frame] = fc.sample(framesOfType[type], { numRuns: 1, seed: 1 });
    const kit = new Kit();
    kit.read(HEAD, [HEAD.length]);
    expect(codeOf(() => kit.read(encodeFrame(frame!), [70_000]))).toBe('bad-frame');
  });

  test('a segment larger than agreed is refused as soon as its header is there', () => {
    const kit = new Kit();
    kit.read(HEAD, [HEAD.length]);
    expect(codeOf(() => kit.read(encodeFrame(segmentOf(0, SEGMENT + 1)).subarray(0, 20), [20]))).toBe(
      'frame-too-large',
    );
  });

  test('a control frame that would never fit is refused at once', () => {
    const kit = new Kit();
    kit.read(HEAD, [HEAD.length]);
    const header = Buffer.from([0x22, 0x02, 0x00, 0x00]); // PROOF of 131072 bytes: more nodes than were asked for
    expect(codeOf(() => kit.read(header, [4]))).toBe('frame-too-large');
  });

  test.each([0, 1, LIMITS.maxUnknownFrameBytes])(
    'an optional frame type of the future, %i bytes long, is skipped',
    (length) => {
      const unknown = Buffer.alloc(FRAME_HEADER_BYTES + length, 0xff);
      unknown.writeUInt32BE(0xfe00_0000 + length);
      for (const cuts of [[1_000], [unknown.length], [3, 50_000]]) {
        const kit = new Kit();
        kit.read(HEAD, [HEAD.length]);
        kit.read(Buffer.concat([encodeFrame(segmentOf(1, 50)), unknown, encodeFrame(segmentOf(2, 50))]), cuts);
        expect(kit.kept.map(({ frame }) => frame.index)).toEqual([1, 2]);
        expect(kit.payloadBytes).toBe(100);
      }
    },
  );
});

function segmentOf(index: number, length: number): SegmentFrame {
  return { type: 'segment', index, epoch: 1, by: 'pattern', encoding: 'identity', payload: noise(length, index + 1) };
}

/** Byte fields as short text, so that a difference is readable and comparing is quick. */
function plain(frame: SourceFrame): unknown {
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

/** The code of the HeddleError thrown, which must blame the peer; undefined when nothing is thrown. */
function codeOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    expect(error.side).toBe('remote');
    return error.code;
  }
}
