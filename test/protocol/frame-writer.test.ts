// The bytes of each frame, to the letter, and the frames that must not become bytes at all.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { encodeFrame, encodeFrames, SEGMENT_PREFIX_BYTES, segmentPrefix } from '../../protocol/frame-writer.ts';
import { DROP_REASONS, FRAME_TYPES } from '../../protocol/frames.ts';
import type { Frame, HelloFrame, PatternFrame } from '../../protocol/frames.ts';
import { HASH_BYTES, LIMITS, MAX_SEGMENTS } from '../../protocol/limits.ts';
import { bytesOf, GOLDEN_FRAMES } from './golden-frames.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('the golden bytes', () => {
  it.each(Object.entries(GOLDEN_FRAMES))('%s', (_, golden) => {
    expect(hex(encodeFrame(golden.frame))).toBe(golden.hex.replaceAll(' ', ''));
  });

  it('of the type numbers, the drop reasons and the limits of every body', () => {
    expect(Object.entries(FRAME_TYPES).map(([type, { number, maxBytes }]) => `${type} ${number} ${maxBytes}`)).toEqual([
      'pattern 1 17935',
      'credit 2 4',
      'send 3 8195',
      'cancel 4 8194',
      'steer 133 1',
      'ping 6 4',
      'bye 7 0',
      'prove 8 7',
      'encode 137 1',
      'hello 33 16684',
      'proof 34 132616',
      'segment 35 1048588',
      'dropped 36 10',
      'idle 37 8',
      'pong 38 12',
      'dealt 167 17935',
      'error 40 513',
    ]);
    expect(DROP_REASONS).toEqual(['not-held', 'already-sent', 'cancelled', 'read-failed']);
  });

  it('of several frames are theirs one after another', () => {
    const golden = Object.values(GOLDEN_FRAMES);
    expect(hex(encodeFrames(golden.map(({ frame }) => frame)))).toBe(
      golden.map((one) => hex(bytesOf(one.hex))).join(''),
    );
    expect(encodeFrames([])).toEqual(new Uint8Array(0));
  });

  it("of a segment's prefix are the frame without its payload", () => {
    const whole = encodeFrame(GOLDEN_FRAMES.segment.frame);
    expect(hex(segmentPrefix(7, 2, 'send', 3))).toBe(hex(whole.subarray(0, SEGMENT_PREFIX_BYTES)));
  });
});

