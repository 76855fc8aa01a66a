// What the process of a client is told and what it answers. Types only.

/** Transfers of one object in one process, kept nowhere. */
export type ClientOrder = {
  /** Base URLs: a route each. */
  readonly routes: readonly string[];
  readonly key: string;
  /** Transfers in all, and at one time. */
  readonly transfers: number;
  readonly concurrent: number;
  readonly segmentBytes: number;
  /** Bytes of the object that each takes: [first, end). */
  readonly first: number;
  readonly end: number;
};

/** What came of it; what starting the process and a first transfer took is not in the times. */
export type ClientAnswer = {
  /** Of the first transfer, which counts in nothing. */
  readonly warmingBytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Largest resident size of the process so far. */
  readonly peakBytes: number;
};
