// What does not belong into a channel's bytes is a HeddleError that blames the peer and nothing else, or is passed over.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeddleError } from '../../../protocol/errors.ts';
import { encodeFrame, encodeFrames } from '../../../protocol/frame-writer.ts';
import { FRAME_HEADER_BYTES } from '../../../protocol/frames.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { anySourceFrame, framesOfType } from '../../protocol/arbitraries.ts';
import { HEAD, ReceiverKit, SEGMENT, segmentOf, sizes } from './receiver-kit.ts';

/** Nothing, or what a peer is blamed for. */
const WELL_TAKEN = [undefined, 'bad-frame', 'unknown-frame', 'frame-too-large'];

describe('what does not belong there', () => {
  test('any bytes behind the head give frames or a remote HeddleError, and always leave room to read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), sizes, (bytes, cuts) => {
        const kit = new ReceiverKit();
        kit.read(HEAD, cuts);
        expect(codeOf(() => kit.read(bytes, cuts))).toBeOneOf(WELL_TAKEN);
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
        const kit = new ReceiverKit();
        kit.read(HEAD, cuts);
        expect(codeOf(() => kit.read(bytes, cuts))).toBeOneOf(WELL_TAKEN);
      }),
      { numRuns: 300 },
    );
  });

  test('any bytes as an answer are a head or a remote HeddleError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), sizes, (bytes, cuts) => {
        expect(codeOf(() => new ReceiverKit().read(bytes, cuts))).toBeOneOf([undefined, 'handshake-failed']);
      }),
      { numRuns: 200 },
    );
  });

  test('an endless head is refused before the buffer is full', () => {
    const line = Buffer.from(`X-More: ${'y'.repeat(1_000)}\r\n`);
    const kit = new ReceiverKit();
    kit.read(Buffer.from('HTTP/1.1 101 Switching Protocols\r\n'), [40]);
    expect(
      codeOf(() => {
        for (let turn = 0; turn < 100; turn += 1) kit.read(line, [3_000]);
      }),
    ).toBe('handshake-failed');
  });

  test.each(['pattern', 'credit', 'send', 'ping', 'bye'] as const)('a %s is not for a client', (type) => {
    const [frame] = fc.sample(framesOfType[type], { numRuns: 1, seed: 1 });
    const kit = new ReceiverKit();
    kit.read(HEAD, [HEAD.length]);
    expect(codeOf(() => kit.read(encodeFrame(frame!), [70_000]))).toBe('bad-frame');
  });

  test('a segment larger than agreed is refused as soon as its header is there', () => {
    const kit = new ReceiverKit();
    kit.read(HEAD, [HEAD.length]);
    expect(codeOf(() => kit.read(encodeFrame(segmentOf(0, SEGMENT + 1)).subarray(0, 20), [20]))).toBe(
      'frame-too-large',
    );
  });

  test('a control frame that would never fit is refused at once', () => {
    const kit = new ReceiverKit();
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
        const kit = new ReceiverKit();
        kit.read(HEAD, [HEAD.length]);
        kit.read(Buffer.concat([encodeFrame(segmentOf(1, 50)), unknown, encodeFrame(segmentOf(2, 50))]), cuts);
        expect(kit.kept.map(({ frame }) => frame.index)).toEqual([1, 2]);
        expect(kit.payloadBytes).toBe(100);
      }
    },
  );
});

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
