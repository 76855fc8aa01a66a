// The frames of heddle/1 as values, their type numbers and size limits. The byte layouts stand beside each frame;
// frame-writer.ts and frame-reader.ts turn them into bytes and back. All integers are big-endian and unsigned.
//
//   frame = type u8 · length u24 (bytes that follow) · body
//
// A type with its top bit set is optional: a peer that does not know it skips it. All others are mandatory.
import { HASH_BYTES, LIMITS } from './limits.ts';
import type { ErrorCode } from './errors.ts';
import type { Pattern } from './pattern.ts';
import type { Range } from './ranges.ts';

/** Bytes of a frame's header. */
export const FRAME_HEADER_BYTES = 4;

/** Bytes of a SEGMENT body in front of its payload: index u32 · epoch u32 · by u8 · encoding u8 · zero u16. */
export const SEGMENT_BODY_BYTES = 12;

/** How a segment came to be sent. */
export type SentBy = 'pattern' | 'send';

/** Content encodings of a segment's payload, by the number that SEGMENT carries. One payload is one whole gzip stream. */
export const SEGMENT_ENCODINGS = ['identity', 'gzip'] as const;
export type SegmentEncoding = (typeof SEGMENT_ENCODINGS)[number];

/** Why an owed segment is answered without bytes. */
export const DROP_REASONS = ['not-held', 'already-sent', 'cancelled', 'read-failed'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

// client → source

/** epoch u32 · from u32 · to u32 · channels u8 · lead u16 · cycle u16 · channel u16 … · lead u8 … · cycle u8 …
 *  A lead or cycle byte is 0 for "nobody yet", else 1 + its place in the channel table. */
export type PatternFrame = { readonly type: 'pattern'; readonly pattern: Pattern };
/** total u32: pattern segments this channel may answer in all since it opened. */
export type CreditFrame = { readonly type: 'credit'; readonly total: number };
/** again u8 (0 or 1) · count u16 · (first u32 · length u32) … */
export type SendFrame = { readonly type: 'send'; readonly ranges: readonly Range[]; readonly again: boolean };
/** count u16 · (first u32 · length u32) … */
export type CancelFrame = { readonly type: 'cancel'; readonly ranges: readonly Range[] };
/** on u8 (0 or 1). */
export type SteerFrame = { readonly type: 'steer'; readonly on: boolean };
/** nonce u32. */
export type PingFrame = { readonly type: 'ping'; readonly nonce: number };
/** level u8 · first u32 · count u16: asks for the PROOF page of these nodes (a block as in merkle.ts). Answered by one
 *  PROOF, ahead of segments not yet decided; needs no credit; at most LIMITS.maxQueuedProves wait at a source. */
export type ProveFrame = {
  readonly type: 'prove';
  readonly level: number;
  readonly first: number;
  readonly count: number;
};
/** accepted u8: bit n − 1 stands for the encoding with number n. From now on the source may send segments in one of these,
 *  as it likes; unknown bits mean nothing to it. A source that does not know the frame goes on with plain segments. */
export type EncodeFrame = { readonly type: 'encode'; readonly accepted: number };
/** Empty body: the client needs nothing more; the source closes when it has read it. */
export type ByeFrame = { readonly type: 'bye' };

// source → client

/** size u64 · root 32 · id length u8 · id UTF-8 · manifest length u16 · manifest (compact JWS, ASCII)
 *  · count u16 · (first u32 · length u32) …: the segments held. */
export type HelloFrame = {
  readonly type: 'hello';
  readonly objectId: string;
  /** Bytes of the object. */
  readonly size: number;
  readonly root: Uint8Array;
  readonly manifest: string;
  readonly held: readonly Range[];
};
/** level u8 · path u8 · nodes u16 · first u32 · node 32 … · path 32 …: a self-proving page (merkle.ts). */
export type ProofFrame = { readonly type: 'proof'; readonly page: ProofPage };
/** index u32 · epoch u32 · by u8 (0 pattern, 1 send) · encoding u8 (0 identity, 1 gzip) · zero u16 · payload. Encoded
 *  payloads come only to who sent ENCODE, are never longer than the plain one, and are proven when they are decoded. */
export type SegmentFrame = {
  readonly type: 'segment';
  readonly index: number;
  readonly epoch: number;
  readonly by: SentBy;
  readonly encoding: SegmentEncoding;
  readonly payload: Uint8Array;
};
/** index u32 · epoch u32 · by u8 (0 pattern, 1 send) · reason u8. */
export type DroppedFrame = {
  readonly type: 'dropped';
  readonly index: number;
  readonly epoch: number;
  readonly by: SentBy;
  readonly reason: DropReason;
};
/** epoch u32 · at u32: credit is left and nothing below `at` and nothing above it is owed. */
export type IdleFrame = { readonly type: 'idle'; readonly epoch: number; readonly at: number };
/** nonce u32 · epoch u32 · queued u32: bytes waiting at the sender when it read the PING. */
export type PongFrame = {
  readonly type: 'pong';
  readonly nonce: number;
  readonly epoch: number;
  readonly queued: number;
};
/** As the body of PATTERN with `to` = from + lead and an empty cycle: what a steering origin chose. */
export type DealtFrame = { readonly type: 'dealt'; readonly pattern: Pattern };
/** code u8 · text UTF-8. */
export type ErrorFrame = { readonly type: 'error'; readonly code: ErrorCode; readonly text: string };

export type ClientFrame =
  | PatternFrame
  | CreditFrame
  | SendFrame
  | CancelFrame
  | SteerFrame
  | PingFrame
  | ProveFrame
  | EncodeFrame
  | ByeFrame;
export type SourceFrame =
  | HelloFrame
  | ProofFrame
  | SegmentFrame
  | DroppedFrame
  | IdleFrame
  | PongFrame
  | DealtFrame
  | ErrorFrame;
export type Frame = ClientFrame | SourceFrame;
export type FrameType = Frame['type'];

/** A run of Merkle nodes that proves itself against the root; see merkle.ts for the rules. */
export type ProofPage = {
  /** Node level: 0 are leaves, level L covers 2^L leaves. */
  readonly level: number;
  /** Index of the first node within its level; a multiple of the page's span. */
  readonly first: number;
  /** The nodes, 32 bytes each, concatenated. */
  readonly nodes: Uint8Array;
  /** The siblings from the page's subtree up to the root, 32 bytes each, concatenated. */
  readonly path: Uint8Array;
};

const patternBytes = 17 + 2 * LIMITS.maxPatternChannels + LIMITS.maxLeadElements + LIMITS.maxCycleElements;

/** Type number and largest body (bytes) of each frame. */
export const FRAME_TYPES: Readonly<Record<FrameType, { readonly number: number; readonly maxBytes: number }>> = {
  pattern: { number: 0x01, maxBytes: patternBytes },
  credit: { number: 0x02, maxBytes: 4 },
  send: { number: 0x03, maxBytes: 3 + 8 * LIMITS.maxRanges },
  cancel: { number: 0x04, maxBytes: 2 + 8 * LIMITS.maxRanges },
  steer: { number: 0x85, maxBytes: 1 },
  ping: { number: 0x06, maxBytes: 4 },
  bye: { number: 0x07, maxBytes: 0 },
  prove: { number: 0x08, maxBytes: 7 },
  encode: { number: 0x89, maxBytes: 1 },
  hello: {
    number: 0x21,
    maxBytes: 8 + HASH_BYTES + 1 + 255 + 2 + LIMITS.maxManifestBytes + 2 + 8 * LIMITS.maxRanges,
  },
  proof: { number: 0x22, maxBytes: 8 + HASH_BYTES * (LIMITS.maxProofNodes + LIMITS.maxProofPath) },
  segment: { number: 0x23, maxBytes: SEGMENT_BODY_BYTES + LIMITS.maxSegmentBytes },
  dropped: { number: 0x24, maxBytes: 10 },
  idle: { number: 0x25, maxBytes: 8 },
  pong: { number: 0x26, maxBytes: 12 },
  dealt: { number: 0xa7, maxBytes: patternBytes },
  error: { number: 0x28, maxBytes: 1 + LIMITS.maxErrorTextBytes },
};

/** What ENCODE says for `encodings`. */
export function acceptedOf(encodings: readonly SegmentEncoding[]): number {
  return [...new Set(encodings)].reduce((sum, encoding) => sum + bitOf(encoding), 0);
}

/** True when `accepted` of an ENCODE names the encoding. What is plain needs no leave. */
export function accepts(accepted: number, encoding: SegmentEncoding): boolean {
  return encoding === 'identity' || (accepted & bitOf(encoding)) !== 0;
}

function bitOf(encoding: SegmentEncoding): number {
  return encoding === 'identity' ? 0 : 1 << (SEGMENT_ENCODINGS.indexOf(encoding) - 1);
}

/** True for a frame type that a peer may skip when it does not know it. */
export function isOptionalType(number: number): boolean {
  return (number & 0x80) !== 0;
}
