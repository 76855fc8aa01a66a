// Random frames as the wire allows them, one arbitrary per frame type; used by the tests of the frames.
import fc from 'fast-check';
import { ERROR_CODES } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { DROP_REASONS, SEGMENT_ENCODINGS } from '../../protocol/frames.ts';
import type { ClientFrame, Frame, FrameType, SourceFrame } from '../../protocol/frames.ts';
import { HASH_BYTES, MAX_SEGMENTS } from '../../protocol/limits.ts';
import type { Pattern } from '../../protocol/pattern.ts';
import type { Range } from '../../protocol/ranges.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u32 = fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 0xffff_ffff }), fc.constant(0xffff_ffff));
const by = fc.constantFrom('pattern', 'send');
const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const hashes = (minimum: number, maximum: number): fc.Arbitrary<Uint8Array> =>
  fc
    .integer({ min: minimum, max: maximum })
    .chain((count) => fc.uint8Array({ minLength: count * HASH_BYTES, maxLength: count * HASH_BYTES }));

/** Text as frames carry it: whole characters, none a control character. */
export const plainText = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'binary', maxLength }).map((text) => text.replace(/\p{Cc}/gu, ' '));

export const ranges: fc.Arbitrary<Range[]> = fc.array(
  fc
    .record({ first: fc.integer({ min: 0, max: MAX_SEGMENTS - 1 }), length: fc.integer({ min: 1, max: 1_000 }) })
    .map(({ first, length }) => ({ first, length: Math.min(length, MAX_SEGMENTS - first) })),
  { maxLength: 12 },
);

const elements = fc
  .array(fc.oneof(fc.constant(0), fc.nat(6), fc.integer({ min: 0, max: 0xffff })), { maxLength: 60 })
  .map((list) => Uint16Array.from(list));

export const patterns: fc.Arbitrary<Pattern> = fc
  .record({
    epoch: fc.integer({ min: 1, max: 0xffff_ffff }),
    from: fc.oneof(fc.nat(50), fc.integer({ min: 0, max: MAX_SEGMENTS })),
    span: fc.oneof(fc.nat(200), fc.constant(MAX_SEGMENTS)),
    lead: elements,
    cycle: elements,
  })
  .map(({ epoch, from, span, lead, cycle }) => ({ epoch, from, to: Math.min(MAX_SEGMENTS, from + span), lead, cycle }));

const dealt = fc.record({ pattern: patterns }).map(({ pattern: { epoch, from, lead } }): Pattern => {
  const start = Math.min(from, MAX_SEGMENTS - lead.length);
  return { epoch, from: start, to: start + lead.length, lead, cycle: new Uint16Array(0) };
});

const frame = <Type extends Frame['type'], Fields>(
  type: Type,
  fields: { [Field in keyof Fields]: fc.Arbitrary<Fields[Field]> },
): fc.Arbitrary<{ type: Type } & Fields> => fc.record(fields).map((values) => ({ type, ...(values as Fields) }));

const clientFrames: { readonly [Type in ClientFrame['type']]: fc.Arbitrary<ClientFrame> } = {
  pattern: frame('pattern', { pattern: patterns }),
  credit: frame('credit', { total: u32 }),
  send: frame('send', { ranges, again: fc.boolean() }),
  cancel: frame('cancel', { ranges }),
  steer: frame('steer', { on: fc.boolean() }),
  ping: frame('ping', { nonce: u32 }),
  prove: frame('prove', { level: u8, first: u32, count: fc.integer({ min: 1, max: 4_096 }) }),
  encode: frame('encode', { accepted: u8 }),
  bye: fc.constant({ type: 'bye' }),
};

const sourceFrames: { readonly [Type in SourceFrame['type']]: fc.Arbitrary<SourceFrame> } = {
  hello: frame('hello', {
    objectId: plainText(60),
    size: fc.maxSafeNat(),
    root: hashes(1, 1),
    manifest: fc.stringMatching(/^[\w-]{0,40}\.[\w-]{0,80}\.[\w-]{0,20}$/),
    held: ranges,
  }),
  proof: frame('proof', {
    page: fc.record({ level: u8, first: u32, nodes: hashes(1, 5), path: hashes(0, 5) }),
  }),
  segment: frame('segment', {
    index: u32,
    epoch: u32,
    by,
    encoding: fc.constantFrom(...SEGMENT_ENCODINGS),
    payload: bytes(200),
  }),
  dropped: frame('dropped', { index: u32, epoch: u32, by, reason: fc.constantFrom(...DROP_REASONS) }),
  idle: frame('idle', { epoch: u32, at: u32 }),
  pong: frame('pong', { nonce: u32, epoch: u32, queued: u32 }),
  dealt: frame('dealt', { pattern: dealt }),
  error: frame('error', {
    code: fc.constantFrom(...(Object.keys(ERROR_CODES) as ErrorCode[])),
    text: plainText(120),
  }),
};

export const framesOfType: { readonly [Type in FrameType]: fc.Arbitrary<Frame> } = { ...clientFrames, ...sourceFrames };
export const anyClientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(...Object.values(clientFrames));
export const anySourceFrame: fc.Arbitrary<SourceFrame> = fc.oneof(...Object.values(sourceFrames));
export const anyFrame: fc.Arbitrary<Frame> = fc.oneof(anyClientFrame, anySourceFrame);
