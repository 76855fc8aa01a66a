// Frames to bytes. The layouts are written beside the types in frames.ts. A frame that breaks a wire limit is refused
// here as well as by the reader, so that a bug shows at its source.
import { ByteWriter } from './bytes.ts';
import { ERROR_CODES, HeddleError } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { DROP_REASONS, FRAME_HEADER_BYTES, FRAME_TYPES, SEGMENT_BODY_BYTES, SEGMENT_ENCODINGS } from './frames.ts';
import type { Frame, FrameType, HelloFrame, ProofPage, SegmentEncoding, SentBy } from './frames.ts';
import { HASH_BYTES, LIMITS } from './limits.ts';
import { channelsOf, NOBODY, checkDealt, checkPattern } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import { checkRanges } from './ranges.ts';
import type { Range } from './ranges.ts';
import { encodeMessage, encodeText, isCompactJws } from './text.ts';

/** Bytes in front of a segment's payload: the frame's header and the fixed part of its body. */
export const SEGMENT_PREFIX_BYTES: number = FRAME_HEADER_BYTES + SEGMENT_BODY_BYTES;

/** `frame` as bytes, header included. Throws `bad-frame` or `frame-too-large` when a wire limit is broken. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  switch (frame.type) {
    case 'pattern':
      return patternFrame('pattern', checkPattern(frame.pattern));
    case 'dealt':
      return patternFrame('dealt', checkDealt(frame.pattern));
    case 'credit':
      return start('credit', 4).u32(frame.total).bytes;
    case 'send':
      return ranges(start('send', 3 + 8 * frame.ranges.length).u8(frame.again ? 1 : 0), frame.ranges).bytes;
    case 'cancel':
      return ranges(start('cancel', 2 + 8 * frame.ranges.length), frame.ranges).bytes;
    case 'steer':
      return start('steer', 1).u8(frame.on ? 1 : 0).bytes;
    case 'ping':
      return start('ping', 4).u32(frame.nonce).bytes;
    case 'prove':
      return start('prove', 7).u8(frame.level).u32(frame.first).u16(checkNodeCount(frame.count)).bytes;
    case 'encode':
      return start('encode', 1).u8(frame.accepted).bytes;
    case 'bye':
      return start('bye', 0).bytes;
    case 'hello':
      return helloFrame(frame);
    case 'proof':
      return proofFrame(frame.page);
    case 'segment':
      return new ByteWriter(SEGMENT_PREFIX_BYTES + frame.payload.length)
        .raw(segmentPrefix(frame.index, frame.epoch, frame.by, frame.payload.length, frame.encoding))
        .raw(frame.payload).bytes;
    case 'dropped':
      return start('dropped', 10)
        .u32(frame.index)
        .u32(frame.epoch)
        .u8(wireOfSentBy(frame.by))
        .u8(DROP_REASONS.indexOf(frame.reason)).bytes;
    case 'idle':
      return start('idle', 8).u32(frame.epoch).u32(frame.at).bytes;
    case 'pong':
      return start('pong', 12).u32(frame.nonce).u32(frame.epoch).u32(frame.queued).bytes;
    case 'error':
      return errorFrame(frame.code, frame.text);
    default:
      return frame satisfies never;
  }
}

/** The 16 bytes in front of a segment's payload, so that a sender can write the payload from where it lies. */
export function segmentPrefix(
  index: number,
  epoch: number,
  by: SentBy,
  payloadBytes: number,
  encoding: SegmentEncoding = 'identity',
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SEGMENT_PREFIX_BYTES);
  writeSegmentPrefix(bytes, { index, epoch, by }, payloadBytes, encoding);
  return bytes;
}

/** As segmentPrefix, into `bytes` from `at` on: a sender of thousands a second has one memory for many of them. */
export function writeSegmentPrefix(
  bytes: Uint8Array,
  { index, epoch, by }: { readonly index: number; readonly epoch: number; readonly by: SentBy },
  payloadBytes: number,
  encoding: SegmentEncoding = 'identity',
  at = 0,
): void {
  if (payloadBytes > LIMITS.maxSegmentBytes) throw tooLarge('segment');
  if (!isU32(index) || !isU32(epoch)) throw new HeddleError('bad-frame', 'a number does not fit into its field');
  putU32(bytes, at, SEGMENT_BODY_BYTES + payloadBytes);
  bytes[at] = FRAME_TYPES.segment.number;
  putU32(bytes, at + 4, index);
  putU32(bytes, at + 8, epoch);
  bytes[at + 12] = wireOfSentBy(by);
  bytes[at + 13] = SEGMENT_ENCODINGS.indexOf(encoding);
  bytes[at + 14] = 0;
  bytes[at + 15] = 0;
}

