// A file as output: whatever the order of the segments, FILE.part becomes FILE when it is whole, and never before.
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOrderedTarget, openFileSink, PART_SUFFIX } from '../../../client/io/file-sink.ts';
import type { Sink } from '../../../client/io/sink.ts';
import { HeddleError } from '../../../protocol/errors.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** What a sink is told of the object. */
const OBJECT = { key: 'a', root: `sha256:${'0'.repeat(64)}`, size: 10_000, segmentBytes: 32_768 };

/** Puts and waits until the sink is done with the bytes. */
function put(sink: Sink, offset: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.put(offset, bytes, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** The code with which a promise is rejected; undefined when it is not. */
async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof HeddleError) return error.code;
    throw error;
  }
}

describe('file', () => {
  test('segments in any order make the object, and only then the file is there under its name', async () => {
    await using folder = await temporaryFolder();
    const bytes = objectBytes(10_000, 5);
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], { minLength: 10 }),
        fc.nat(100_000),
        async (order, first) => {
          const name = `object-${(runs += 1)}`;
          const path = folder.file(name);
          const sink = await openFileSink(path);
          await sink.begin(first, bytes.length, OBJECT);
          const puts = order.map((at) => put(sink, first + at * 1_000, bytes.subarray(at * 1_000, (at + 1) * 1_000)));
          await Promise.all(puts);
          expect(await folder.list()).not.toContain(name);
          await sink.commit();
          expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
          expect(await folder.list()).not.toContain(name + PART_SUFFIX);
        },
      ),
      { numRuns: 10 },
    );
  });

  test('it has its full size from the beginning, so that a full disk is noticed early', async () => {
    await using folder = await temporaryFolder();
    const sink = await openFileSink(folder.file('a'));
    await sink.begin(0, 123_456, OBJECT);
    expect((await stat(folder.file('a') + PART_SUFFIX)).size).toBe(123_456);
    await sink.abort(new Error('enough'));
  });

  test('what is there is replaced by a whole object only', async () => {
    await using folder = await temporaryFolder();
    const path = folder.file('a');
    await writeFile(path, 'before');
    const failed = await openFileSink(path);
    await failed.begin(0, 3, OBJECT);
    await put(failed, 0, Buffer.from('new'));
    await failed.abort(new Error('no'));
    expect(await readFile(path, 'utf8')).toBe('before');
    expect(await folder.list()).toEqual(['a']);
    const sink = await openFileSink(path);
    await sink.begin(0, 3, OBJECT);
    await put(sink, 0, Buffer.from('new'));
    await sink.commit();
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  test('an empty object is an empty file', async () => {
    await using folder = await temporaryFolder();
    const sink = await openFileSink(folder.file('a'));
    await sink.begin(0, 0, OBJECT);
    await sink.commit();
    expect((await stat(folder.file('a'))).size).toBe(0);
  });

  test('an abort waits for the writes that are under way: their file must not be closed under them', async () => {
    await using folder = await temporaryFolder();
    const sink = await openFileSink(folder.file('a'));
    await sink.begin(0, 64 * 1_048_576, OBJECT);
    const done: (Error | undefined)[] = [];
    const bytes = objectBytes(4 * 1_048_576, 1);
    for (let at = 0; at < 16; at += 1) sink.put(at * bytes.length, bytes, (error) => done.push(error));
    await sink.abort(new Error('enough'));
    expect(done).toEqual(Array.from({ length: 16 }, () => undefined));
    expect(await folder.list()).toEqual([]);
  });

  test('an abort after a commit, or a second one, changes nothing', async () => {
    await using folder = await temporaryFolder();
    const sink = await openFileSink(folder.file('a'));
    await sink.begin(0, 1, OBJECT);
    await put(sink, 0, Buffer.from('x'));
    await sink.commit();
    await sink.abort(new Error('late'));
    await sink.abort(new Error('later'));
    expect(await folder.list()).toEqual(['a']);
  });
});

describe('faults of the file system are local-io', () => {
  test('no folder', async () => {
    await using folder = await temporaryFolder();
    expect(await codeOf(openFileSink(folder.file('no/such/folder/a')))).toBe('local-io');
  });

  test('a folder has taken the name meanwhile', async () => {
    await using folder = await temporaryFolder();
    const sink = await openFileSink(folder.file('a'));
    await sink.begin(0, 0, OBJECT);
    await mkdir(folder.file('a'));
    expect(await codeOf(sink.commit())).toBe('local-io');
    await sink.abort(new Error('no'));
    expect(await folder.list()).toEqual(['a']);
  });

  test.skipIf(process.platform !== 'linux')('no space left, and no way to give the file its size', async () => {
    await using folder = await temporaryFolder();
    await symlink('/dev/full', folder.file('a') + PART_SUFFIX);
    const sink = await openFileSink(folder.file('a'));
    expect(await codeOf(sink.begin(0, 10, OBJECT))).toBe('local-io');
    expect(await codeOf(put(sink, 0, Buffer.from('x')))).toBe('local-io');
    await sink.abort(new Error('no'));
    expect(await folder.list()).toEqual([]);
  });
});

describe('isOrderedTarget', () => {
  test('a regular file, or nothing yet, is written in any order', async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.file('a'), '');
    expect(await isOrderedTarget(folder.file('a'))).toBe(false);
    expect(await isOrderedTarget(folder.file('b'))).toBe(false);
  });

  test('a device is written in order; a folder is no target', async () => {
    await using folder = await temporaryFolder();
    expect(await isOrderedTarget('/dev/null')).toBe(true);
    expect(await codeOf(isOrderedTarget(folder.path))).toBe('local-io');
  });
});
