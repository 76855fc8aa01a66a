// Bytes to frames: one body at a time (decodeBody), the header of a frame (readHeader), and an incremental reader for
// control traffic (FrameReader). Every fault is a HeddleError with a wire code and side 'remote'; nothing else escapes.
// The layouts are written beside the types in frames.ts.
import { ByteReader } from './bytes.ts';
import { codeOfWire, HeddleError } from './errors.ts';
import { DROP_REASONS, FRAME_HEADER_BYTES, FRAME_TYPES, isOptionalType } from './frames.ts';
import type { Frame, FrameType, SentBy } from './frames.ts';
import { HASH_BYTES, LIMITS, MAX_SEGMENTS } from './limits.ts';
import { checkPattern, NOBODY } from './pattern.ts';
import type { Pattern } from './pattern.ts';
import type { Range } from './ranges.ts';

const utf8 = new TextDecoder();
const typeOfNumber = new Map<number, FrameType>(
  (Object.keys(FRAME_TYPES) as FrameType[]).map((type) => [FRAME_TYPES[type].number, type]),
);

/** What a frame's four header bytes say. `type` is undefined for an optional type that is not known: skip it. */
export type FrameHeader = { readonly type: FrameType | undefined; readonly length: number };

/** Reads the header at `at`; throws `unknown-frame` or `frame-too-large`. */
export function readHeader(bytes: Uint8Array, at = 0): FrameHeader {
  const number = bytes[at] ?? 0;
  const length = ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  const type = typeOfNumber.get(number);
  if (type === undefined && !isOptionalType(number)) throw fault('unknown-frame', `frame type ${number} is not known`);
  const limit = type === undefined ? FRAME_TYPES.error.maxBytes : FRAME_TYPES[type].maxBytes;
  if (length > limit)
    throw fault('frame-too-large', `${type ?? 'an unknown frame'} of ${length} bytes exceeds ${limit}`);
  return { type, length };
}

/** The frame whose body is `body`. Views in the result point into `body`. */
export function decodeBody(type: FrameType, body: Uint8Array): Frame {
  const reader = new ByteReader(body);
  const frame = decode(type, reader);
  reader.end();
  return frame;
}

/** Splits a byte stream into frames. Holds at most one partial frame; frames returned own their bytes. */
export class FrameReader {
  readonly #allowed: ReadonlySet<FrameType>;
  #held: Uint8Array = new Uint8Array(0);

  /** `allowed`: the frame types this side may receive; another known type is `bad-frame`. */
  constructor(allowed: ReadonlySet<FrameType>) {
    this.#allowed = allowed;
  }

  /** Bytes kept of a frame that is not complete yet. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** The frames that `chunk` completes. Throws at the first fault; the reader must not be used after that. */
  push(chunk: Uint8Array): Frame[] {
    const bytes = this.#held.length === 0 ? chunk : joined(this.#held, chunk);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const { type, length } = readHeader(bytes, at);
      if (type !== undefined && !this.#allowed.has(type)) throw fault('bad-frame', `${type} is not for this side`);
      const end = at + FRAME_HEADER_BYTES + length;
      if (bytes.length < end) break;
      if (type !== undefined) frames.push(decodeBody(type, bytes.slice(at + FRAME_HEADER_BYTES, end)));
      at = end;
    }
    this.#held = bytes.slice(at);
    return frames;
  }
}

/** The frame types a source reads. */
export const CLIENT_FRAME_TYPES: ReadonlySet<FrameType> = new Set<FrameType>([
  'pattern',
  'credit',
  'send',
  'cancel',
  'steer',
  'ping',
  'prove',
  'bye',
]);

/** The frame types a client reads. */
export const SOURCE_FRAME_TYPES: ReadonlySet<FrameType> = new Set<FrameType>([
  'hello',
  'proof',
  'segment',
  'dropped',
  'idle',
  'pong',
  'dealt',
  'error',
]);

