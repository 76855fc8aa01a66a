// I/O dispatcher: where verified bytes go. A sink takes byte runs at object offsets, says when it is done with each, and
// either commits the whole or leaves nothing behind under the final name.

/** The object whose bytes come. */
export type SinkObject = {
  readonly key: string;
  /** Undefined when nobody can prove one: all sources are plain mirrors. */
  readonly root: string | undefined;
  /** Bytes of the whole object. */
  readonly size: number;
  readonly segmentBytes: number;
};

/** What the session needs of an output. */
export type Sink = {
  /** 'order': runs come in order; 'any': as they are proven. */
  readonly order: 'order' | 'any';
  /**
   * The identity is known: `bytes` will come in all, the first at object offset `offset`. Called again when the size has
   * to be corrected, or when everything starts over (only before an output in order got its first byte).
   */
  begin(offset: number, bytes: number, object: SinkObject): Promise<void>;
  /**
   * Takes `bytes` at `offset` of the object; `done` when they need no memory any more (or with why they cannot be kept).
   * A sink that keeps `bytes` itself copies them before `done`. `node` is the hash of a whole segment, where the
   * order is 'any'.
   */
  put(offset: number, bytes: Uint8Array, done: (error?: Error) => void, node?: Uint8Array): void;
  /** All bytes were put and done. */
  commit(): Promise<void>;
  /** The transfer failed or was aborted. */
  abort(error: Error): Promise<void>;
};
