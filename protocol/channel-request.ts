// The two headers of an upgrade request that make it a channel:
//   Heddle-Channel: transfer=<32 hex digits>; number=<1…65535>; segment=<bytes>
//   Heddle-First:   base64url of client frames (PATTERN, CREDIT, SEND) that take effect as if sent after the 101
// so that the source can answer HELLO and the first segments right behind its 101.
import { HeddleError } from './errors.ts';
import type { ClientFrame } from './frames.ts';
import { CLIENT_FRAME_TYPES, FrameReader } from './frame-reader.ts';
import { encodeFrames } from './frame-writer.ts';
import { LEAF_BYTES, LIMITS } from './limits.ts';

/** The value of the Upgrade header. */
export const UPGRADE_TOKEN = 'heddle/1';

/** What an upgrade request says about its channel. */
export type ChannelRequest = {
  /** 128 bits, 32 lower-case hex digits, the same for all channels of a transfer. */
  readonly transfer: string;
  /** Number of the channel within its transfer, never used twice. */
  readonly number: number;
  /** Bytes of a segment of this transfer. */
  readonly segmentBytes: number;
  readonly first: readonly ClientFrame[];
};

/** The headers of `request`. Throws `frame-too-large` when the first frames do not fit into a header. */
export function formatChannelHeaders(request: ChannelRequest): [string, string][] {
  const first = encodeFrames(request.first);
  if (first.length > LIMITS.maxFirstFrameBytes) {
    throw new HeddleError('frame-too-large', `first frames exceed ${LIMITS.maxFirstFrameBytes} bytes`);
  }
  return [
    ['Heddle-Channel', `transfer=${request.transfer}; number=${request.number}; segment=${request.segmentBytes}`],
    ['Heddle-First', toBase64url(first)],
  ];
}

/** The request of the two header values; throws `bad-request` (or a frame's own code) when one is malformed. */
export function parseChannelHeaders(channel: string | undefined, first: string | undefined): ChannelRequest {
  const match = /^transfer=([0-9a-f]{32}); number=([1-9][0-9]{0,4}); segment=([1-9][0-9]{0,9})$/.exec(channel ?? '');
  if (match === null) throw bad('Heddle-Channel is missing or malformed');
  const number = Number(match[2]);
  const segmentBytes = Number(match[3]);
  if (number > 0xffff) throw bad('the channel number exceeds 65535');
  if (!isSegmentSize(segmentBytes)) throw bad('the segment size is not a power-of-two multiple of the leaf');
  return { transfer: match[1] ?? '', number, segmentBytes, first: parseFirst(first ?? '') };
}

/** True for LEAF_BYTES × 2^k within the limits. */
export function isSegmentSize(bytes: number): boolean {
  const leaves = bytes / LEAF_BYTES;
  const inLimits = bytes >= LIMITS.minSegmentBytes && bytes <= LIMITS.maxSegmentBytes;
  return inLimits && Number.isInteger(leaves) && (leaves & (leaves - 1)) === 0;
}

function parseFirst(value: string): ClientFrame[] {
  if (value.length > (LIMITS.maxFirstFrameBytes * 4) / 3 + 4) throw bad('Heddle-First is too long');
  let bytes: Uint8Array;
  try {
    bytes = fromBase64url(value);
  } catch {
    throw bad('Heddle-First is not base64url');
  }
  const reader = new FrameReader(CLIENT_FRAME_TYPES);
  const frames = reader.push(bytes) as ClientFrame[];
  if (reader.heldBytes !== 0) throw bad('Heddle-First ends inside a frame');
  return frames;
}

function toBase64url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw bad('Heddle-First is not base64url');
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
}

function bad(text: string): HeddleError {
  return new HeddleError('bad-request', text, { side: 'remote' });
}
