// Sinks that compare the whole before it passes for complete: in order and in a file written in any order, right and wrong.
import { open, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { checkedSink } from '../../../client/io/checked-sink.ts';
import type { Expected } from '../../../client/io/checked-sink.ts';
import type { Sink } from '../../../client/io/sink.ts';
import { checksumDigest, rootDigest } from '../../../client/io/whole-digest.ts';
import { formatRoot } from '../../../protocol/manifest.ts';
import { buildLevels, hashSegment, rootOf } from '../../../protocol/merkle.ts';
import { sha256 } from '../../../client/io/sha256.ts';
import { objectBytes, sha256Of } from '../../support/object-bytes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const LEAF = 32_768;
const content = objectBytes(5 * 1_048_576 + 777, 3);
const CHECKSUM = `sha256:${sha256Of(content)}`;
const ROOT = rootBySegments(content);
const WRONG = `sha256:${'0'.repeat(64)}`;

/** The root as an origin computes it, leaf by leaf. */
function rootBySegments(bytes: Buffer): string {
  const leaves = Array.from({ length: Math.ceil(bytes.length / LEAF) }, (_, at) =>
    hashSegment(bytes.subarray(at * LEAF, (at + 1) * LEAF), sha256),
  );
  return formatRoot(rootOf(buildLevels(Buffer.concat(leaves), sha256)));
}

/** A sink that keeps what it is told; a file's writes land in a file. */
class Kept implements Sink {
  readonly order: 'order' | 'any';
  readonly #path: string | undefined;
  readonly bytes: Buffer = Buffer.alloc(content.length);
  committed = false;
  aborted = false;

  constructor(path?: string) {
    this.order = path === undefined ? 'order' : 'any';
    this.#path = path;
  }

  async begin(): Promise<void> {
    if (this.#path !== undefined) await writeFile(this.#path, this.bytes);
  }

  put(offset: number, bytes: Uint8Array, done: (error?: Error) => void): void {
    this.bytes.set(bytes, offset);
    if (this.#path === undefined) done();
    else void writeAt(this.#path, bytes, offset, done);
  }

  commit(): Promise<void> {
    this.committed = true;
    return Promise.resolve();
  }

  abort(): Promise<void> {
    this.aborted = true;
    return Promise.resolve();
  }
}

async function writeAt(path: string, bytes: Uint8Array, offset: number, done: () => void): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
  done();
}

/** Puts the content in pieces of a MiB, in this order of pieces, and commits. */
async function fill(sink: Sink, pieces: readonly number[], bytes: Buffer = content): Promise<void> {
  await sink.begin(0, bytes.length, { key: 'a', root: undefined, size: bytes.length, segmentBytes: 1_048_576 });
  for (const piece of pieces) {
    const offset = piece * 1_048_576;
    const { promise, resolve } = Promise.withResolvers<void>();
    sink.put(offset, bytes.subarray(offset, offset + 1_048_576), () => resolve());
    await promise;
  }
  await sink.commit();
}

const IN_ORDER = [0, 1, 2, 3, 4, 5];

describe('digests of the whole', () => {
  test.each([0, 1, LEAF, LEAF + 1, 1_048_576, 1_048_577, content.length])('%i bytes, in odd pieces', (length) => {
    const bytes = content.subarray(0, length);
    const digests = [checksumDigest(), rootDigest()];
    for (let at = 0; at < length; at += 100_003)
      for (const each of digests) each.update(bytes.subarray(at, Math.min(length, at + 100_003)));
    expect(digests.map((each) => each.result())).toEqual([`sha256:${sha256Of(bytes)}`, rootBySegments(bytes)]);
  });
});

describe.each([
  ['in order', false],
  ['into a file', true],
])('%s', (_, isFile) => {
  async function tried(expected: Expected, bytes?: Buffer): Promise<{ inner: Kept; agreed: unknown; error: unknown }> {
    await using folder = await temporaryFolder();
    const path = isFile ? folder.file('a.part') : undefined;
    const inner = new Kept(path);
    const sink = checkedSink(inner, expected, path);
    const error: unknown = await fill(sink, isFile ? [3, 0, 5, 1, 4, 2] : IN_ORDER, bytes).catch(
      (reason: unknown) => reason,
    );
    if (error !== undefined) await sink.abort(error as Error);
    return { inner, agreed: sink.agreed, error };
  }

  test('what agrees is said, and the sink completes', async () => {
    const { inner, agreed, error } = await tried({ checksum: CHECKSUM, root: ROOT, announced: () => [CHECKSUM] });
    expect(error).toBeUndefined();
    expect(agreed).toEqual(['checksum', 'root', 'digest']);
    expect(inner.committed).toBe(true);
    expect(inner.bytes.equals(content)).toBe(true);
  });

  test('nothing expected, nothing said', async () => {
    expect(await tried({})).toMatchObject({ agreed: [], error: undefined, inner: { committed: true } });
  });

  test.each<[string, Expected, string]>([
    ['checksum', { checksum: WRONG }, 'corrupt'],
    ['root', { root: WRONG }, 'root-mismatch'],
    ['announced digest', { announced: () => [WRONG] }, 'corrupt'],
  ])('another %s: the sink never completes', async (_name, expected, code) => {
    const { inner, error } = await tried(expected);
    expect(error).toMatchObject({ code });
    expect({ committed: inner.committed, aborted: inner.aborted }).toEqual({ committed: false, aborted: true });
  });

  test('one bit is enough', async () => {
    const bytes = Buffer.from(content);
    bytes[3_000_000] = (bytes[3_000_000] ?? 0) ^ 1;
    expect((await tried({ root: ROOT }, bytes)).error).toMatchObject({ code: 'root-mismatch' });
  });
});

test('a part of an object is not compared with what the whole should be', async () => {
  const inner = new Kept();
  const sink = checkedSink(inner, { announced: () => [WRONG] });
  await sink.begin(10, 20, { key: 'a', root: undefined, size: content.length, segmentBytes: LEAF });
  sink.put(10, content.subarray(10, 30), () => {});
  await sink.commit();
  expect(inner.committed).toBe(true);
});

test('an output in order that begins again goes on where it was', async () => {
  const inner = new Kept();
  const sink = checkedSink(inner, { checksum: CHECKSUM });
  const object = { key: 'a', root: undefined, size: content.length, segmentBytes: LEAF };
  await sink.begin(0, content.length, object);
  sink.put(0, content.subarray(0, 1_000_000), () => {});
  await sink.begin(1_000_000, content.length - 1_000_000, object);
  sink.put(1_000_000, content.subarray(1_000_000), () => {});
  await sink.commit();
  expect(sink.agreed).toEqual(['checksum']);
});

test('what began in the middle is never called whole', async () => {
  const sink = checkedSink(new Kept(), { checksum: CHECKSUM });
  await sink.begin(10, content.length - 10, { key: 'a', root: undefined, size: content.length, segmentBytes: LEAF });
  sink.put(10, content.subarray(10), () => {});
  await expect(sink.commit()).rejects.toMatchObject({ code: 'internal' });
});
