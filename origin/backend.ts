// What an origin needs of the place where objects lie: to list them, to say which version a key has now, and to read
// bytes of exactly that version. Hashing, caching and HTTP are other files' work.
// Invariant of every implementation: a read gives bytes of the version that was opened, or throws `object-changed`.

import type { RemoteTls } from './remote-client.ts';

/** An object as its place sees it, before anything is hashed. */
export type ObjectStat = {
  /** Bytes. */
  readonly size: number;
  /** Last modification, milliseconds since 1970; whole. */
  readonly modified: number;
  /** Differs whenever the bytes may differ: what the hash index is keyed by. */
  readonly version: string;
};

/** One entry of a listing. */
export type ObjectEntry = { readonly key: string; readonly stat: ObjectStat };

/** An open object of one version. */
export type ObjectHandle = {
  readonly stat: ObjectStat;
  /**
   * Fills the buffers, one after another, with the bytes from `position` on. Throws `object-changed` when the version is
   * no longer the one opened (nothing in the buffers counts then), `read-failed` when the place refuses, and the reason
   * of `signal` when it is aborted; nothing is written to the buffers once it has settled.
   */
  read(buffers: readonly Uint8Array[], position: number, signal?: AbortSignal): Promise<void>;
  /**
   * The same at once, when the bytes probably lie in memory. False: nothing in the buffers counts, and `read` is the way.
   * Left out: never.
   */
  readNow?(buffers: readonly Uint8Array[], position: number): boolean;
  /** Waits for reads under way; those that wait for a server are ended. */
  close(): Promise<void>;
};

/** A place where objects lie. */
export type Backend = {
  /** Names the place in the hash index, which several origins may share. */
  readonly identity: string;
  /** True for a server that is asked, false for this machine's disk: reads take long, and many may be under way. */
  readonly isRemote: boolean;
  /**
   * Objects whose keys start with `prefix` and come after `after`, ascending in one order that the place keeps to: by
   * UTF-16 code units, or by UTF-8 bytes (s3). What the place does not list may be there all the same.
   */
  list(filter: { readonly prefix: string; readonly after: string }): AsyncIterable<ObjectEntry>;
  /** Undefined when there is no such object, or none that may be served. */
  stat(key: string): Promise<ObjectStat | undefined>;
  /** Throws `object-not-found`, or `object-changed` when the object has another version than `version`. */
  open(key: string, version: string): Promise<ObjectHandle>;
  /** For a server that is asked over TLS: connections from now on are made with these. */
  setTls?(tls: RemoteTls): void;
  /** Ends reads that wait for a server. */
  close(): Promise<void>;
};
