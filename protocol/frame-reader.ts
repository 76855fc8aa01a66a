// Bytes to frames: one body at a time (decodeBody), the header of a frame (readHeader), and an incremental reader for
// control traffic (FrameReader). Every fault is a HeddleError with a wire code and side 'remote'; nothing else escapes.
// What is accepted has one byte form: writing the frame again gives the same bytes.
// The layouts are written beside the types in frames.ts.
import { ByteReader } from './bytes.ts';
import { HeddleError } from './errors.ts';
import {
  readError,
  readFlag,
  readManifest,
  readNodeCount,
  readPattern,
  readRanges,
  readSentBy,
} from './frame-fields.ts';
import {
  DROP_REASONS,
  FRAME_HEADER_BYTES,
  FRAME_TYPES,
  isOptionalType,
  SEGMENT_BODY_BYTES,
  SEGMENT_ENCODINGS,
} from './frames.ts';
import type { Frame, FrameType, SegmentFrame } from './frames.ts';
import { HASH_BYTES, LIMITS } from './limits.ts';
import { checkDealt, checkPattern } from './pattern.ts';
import { decodeText } from './text.ts';

const typeOfNumber = new Map<number, FrameType>(
  (Object.keys(FRAME_TYPES) as FrameType[]).map((type) => [FRAME_TYPES[type].number, type]),
);

/** What a frame's four header bytes say. `type` is undefined for an optional type that is not known: skip it. */
export type FrameHeader = { readonly type: FrameType | undefined; readonly length: number };

/** Reads the header at `at`; throws `unknown-frame` or `frame-too-large`. */
export function readHeader(bytes: Uint8Array, at = 0): FrameHeader {
  const number = bytes[at] ?? 0;
  const length = lengthAt(bytes, at);
  const type = typeOfNumber.get(number);
  if (type === undefined && !isOptionalType(number)) throw fault('unknown-frame', `frame type ${number} is not known`);
  const limit = type === undefined ? LIMITS.maxUnknownFrameBytes : FRAME_TYPES[type].maxBytes;
  if (length > limit)
    throw fault('frame-too-large', `${type ?? 'an unknown frame'} of ${length} bytes exceeds ${limit}`);
  return { type, length };
}

/** Bytes of the body of the frame whose header is at `at`, whatever it is. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}

/** The frame whose body is `body`. Views in the result point into `body`. */
export function decodeBody(type: FrameType, body: Uint8Array): Frame {
  if (type === 'segment') return decodeSegment(body, 0, body.length);
  const reader = new ByteReader(body);
  const frame = decode(type, reader);
  reader.end();
  return frame;
}

/**
 * Splits a byte stream into frames. Holds at most one partial frame, bounded by the limit of its type, and copies each
 * byte once however small the chunks are; frames returned own their bytes.
 */
export class FrameReader {
  readonly #allowed: ReadonlySet<FrameType>;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  /** Of the frame under way: undefined until its header is complete. */
  #current: FrameHeader | undefined;
  /** Its body; undefined while the header is read, and for a frame that is skipped. */
  #body: Uint8Array | undefined;
  /** Bytes of it that have come, header included. */
  #come = 0;

  /** `allowed`: the frame types this side may receive; another known type is `bad-frame`. */
  constructor(allowed: ReadonlySet<FrameType>) {
    this.#allowed = allowed;
  }

  /** Bytes that have come of a frame that is not complete yet. */
  get heldBytes(): number {
    return this.#come;
  }

  /** The frames that `chunk` completes. Throws at the first fault; the reader must not be used after that. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#current === undefined) at += this.#takeHeader(chunk.subarray(at, at + FRAME_HEADER_BYTES - this.#come));
      const header = this.#current;
      if (header === undefined) break;
      at += this.#takeBody(chunk.subarray(at, at + FRAME_HEADER_BYTES + header.length - this.#come));
      if (this.#come < FRAME_HEADER_BYTES + header.length) break;
      if (header.type !== undefined && this.#body !== undefined) frames.push(decodeBody(header.type, this.#body));
      this.#current = undefined;
      this.#body = undefined;
      this.#come = 0;
    }
    return frames;
  }

  #takeHeader(bytes: Uint8Array): number {
    this.#header.set(bytes, this.#come);
    this.#come += bytes.length;
    if (this.#come < FRAME_HEADER_BYTES) return bytes.length;
    const header = readHeader(this.#header);
    if (header.type !== undefined) {
      if (!this.#allowed.has(header.type)) throw fault('bad-frame', `${header.type} is not for this side`);
      this.#body = new Uint8Array(header.length);
    }
    this.#current = header;
    return bytes.length;
  }

  #takeBody(bytes: Uint8Array): number {
    this.#body?.set(bytes, this.#come - FRAME_HEADER_BYTES);
    this.#come += bytes.length;
    return bytes.length;
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
  'encode',
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

/** The SEGMENT whose body is [start, end) of `bytes`: without a reader, for all of a transfer's bytes come this way. */
export function decodeSegment(bytes: Uint8Array, start: number, end: number): SegmentFrame {
  const payloadAt = start + SEGMENT_BODY_BYTES;
  if (payloadAt > end) throw fault('bad-frame', 'the frame ends inside a field');
  const by = bytes[start + 8] ?? 0xff;
  if (by > 1) throw fault('bad-frame', 'a flag is neither 0 nor 1');
  const encoding = SEGMENT_ENCODINGS[bytes[start + 9] ?? 0xff];
  if (encoding === undefined) throw fault('bad-frame', 'the encoding of a segment is not known');
  if (bytes[start + 10] !== 0 || bytes[start + 11] !== 0) {
    throw fault('bad-frame', 'reserved bytes of a segment are not zero');
  }
  const [index, epoch] = [u32At(bytes, start), u32At(bytes, start + 4)];
  return {
    type: 'segment',
    index,
    epoch,
    by: by === 1 ? 'send' : 'pattern',
    encoding,
    payload: bytes.subarray(payloadAt, end),
  };
}

function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 0x100_0000 + lengthAt(bytes, at);
}

function decode(type: Exclude<FrameType, 'segment'>, reader: ByteReader): Frame {
  switch (type) {
    case 'pattern':
      return { type, pattern: checkPattern(readPattern(reader), 'remote') };
    case 'dealt':
      return { type, pattern: checkDealt(readPattern(reader), 'remote') };
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
      return { type, level: reader.u8(), first: reader.u32(), count: readNodeCount(reader) };
    case 'encode':
      return { type, accepted: reader.u8() };
    case 'bye':
      return { type };
    case 'hello': {
      const size = reader.u64();
      const root = reader.raw(HASH_BYTES);
      const objectId = decodeText(reader.raw(reader.u8()));
      return { type, size, root, objectId, manifest: readManifest(reader), held: readRanges(reader) };
    }
    case 'proof': {
      const level = reader.u8();
      const pathCount = reader.u8();
      const nodeCount = readNodeCount(reader);
      if (pathCount > LIMITS.maxProofPath) throw fault('frame-too-large', 'the path of a proof is too long');
      const first = reader.u32();
      const nodes = reader.raw(nodeCount * HASH_BYTES);
      return { type, page: { level, first, nodes, path: reader.raw(pathCount * HASH_BYTES) } };
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
      return { type, ...readError(reader) };
    default:
      return type satisfies never;
  }
}

function fault(code: 'bad-frame' | 'frame-too-large' | 'unknown-frame', text: string): HeddleError {
  return new HeddleError(code, text, { side: 'remote' });
}
