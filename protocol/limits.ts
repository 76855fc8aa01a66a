// Every bound of the wire, with its unit and its reason. Both ends refuse what exceeds one; nothing else in
// the project invents a wire limit of its own.

/** Bytes of one Merkle leaf. Fixed: the root of an object never depends on a transfer. */
export const LEAF_BYTES = 32_768;

/** Bytes of a SHA-256 digest. */
export const HASH_BYTES = 32;

/** The largest segment index plus one; 2^32 − 1 so that "to" itself fits in a u32. */
export const MAX_SEGMENTS = 0xffff_ffff;

const limits = {
  /** Smallest segment, bytes: one leaf. */
  minSegmentBytes: 32_768,
  /** Largest segment, bytes: keeps a frame in one pooled buffer and a retry cheap. */
  maxSegmentBytes: 1_048_576,
  /** Elements in the lead of a PATTERN: about a second of a fast transfer. */
  maxLeadElements: 16_384,
  /** Elements in the cycle of a PATTERN. */
  maxCycleElements: 1_024,
  /** Distinct channels in one PATTERN: the table index is one byte and 0 means "nobody yet". */
  maxPatternChannels: 255,
  /** Ranges in one SEND, CANCEL or HELLO. */
  maxRanges: 1_024,
  /** SEND segments a source queues for one channel before it answers ERROR too-many-sends. */
  maxQueuedSends: 4_096,
  /** Segments sent on one channel that a source remembers, beyond `from` of the pattern: eight leads. No more follow. */
  maxSentSegments: 131_072,
  /** PROVE frames that may wait at a source for one channel. */
  maxQueuedProves: 64,
  /** Nodes in one PROOF page. */
  maxProofNodes: 4_096,
  /** Hashes from a page up to the root; 2^40 leaves need 40. */
  maxProofPath: 48,
  /** Bytes of a signed manifest. */
  maxManifestBytes: 8_192,
  /** Bytes of an ERROR text, UTF-8. */
  maxErrorTextBytes: 512,
  /** Bytes of an optional frame whose type is not known: it is skipped without being kept. */
  maxUnknownFrameBytes: 16_384,
  /** Bytes of an object key, UTF-8, decoded. */
  maxKeyBytes: 1_024,
  /** Bytes of an HTTP head our own code parses (the 101 and the upgrade request). */
  maxHeadBytes: 32_768,
  /** Bytes of the first frames carried inside the upgrade request, before base64url. */
  maxFirstFrameBytes: 12_288,
  /** Relays a request may pass; more is taken for a loop. */
  maxHops: 8,
} as const;

/** Wire limits, shared by every role. */
export const LIMITS: Readonly<typeof limits> = Object.freeze(limits);