function decode(type: FrameType, reader: ByteReader): Frame {
  switch (type) {
    case 'pattern':
    case 'dealt':
      return { type, pattern: readPattern(reader) };
    case 'credit':
      return { type, total: reader.u32() };
    case 'send':
      return { type, again: readFlag(reader), ranges: readRanges(reader) };
    case 'cancel':
      return { type, ranges: readRanges(reader) };
    case 'steer':
      return { type, on: readFlag(reader) };
    case 'ping':
      return { type, nonce: reader.u32() };
    case 'prove':
      return { type, level: reader.u8(), first: reader.u32(), count: reader.u16() };
    case 'bye':
      return { type };
    case 'hello': {
      const size = reader.u64();
      const root = reader.raw(HASH_BYTES);
      const objectId = readText(reader, reader.u8());
      const manifestBytes = reader.u16();
      if (manifestBytes > LIMITS.maxManifestBytes) throw fault('frame-too-large', 'the manifest is too large');
      return { type, size, root, objectId, manifest: readText(reader, manifestBytes), held: readRanges(reader) };
    }
    case 'proof': {
      const level = reader.u8();
      const pathCount = reader.u8();
      const nodeCount = reader.u16();
      if (pathCount > LIMITS.maxProofPath || nodeCount > LIMITS.maxProofNodes) {
        throw fault('frame-too-large', 'the proof page is too large');
      }
      const first = reader.u32();
      const nodes = reader.raw(nodeCount * HASH_BYTES);
      return { type, page: { level, first, nodes, path: reader.raw(pathCount * HASH_BYTES) } };
    }
    case 'segment': {
      const index = reader.u32();
      const epoch = reader.u32();
      const by = readSentBy(reader);
      if (reader.u8() !== 0) throw fault('bad-frame', 'the segment has an encoding that was not agreed');
      if (reader.u16() !== 0) throw fault('bad-frame', 'reserved bytes of a segment are not zero');
      return { type, index, epoch, by, encoding: 'identity', payload: reader.raw(reader.left) };
    }
    case 'dropped': {
      const index = reader.u32();
      const epoch = reader.u32();
      const by = readSentBy(reader);
      const reason = DROP_REASONS[reader.u8()];
      if (reason === undefined) throw fault('bad-frame', 'the reason of a drop is not known');
      return { type, index, epoch, by, reason };
    }
    case 'idle':
      return { type, epoch: reader.u32(), at: reader.u32() };
    case 'pong':
      return { type, nonce: reader.u32(), epoch: reader.u32(), queued: reader.u32() };
    case 'error':
      return { type, code: codeOfWire(reader.u8()), text: readText(reader, reader.left) };
    default:
      return type satisfies never;
  }
}

function readPattern(reader: ByteReader): Pattern {
  const epoch = reader.u32();
  const from = reader.u32();
  const to = reader.u32();
  const channelCount = reader.u8();
  const leadCount = reader.u16();
  const cycleCount = reader.u16();
  const channels = [NOBODY];
  for (let at = 0; at < channelCount; at += 1) {
    const channel = reader.u16();
    if (channel <= (channels[at] ?? 0)) throw fault('bad-frame', 'pattern channels must ascend from 1');
    channels.push(channel);
  }
  const used = new Set<number>([0]);
  const lead = readElements(reader, leadCount, channels, used);
  const cycle = readElements(reader, cycleCount, channels, used);
  if (used.size !== channels.length) throw fault('bad-frame', 'a pattern names a channel that it does not use');
  return checkPattern({ epoch, from, to, lead, cycle });
}

function readElements(reader: ByteReader, count: number, channels: readonly number[], used: Set<number>): Uint16Array {
  const places = reader.raw(count);
  const elements = new Uint16Array(count);
  for (let at = 0; at < count; at += 1) {
    const place = places[at] ?? 0;
    const channel = channels[place];
    if (channel === undefined) throw fault('bad-frame', 'a pattern element is not in its channel table');
    used.add(place);
    elements[at] = channel;
  }
  return elements;
}

function readRanges(reader: ByteReader): Range[] {
  const count = reader.u16();
  if (count > LIMITS.maxRanges) throw fault('frame-too-large', `more than ${LIMITS.maxRanges} ranges`);
  const list: Range[] = [];
  for (let at = 0; at < count; at += 1) {
    const first = reader.u32();
    const length = reader.u32();
    if (length === 0 || first + length > MAX_SEGMENTS) throw fault('bad-frame', 'a range is empty or too long');
    list.push({ first, length });
  }
  return list;
}

function readFlag(reader: ByteReader): boolean {
  const value = reader.u8();
  if (value > 1) throw fault('bad-frame', 'a flag is neither 0 nor 1');
  return value === 1;
}

function readSentBy(reader: ByteReader): SentBy {
  return readFlag(reader) ? 'send' : 'pattern';
}

function readText(reader: ByteReader, length: number): string {
  return utf8.decode(reader.raw(length));
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function fault(code: 'bad-frame' | 'frame-too-large' | 'unknown-frame', text: string): HeddleError {
  return new HeddleError(code, text, { side: 'remote' });
}
