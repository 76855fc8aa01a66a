// What the draining process is told and what it answers. Types only.

/** Streams to open at once, each of so many bytes, thrown away as they come. */
export type DrainOrder = {
  readonly port: number;
  /** Path of the request. */
  readonly path: string;
  readonly streams: number;
  /** Over TLS, whoever it is that answers. */
  readonly tls?: boolean;
} /** Bytes behind the head of the answer; with or without asking for an upgrade. */ & (
  | { readonly type: 'bytes'; readonly upgrade: boolean; readonly bytesPerStream: number }
  /** A plain object of which each stream takes the first bytes. */
  | { readonly type: 'range'; readonly bytesPerStream: number }
  /** A channel that owes the first segments of an object. */
  | {
      readonly type: 'channel';
      readonly segments: number;
      readonly segmentBytes: number;
      /** Segments that may be outstanding; undefined: no limit. */
      readonly windowSegments?: number;
      /** Send a new pattern and a PING this often, ms. */
      readonly steerEveryMs?: number;
    }
);

/** What came of it. */
export type DrainAnswer = {
  readonly bytes: number;
  /** From the first connect to the last byte. */
  readonly seconds: number;
  /** From PING to PONG, each. */
  readonly pongMs: readonly number[];
  /** From a new pattern to the end of the first segment that is sent under it, or under a newer one; each. */
  readonly effectMs: readonly number[];
};
