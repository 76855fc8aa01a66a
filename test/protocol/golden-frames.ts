// One frame of each type beside its bytes, written by hand from the layouts in frames.ts. They never change: another
// implementation of heddle/1 may check itself against them.
import type { Frame, FrameType } from '../../protocol/frames.ts';
import { HASH_BYTES } from '../../protocol/limits.ts';

const hash = (byte: number): Uint8Array => new Uint8Array(HASH_BYTES).fill(byte);
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Spaces separate fields; the first two are the type and the length. */
export const GOLDEN_FRAMES: { readonly [Type in FrameType]: { readonly frame: Frame; readonly hex: string } } = {
  pattern: {
    frame: {
      type: 'pattern',
      pattern: { epoch: 3, from: 16, to: 4_096, lead: Uint16Array.of(2, 0, 258), cycle: Uint16Array.of(258, 2) },
    },
    hex: '01 00001a 00000003 00000010 00001000 02 0003 0002 0002 0102 01 00 02 02 01',
  },
  credit: { frame: { type: 'credit', total: 1_000 }, hex: '02 000004 000003e8' },
  send: {
    frame: {
      type: 'send',
      again: true,
      ranges: [
        { first: 9, length: 2 },
        { first: 5, length: 1 },
      ],
    },
    hex: '03 000013 01 0002 00000009 00000002 00000005 00000001',
  },
  cancel: {
    frame: { type: 'cancel', ranges: [{ first: 5, length: 2 }] },
    hex: '04 00000a 0001 00000005 00000002',
  },
  steer: { frame: { type: 'steer', on: true }, hex: '85 000001 01' },
  ping: { frame: { type: 'ping', nonce: 0xdeadbeef }, hex: '06 000004 deadbeef' },
  bye: { frame: { type: 'bye' }, hex: '07 000000' },
  prove: { frame: { type: 'prove', level: 1, first: 64, count: 32 }, hex: '08 000007 01 00000040 0020' },
  encode: { frame: { type: 'encode', accepted: 0x81 }, hex: '89 000001 81' },
  hello: {
    frame: {
      type: 'hello',
      objectId: 'é',
      size: 0x1_0000_0001,
      root: hash(0xaa),
      manifest: 'a.b.c',
      held: [{ first: 0, length: 3 }],
    },
    hex: `21 00003c 0000000100000001 ${'aa'.repeat(32)} 02 c3a9 0005 612e622e63 0001 00000000 00000003`,
  },
  proof: {
    frame: {
      type: 'proof',
      page: { level: 1, first: 2, nodes: hash(0x11), path: Uint8Array.of(...hash(0x22), ...hash(0x33)) },
    },
    hex: `22 000068 01 02 0001 00000002 ${'11'.repeat(32)} ${'22'.repeat(32)} ${'33'.repeat(32)}`,
  },
  segment: {
    frame: { type: 'segment', index: 7, epoch: 2, by: 'send', encoding: 'identity', payload: ascii('abc') },
    hex: '23 00000f 00000007 00000002 01 00 0000 616263',
  },
  dropped: {
    frame: { type: 'dropped', index: 7, epoch: 2, by: 'pattern', reason: 'already-sent' },
    hex: '24 00000a 00000007 00000002 00 01',
  },
  idle: { frame: { type: 'idle', epoch: 2, at: 7 }, hex: '25 000008 00000002 00000007' },
  pong: {
    frame: { type: 'pong', nonce: 0xdeadbeef, epoch: 2, queued: 65_536 },
    hex: '26 00000c deadbeef 00000002 00010000',
  },
  dealt: {
    frame: {
      type: 'dealt',
      pattern: { epoch: 3, from: 16, to: 18, lead: Uint16Array.of(7, 7), cycle: new Uint16Array(0) },
    },
    hex: 'a7 000015 00000003 00000010 00000012 01 0002 0000 0007 01 01',
  },
  error: { frame: { type: 'error', code: 'draining', text: 'bye' }, hex: '28 000004 2c 627965' },
};

/** The bytes of a hex text; spaces do not count. */
export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
