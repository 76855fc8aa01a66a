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

/**
 * The headers of `request`. Throws `bad-request` for a number that parseChannelHeaders would refuse, `frame-too-large`
 * when the first frames do not fit into a header.
 */
export function formatChannelHeaders(request: ChannelRequest): [string, string][] {
  const { transfer, number, segmentBytes } = checked(request, 'local');
  const first = encodeFrames(request.first);
  if (first.length > LIMITS.maxFirstFrameBytes) {
    throw new HeddleError('frame-too-large', `first frames exceed ${LIMITS.maxFirstFrameBytes} bytes`);
  }
  return [
    ['Heddle-Channel', `transfer=${transfer}; number=${number}; segment=${segmentBytes}`],
    ['Heddle-First', toBase64url(first)],
  ];
}

/** The request of the two header values; throws `bad-request` (or a frame's own code) when one is malformed. */
export function parseChannelHeaders(channel: string | undefined, first: string | undefined): ChannelRequest {
  const match = /^transfer=([0-9a-f]{32}); number=([1-9][0-9]{0,4}); segment=([1-9][0-9]{0,9})$/.exec(channel ?? '');
  if (match === null) throw bad('Heddle-Channel is missing or malformed');
  const [, transfer = '', number, segmentBytes] = match;
  const request = { transfer, number: Number(number), segmentBytes: Number(segmentBytes), first: [] };
  return { ...checked(request, 'remote'), first: parseFirst(first ?? '') };
}

/** True for LEAF_BYTES × 2^k within the limits. */
export function isSegmentSize(bytes: number): boolean {
  const leaves = bytes / LEAF_BYTES;
  const inLimits = bytes >= LIMITS.minSegmentBytes && bytes <= LIMITS.maxSegmentBytes;
  return inLimits && Number.isInteger(leaves) && (leaves & (leaves - 1)) === 0;
}

function checked(request: ChannelRequest, side: 'local' | 'remote'): ChannelRequest {
  const { transfer, number, segmentBytes } = request;
  if (!/^[0-9a-f]{32}$/.test(transfer)) throw bad('the transfer is not 32 hex digits', side);
  if (!Number.isInteger(number) || number < 1 || number > 0xffff) throw bad('the channel number is not one', side);
  if (!isSegmentSize(segmentBytes)) throw bad('the segment size is not a power-of-two multiple of the leaf', side);
  return request;
}

function parseFirst(value: string): ClientFrame[] {
  if (value.length > Math.ceil((LIMITS.maxFirstFrameBytes * 4) / 3)) throw bad('Heddle-First is too long');
  const reader = new FrameReader(CLIENT_FRAME_TYPES);
  const frames = reader.push(fromBase64url(value)) as ClientFrame[];
  if (reader.heldBytes !== 0) throw bad('Heddle-First ends inside a frame');
  return frames;
}

function toBase64url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text: string): Uint8Array {
  const isPossible = /^[A-Za-z0-9_-]*$/.test(text) && text.length % 4 !== 1;
  const binary = isPossible ? atob(text.replaceAll('-', '+').replaceAll('_', '/')) : '';
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  if (toBase64url(bytes) !== text) throw bad('Heddle-First is not base64url');
  return bytes;
}

function bad(text: string, side: 'local' | 'remote' = 'remote'): HeddleError {
  return new HeddleError('bad-request', text, { side });
}