/** Frames one after another in one buffer. */
export function encodeFrames(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  const parts = frames.map(encodeFrame);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function start(type: FrameType, bodyBytes: number): ByteWriter {
  if (bodyBytes > FRAME_TYPES[type].maxBytes) throw tooLarge(type);
  return new ByteWriter(FRAME_HEADER_BYTES + bodyBytes).u8(FRAME_TYPES[type].number).u24(bodyBytes);
}

function patternFrame(type: 'pattern' | 'dealt', pattern: Pattern): Uint8Array<ArrayBuffer> {
  const channels = channelsOf(pattern);
  const place = new Uint8Array((channels.at(-1) ?? NOBODY) + 1);
  for (const [index, channel] of channels.entries()) place[channel] = index + 1;
  const writer = start(type, 17 + 2 * channels.length + pattern.lead.length + pattern.cycle.length);
  writer.u32(pattern.epoch).u32(pattern.from).u32(pattern.to);
  writer.u8(channels.length).u16(pattern.lead.length).u16(pattern.cycle.length);
  for (const channel of channels) writer.u16(channel);
  return writer.raw(placesOf(pattern.lead, place)).raw(placesOf(pattern.cycle, place)).bytes;
}

/** Elements as they stand in the frame: where each channel is in its table. */
function placesOf(elements: Uint16Array, place: Uint8Array): Uint8Array {
  const places = new Uint8Array(elements.length);
  for (let at = 0; at < elements.length; at += 1) places[at] = place[elements[at] ?? NOBODY] ?? 0;
  return places;
}

function helloFrame({ size, root, objectId, manifest, held }: HelloFrame): Uint8Array<ArrayBuffer> {
  const id = encodeText(objectId);
  const signed = encodeText(manifest);
  if (root.length !== HASH_BYTES) throw broken('a root is not a hash');
  if (!isCompactJws(manifest)) throw broken('a manifest is not a compact JWS');
  if (id.length > 0xff || signed.length > LIMITS.maxManifestBytes) throw tooLarge('hello');
  const bytes = 8 + HASH_BYTES + 1 + id.length + 2 + signed.length + 2 + 8 * held.length;
  const writer = start('hello', bytes).u64(size).raw(root).u8(id.length).raw(id).u16(signed.length).raw(signed);
  return ranges(writer, held).bytes;
}

function errorFrame(code: ErrorCode, text: string): Uint8Array<ArrayBuffer> {
  const message = encodeMessage(text, LIMITS.maxErrorTextBytes);
  return start('error', 1 + message.length)
    .u8(ERROR_CODES[code].wire)
    .raw(message).bytes;
}

function proofFrame({ level, first, nodes, path }: ProofPage): Uint8Array<ArrayBuffer> {
  const nodeCount = checkNodeCount(nodes.length / HASH_BYTES);
  const pathCount = path.length / HASH_BYTES;
  if (pathCount > LIMITS.maxProofPath) throw tooLarge('proof');
  const writer = start('proof', 8 + nodes.length + path.length);
  return writer.u8(level).u8(pathCount).u16(nodeCount).u32(first).raw(nodes).raw(path).bytes;
}

function checkNodeCount(count: number): number {
  if (count > LIMITS.maxProofNodes) throw tooLarge('proof');
  if (count < 1) throw broken('a page has no nodes');
  return count;
}

function ranges(writer: ByteWriter, list: readonly Range[]): ByteWriter {
  writer.u16(list.length);
  for (const { first, length } of checkRanges(list)) writer.u32(first).u32(length);
  return writer;
}

function wireOfSentBy(by: SentBy): number {
  return by === 'pattern' ? 0 : 1;
}

function broken(text: string): HeddleError {
  return new HeddleError('bad-frame', text);
}

function tooLarge(type: FrameType): HeddleError {
  return new HeddleError('frame-too-large', `${type} exceeds ${FRAME_TYPES[type].maxBytes} bytes`);
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
