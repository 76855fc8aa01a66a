// A sink that compares the whole object with what is expected of it before it lets it pass for complete: a checksum that
// the user gave, a root that no page could prove segment by segment, digests that mirrors announced. An output in order is
// hashed on its way; a file is read back in order behind the writes, so that little is left to do at its end.
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { asHeddleError, HeddleError } from '../../protocol/errors.ts';
import type { Sink } from './sink.ts';
import { checksumDigest, rootDigest } from './whole-digest.ts';
import type { WholeDigest } from './whole-digest.ts';

/** What the whole is compared with. */
export type Expected = {
  /** `sha256:` and hex: of all bytes. */
  readonly checksum?: string | undefined;
  /** The Merkle root. */
  readonly root?: string | undefined;
  /** Checksums that servers announce, asked for at the beginning and the end; one that differs is an error. */
  readonly announced?: () => readonly string[];
};

/** A sink, and what it found to be so. */
export type CheckedSink = Sink & {
  /** What agreed; known once `commit` was called. */
  readonly agreed: readonly ('checksum' | 'root' | 'digest')[];
};

/** Bytes of one read from a file. */
const READ_BYTES = 1_048_576;

/** `file`: where `inner` keeps the bytes until it commits, if it does not take them in order. */
export function checkedSink(inner: Sink, expected: Expected, file?: string): CheckedSink {
  const agreed: ('checksum' | 'root' | 'digest')[] = [];
  const { announced = () => [] } = expected;
  let checksum: WholeDigest | undefined;
  let root: WholeDigest | undefined;
  let size = 0;
  /** Bytes that went through in order. */
  let passed = 0;
  let isWhole = false;
  let reading: ReadBack | undefined;
  const update = (bytes: Uint8Array): void => {
    checksum?.update(bytes);
    root?.update(bytes);
  };

  async function compare(): Promise<void> {
    if (!isWhole && (expected.checksum ?? expected.root) === undefined) return;
    if (!isWhole) throw new HeddleError('internal', 'only a part came of what was to be compared as a whole');
    await reading?.finish(size);
    const sum = checksum?.result();
    if (sum !== undefined && expected.checksum !== undefined) {
      expect(sum, expected.checksum, 'corrupt', 'checksum');
      agreed.push('checksum');
    }
    if (root !== undefined && expected.root !== undefined) {
      expect(root.result(), expected.root, 'root-mismatch', 'root');
      agreed.push('root');
    }
    if (sum === undefined || announced().length === 0) return;
    for (const digest of announced()) expect(sum, digest, 'corrupt', 'checksum');
    agreed.push('digest');
  }

  return {
    order: inner.order,
    agreed,
    async begin(offset, bytes, object) {
      size = object.size;
      // an output in order goes on where it was when its transfer begins again
      if (inner.order === 'order' && isWhole && offset > 0 && offset === passed && offset + bytes === size) {
        return inner.begin(offset, bytes, object);
      }
      passed = 0;
      isWhole = offset === 0 && bytes === size;
      checksum = expected.checksum === undefined && announced().length === 0 ? undefined : checksumDigest();
      root = expected.root === undefined ? undefined : rootDigest();
      await reading?.stop();
      await inner.begin(offset, bytes, object);
      const isHashed = isWhole && (checksum !== undefined || root !== undefined);
      reading = isHashed && inner.order === 'any' && file !== undefined ? new ReadBack(file, update) : undefined;
    },
    put(offset, bytes, done, node) {
      const { length } = bytes;
      if (isWhole && inner.order === 'order') {
        update(bytes);
        passed = offset + length;
      }
      if (reading === undefined) return inner.put(offset, bytes, done, node);
      const readable = (error?: Error): void => {
        if (error === undefined) reading?.put(offset, length);
        done(error);
      };
      inner.put(offset, bytes, readable, node);
    },
    async commit() {
      try {
        await compare();
      } finally {
        await reading?.stop();
      }
      await inner.commit();
    },
    async abort(error) {
      await reading?.stop();
      await inner.abort(error);
    },
  };
}

function expect(is: string, expected: string, code: 'corrupt' | 'root-mismatch', what: string): void {
  if (is === expected) return;
  throw new HeddleError(code, `the bytes received have the ${what} ${is}, not ${expected}`, { side: 'remote' });
}

/** Reads a file in order while it is written in any. */
class ReadBack {
  readonly #path: string;
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** Written runs beyond the first gap, by their start. */
  readonly #written = new Map<number, number>();
  #file: Promise<FileHandle> | undefined;
  #frontier = 0;
  #read = 0;
  #running: Promise<void> | undefined;
  #fault: unknown;
  #stopped = false;

  constructor(path: string, onBytes: (bytes: Uint8Array) => void) {
    this.#path = path;
    this.#onBytes = onBytes;
  }

  /** `length` bytes are in the file at `offset`. */
  put(offset: number, length: number): void {
    this.#written.set(offset, length);
    for (let next = this.#written.get(this.#frontier); next !== undefined; next = this.#written.get(this.#frontier)) {
      this.#written.delete(this.#frontier);
      this.#frontier += next;
    }
    if (this.#frontier - this.#read >= READ_BYTES) this.#run();
  }

  /** All `size` bytes are there: reads to the end. */
  async finish(size: number): Promise<void> {
    this.#frontier = size;
    await this.#running;
    this.#run();
    await this.#running;
    if (this.#fault !== undefined) throw asHeddleError(this.#fault, 'local-io');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const file = await this.#file?.catch(() => undefined);
    this.#file = undefined;
    await file?.close();
  }

  #run(): void {
    this.#running ??= this.#readOn()
      .catch((error: unknown) => {
        this.#fault ??= error;
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #readOn(): Promise<void> {
    this.#file ??= open(this.#path, 'r');
    const file = await this.#file;
    while (this.#read < this.#frontier && !this.#stopped) {
      const length = Math.min(READ_BYTES, this.#frontier - this.#read);
      const { bytesRead } = await file.read(this.#buffer, 0, length, this.#read);
      if (bytesRead === 0) throw new HeddleError('local-io', `${this.#path} is shorter than what was written to it`);
      this.#onBytes(this.#buffer.subarray(0, bytesRead));
      this.#read += bytesRead;
    }
  }
}