describe('refusals', () => {
  const pattern = (change: Partial<PatternFrame['pattern']>): Frame => {
    const none = new Uint16Array(0);
    return { type: 'pattern', pattern: { epoch: 1, from: 0, to: 9, lead: none, cycle: none, ...change } };
  };
  const hello = (change: Partial<HelloFrame>): Frame => {
    const root = new Uint8Array(HASH_BYTES);
    return { type: 'hello', objectId: '', size: 0, root, manifest: '', held: [], ...change };
  };
  const send = (first: number, length: number): Frame => ({ type: 'send', again: false, ranges: [{ first, length }] });
  const proof = (nodes: number, path: number): Frame => ({
    type: 'proof',
    page: { level: 0, first: 0, nodes: new Uint8Array(nodes), path: new Uint8Array(path) },
  });
  const many = Array.from({ length: LIMITS.maxRanges + 1 }, () => ({ first: 0, length: 1 }));
  const cases: [string, Frame, ErrorCode][] = [
    ['a credit below zero', { type: 'credit', total: -1 }, 'bad-frame'],
    ['a credit beyond a u32', { type: 'credit', total: 2 ** 32 }, 'bad-frame'],
    ['a credit that is not whole', { type: 'credit', total: 0.5 }, 'bad-frame'],
    ['a nonce that is no number', { type: 'ping', nonce: Number.NaN }, 'bad-frame'],
    ['a pattern without epoch', pattern({ epoch: 0 }), 'bad-frame'],
    ['a pattern that ends before it begins', pattern({ from: 10 }), 'bad-frame'],
    ['a pattern from below zero', pattern({ from: -1 }), 'bad-frame'],
    ['a pattern beyond the last segment', pattern({ to: MAX_SEGMENTS + 1 }), 'bad-frame'],
    ['a pattern to no number', pattern({ to: Number.NaN }), 'bad-frame'],
    ['too long a lead', pattern({ lead: new Uint16Array(LIMITS.maxLeadElements + 1) }), 'frame-too-large'],
    ['too long a cycle', pattern({ cycle: new Uint16Array(LIMITS.maxCycleElements + 1) }), 'frame-too-large'],
    ['too many channels', pattern({ lead: Uint16Array.from({ length: 257 }, (_, at) => at) }), 'frame-too-large'],
    ['a deal with a cycle', { ...pattern({ to: 0, cycle: Uint16Array.of(1) }), type: 'dealt' } as Frame, 'bad-frame'],
    ['a deal beyond its elements', { ...pattern({}), type: 'dealt' } as Frame, 'bad-frame'],
    ['an empty range', send(0, 0), 'bad-frame'],
    ['a range below zero', send(-1, 3), 'bad-frame'],
    ['a range beyond the last segment', send(MAX_SEGMENTS, 1), 'bad-frame'],
    ['a range of no number', send(Number.NaN, 1), 'bad-frame'],
    ['a range that is not whole', send(0.5, 1), 'bad-frame'],
    ['too many ranges', { type: 'cancel', ranges: many }, 'frame-too-large'],
    ['a root that is too short', hello({ root: new Uint8Array(31) }), 'bad-frame'],
    ['an object id with half a character', hello({ objectId: '\ud800' }), 'bad-frame'],
    ['an object id with a line feed', hello({ objectId: 'a\nb' }), 'bad-frame'],
    ['too long an object id', hello({ objectId: 'é'.repeat(128) }), 'frame-too-large'],
    ['a manifest that is no compact JWS', hello({ manifest: '{}' }), 'bad-frame'],
    ['too long a manifest', hello({ manifest: 'a'.repeat(LIMITS.maxManifestBytes + 1) }), 'frame-too-large'],
    ['a size beyond 2^53', hello({ size: 2 ** 53 }), 'bad-frame'],
    ['a page of half a node', proof(48, 0), 'bad-frame'],
    ['a page without nodes', proof(0, 0), 'bad-frame'],
    ['too large a page', proof((LIMITS.maxProofNodes + 1) * HASH_BYTES, 0), 'frame-too-large'],
    ['half a path', proof(HASH_BYTES, 48), 'bad-frame'],
    ['too long a path', proof(HASH_BYTES, (LIMITS.maxProofPath + 1) * HASH_BYTES), 'frame-too-large'],
    ['a request for too large a page', { type: 'prove', level: 0, first: 0, count: 4_097 }, 'frame-too-large'],
    ['a request for an empty page', { type: 'prove', level: 0, first: 0, count: 0 }, 'bad-frame'],
    [
      'too large a segment',
      {
        ...(GOLDEN_FRAMES.segment.frame as Frame & { type: 'segment' }),
        payload: new Uint8Array(LIMITS.maxSegmentBytes + 1),
      },
      'frame-too-large',
    ],
  ];

  it.each(cases)('%s', (_, frame, code) => {
    expect(() => encodeFrame(frame)).toThrow(HeddleError);
    expect(() => encodeFrame(frame)).toThrow(expect.objectContaining({ code, side: 'local' }));
  });

  it('do not concern the largest frames that are allowed', () => {
    const lead = Uint16Array.from({ length: LIMITS.maxLeadElements }, (_, at) => at % (LIMITS.maxPatternChannels + 1));
    const cycle = new Uint16Array(LIMITS.maxCycleElements);
    expect(encodeFrame(pattern({ lead, cycle })).length).toBe(4 + FRAME_TYPES.pattern.maxBytes);
    const page = { nodes: LIMITS.maxProofNodes * HASH_BYTES, path: LIMITS.maxProofPath * HASH_BYTES };
    expect(encodeFrame(proof(page.nodes, page.path)).length).toBe(4 + FRAME_TYPES.proof.maxBytes);
    const manifest = 'a'.repeat(LIMITS.maxManifestBytes);
    const largest = hello({ objectId: 'a'.repeat(255), manifest, held: many.slice(1) });
    expect(encodeFrame(largest).length).toBe(4 + FRAME_TYPES.hello.maxBytes);
  });
});

describe("an error's text", () => {
  it('always fits, whatever it says, and is cut between characters', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 700 }), fc.constant('é'.repeat(300)), fc.string());
    fc.assert(
      fc.property(text, (words) => {
        const body = encodeFrame({ type: 'error', code: 'internal', text: words }).subarray(5);
        expect(body.length).toBeLessThanOrEqual(LIMITS.maxErrorTextBytes);
        const read = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
        expect(
          words
            .toWellFormed()
            .replace(/\p{Cc}/gu, ' ')
            .startsWith(read),
        ).toBe(true);
      }),
    );
    const odd = encodeFrame({ type: 'error', code: 'internal', text: `a${'é'.repeat(300)}` });
    expect(odd.length).toBe(4 + 1 + LIMITS.maxErrorTextBytes - 1);
  });

  it('holds no control characters', () => {
    expect(hex(encodeFrame({ type: 'error', code: 'internal', text: '\u001b[31m\r\n\u009bx' }).subarray(5))).toBe(
      hex(Buffer.from(' [31m   x')),
    );
  });
});

describe('the error codes', () => {
  it('each have a number of their own that fits into a byte', () => {
    const numbers = Object.values(ERROR_CODES).map(({ wire }) => wire);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const number of numbers) expect(number).toBeGreaterThan(0);
    for (const number of numbers) expect(number).toBeLessThanOrEqual(0xff);
  });
});
