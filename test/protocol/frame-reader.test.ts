// One frame at a time: what is read is what was written, and whatever else comes is refused with a wire code.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBody, readHeader } from '../../protocol/frame-reader.ts';
import { encodeFrame } from '../../protocol/frame-writer.ts';
import { FRAME_HEADER_BYTES, FRAME_TYPES } from '../../protocol/frames.ts';
import type { Frame, FrameType } from '../../protocol/frames.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { framesOfType } from './arbitraries.ts';
import { faultOf } from './fault-of.ts';
import { bytesOf, GOLDEN_FRAMES } from './golden-frames.ts';

const types = Object.keys(FRAME_TYPES) as FrameType[];
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bodyOf = (bytes: Uint8Array): Uint8Array => bytes.slice(FRAME_HEADER_BYTES);

/** Either a fault of the wire, or a frame whose bytes are exactly these. */
function refusedOrCanonical(type: FrameType, body: Uint8Array): void {
  let frame: Frame | undefined;
  if (faultOf(() => (frame = decodeBody(type, body))) !== undefined || frame === undefined) return;
  expect(frame.type).toBe(type);
  expect(hex(bodyOf(encodeFrame(frame)))).toBe(hex(body));
}

describe('one body', () => {
  it.each(types)('of %s is read as it was written', (type) => {
    fc.assert(
      fc.property(framesOfType[type], (frame) => {
        const bytes = encodeFrame(frame);
        expect(readHeader(bytes)).toEqual({ type, length: bytes.length - FRAME_HEADER_BYTES });
        expect(decodeBody(type, bodyOf(bytes))).toEqual(frame);
      }),
    );
    expect(decodeBody(type, bodyOf(bytesOf(GOLDEN_FRAMES[type].hex)))).toEqual(GOLDEN_FRAMES[type].frame);
  });

  it.each(types)('of %s that is spoiled is refused, or is another frame written the only way', (type) => {
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      remove: fc.nat(3),
      insert: fc.uint8Array({ maxLength: 3 }),
    });
    fc.assert(
      fc.property(framesOfType[type], fc.array(edit, { minLength: 1, maxLength: 3 }), (frame, edits) => {
        let body = Buffer.from(bodyOf(encodeFrame(frame)));
        for (const { at, remove, insert } of edits) {
          const place = Math.floor(at * (body.length + 1));
          body = Buffer.concat([body.subarray(0, place), insert, body.subarray(place + remove)]);
        }
        refusedOrCanonical(type, new Uint8Array(body));
      }),
      { numRuns: 300 },
    );
  });

  it.each(types)('of %s from random bytes is refused, or is a frame written the only way', (type) => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (body) => refusedOrCanonical(type, body)));
    const biased = fc.array(fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 0x80, 0xff), { maxLength: 60 });
    fc.assert(fc.property(biased, (body) => refusedOrCanonical(type, Uint8Array.from(body))));
  });

  it.each(types)('of %s that is cut short or goes on is refused', (type) => {
    const body = bodyOf(bytesOf(GOLDEN_FRAMES[type].hex));
    const openEnded = type === 'segment' || type === 'error';
    for (let length = 0; length < body.length; length += 1) {
      const cut = faultOf(() => decodeBody(type, body.slice(0, length)));
      if (!openEnded || length < (type === 'error' ? 1 : 12)) expect(cut?.code).toBe('bad-frame');
    }
    if (!openEnded) expect(faultOf(() => decodeBody(type, Uint8Array.of(...body, 0)))?.code).toBe('bad-frame');
  });

  const zeros = (count: number): string => '00'.repeat(count);
  const cases: [string, FrameType, string, string][] = [
    ['a channel table that descends', 'pattern', '00000001 00000000 00000002 02 0002 0000 0002 0001 01 02', 'ascend'],
    ['a channel named twice', 'pattern', '00000001 00000000 00000002 02 0002 0000 0001 0001 01 02', 'ascend'],
    ['a channel 0', 'pattern', '00000001 00000000 00000002 01 0001 0000 0000 01', 'ascend'],
    ['a channel that is not used', 'pattern', '00000001 00000000 00000002 01 0001 0000 0001 00', 'does not use'],
    ['an element beside the table', 'pattern', '00000001 00000000 00000002 01 0001 0000 0001 02', 'channel table'],
    ['epoch 0', 'pattern', '00000000 00000000 00000002 00 0000 0000', 'epoch'],
    ['to before from', 'pattern', '00000001 00000003 00000002 00 0000 0000', 'range'],
    ['a deal with a cycle', 'dealt', '00000001 00000000 00000000 00 0000 0001 00', 'dealt'],
    ['a deal beyond its elements', 'dealt', '00000001 00000000 00000002 00 0001 0000 00', 'dealt'],
    ['an empty range', 'cancel', '0001 00000000 00000000', 'not a range'],
    ['a range past the last segment', 'cancel', '0001 ffffffff 00000001', 'not a range'],
    ['a flag of 2', 'steer', '02', 'flag'],
    ['a page without nodes', 'proof', '00 00 0000 00000000', 'no nodes'],
    ['a drop without reason', 'dropped', '00000000 00000000 00 04', 'reason'],
    ['an encoding that is not known', 'segment', '00000000 00000000 00 02 0000', 'encoding'],
    ['reserved bytes', 'segment', '00000000 00000000 00 00 0001', 'reserved'],
    ['an error number that is not known', 'error', 'c8 6e6577', 'error number 200 is not known: new'],
    ['a text that is not UTF-8', 'error', '01 c3', 'UTF-8'],
    ['a text in too long a form', 'error', '01 c080', 'UTF-8'],
    ['a text with half a character', 'error', '01 eda080', 'UTF-8'],
    ['a text with an escape sequence', 'error', '01 1b5b33316d', 'control'],
    ['an id that is not UTF-8', 'hello', `${zeros(40)} 01 ff 0000 0000`, 'UTF-8'],
    ['a manifest that is no JWS', 'hello', `${zeros(40)} 00 0002 7b7d 0000`, 'JWS'],
    ['a size beyond 2^53', 'hello', `0020000000000000 ${zeros(32)} 00 0000 0000`, '2\\^53'],
  ];
  it.each(cases)('is refused for %s', (_, type, body, text) => {
    expect(faultOf(() => decodeBody(type, bytesOf(body)))?.message).toMatch(new RegExp(text));
  });

  it('keeps a byte order mark, which is a character like any other', () => {
    const frame: Frame = { type: 'error', code: 'internal', text: '\ufeffa' };
    expect(decodeBody('error', bodyOf(encodeFrame(frame)))).toEqual(frame);
  });

  it('is refused as too large beyond each count, before the bytes are looked at', () => {
    const counts: [FrameType, string][] = [
      ['send', '00 0401'],
      ['cancel', 'ffff'],
      ['prove', '00 00000000 1001'],
      ['proof', '00 31 0001 00000000'],
      ['proof', '00 00 1001 00000000'],
      ['hello', `${zeros(40)} 00 2001`],
      ['pattern', `00000001 00000000 00000002 00 4001 0000 ${zeros(LIMITS.maxLeadElements + 1)}`],
      ['pattern', `00000001 00000000 00000002 00 0000 0401 ${zeros(LIMITS.maxCycleElements + 1)}`],
    ];
    for (const [type, body] of counts) {
      expect(faultOf(() => decodeBody(type, bytesOf(body)))?.code).toBe('frame-too-large');
    }
  });
});

describe('a header', () => {
  it('is refused beyond the limit of its type', () => {
    for (const type of types) {
      const { number, maxBytes } = FRAME_TYPES[type];
      const header = (length: number): Uint8Array =>
        Uint8Array.of(number, length >> 16, (length >> 8) & 0xff, length & 0xff);
      expect(readHeader(header(maxBytes))).toEqual({ type, length: maxBytes });
      expect(faultOf(() => readHeader(header(maxBytes + 1)))?.code).toBe('frame-too-large');
    }
  });

  it('of a type that is not known is refused, unless the type is optional: then it is skipped', () => {
    const known = new Set(types.map((type) => FRAME_TYPES[type].number));
    for (let number = 0; number <= 0xff; number += 1) {
      if (known.has(number)) continue;
      const header = Uint8Array.of(number, 0, 0, 9);
      if (number < 0x80) expect(faultOf(() => readHeader(header))?.code).toBe('unknown-frame');
      else expect(readHeader(header)).toEqual({ type: undefined, length: 9 });
    }
    expect(faultOf(() => readHeader(Uint8Array.of(0xff, 0xff, 0xff, 0xff)))?.code).toBe('frame-too-large');
  });
});
