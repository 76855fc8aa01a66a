// The record of an interrupted transfer: what was written is read again; torn, foreign and bent ones claim less, never
// more; and what is claimed is proven against the bytes before it counts.
import { open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPart } from '../../../client/io/part-check.ts';
import { PartRecord, RecordReader } from '../../../client/io/part-record.ts';
import type { PartEntry, PartObject } from '../../../client/io/part-record.ts';
import { sha256 } from '../../../client/io/sha256.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { hashSegment } from '../../../protocol/merkle.ts';
import type { Range } from '../../../protocol/ranges.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SIZE = 10 * LEAF_BYTES + 100;
const bytes = objectBytes(SIZE, 3);
const object: PartObject = { key: 'a', root: 'sha256:…', size: SIZE, firstByte: 0, bytes: SIZE };

function entry(index: number, segmentBytes = LEAF_BYTES): PartEntry {
  return { index, node: hashSegment(bytes.subarray(index * segmentBytes, (index + 1) * segmentBytes), sha256) };
}

async function readAll(path: string): Promise<number[] | undefined> {
  await using reader = await RecordReader.open(path);
  if (reader === undefined) return undefined;
  const indexes: number[] = [];
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    indexes.push(...batch.entries.map(({ index }) => index));
  }
  return indexes;
}

async function check(part: string, record: string, segmentBytes: number): Promise<Range[]> {
  await using file = await open(part, 'r');
  await using reader = await RecordReader.open(record);
  if (reader === undefined) throw new Error('no record');
  return (await checkPart(file, reader)).segments(reader.object.size, segmentBytes);
}

describe('record', () => {
  test('what was written is read again, and goes on where it ended', async () => {
    await using folder = await temporaryFolder();
    const path = folder.file('record');
    const first = await PartRecord.create(path, object);
    await first.append(LEAF_BYTES, [entry(3), entry(1)]);
    await first.append(LEAF_BYTES, [entry(2)]);
    await first.close();
    expect(await readAll(path)).toEqual([3, 1, 2]);
    const second = await PartRecord.reopen(path, (await stat(path)).size);
    await second.append(2 * LEAF_BYTES, [entry(2, 2 * LEAF_BYTES)]);
    await second.close();
    expect(await readAll(path)).toEqual([3, 1, 2, 2]);
  });

  test('cut anywhere, or with any byte changed, it has a beginning of what it had or nothing', async () => {
    await using folder = await temporaryFolder();
    const path = folder.file('record');
    const record = await PartRecord.create(path, object);
    for (const indexes of [[0, 1], [2], [3, 4, 5]])
      await record.append(
        LEAF_BYTES,
        indexes.map((at) => entry(at)),
      );
    await record.close();
    const whole = await readFile(path);
    const head = whole.indexOf('\n') + 1;
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (at, by, cut) => {
        const bent = Buffer.from(cut ? whole.subarray(0, at) : whole);
        if (!cut && at < bent.length) bent[at] = (bent[at] ?? 0) ^ by;
        await writeFile(path, bent);
        const left = await readAll(path);
        if (at >= head) expect([0, 1, 2, 3, 4, 5].slice(0, left?.length)).toEqual(left);
        else if (cut) expect(left).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  test('none, an empty one, or something else is no record', async () => {
    await using folder = await temporaryFolder();
    expect(await readAll(folder.file('none'))).toBeUndefined();
    for (const text of ['', '\n', '{}\n', 'null\n', '{"format":"heddle-part/9"}\n', 'x'.repeat(100_000)]) {
      await writeFile(folder.file('other'), text);
      expect(await readAll(folder.file('other'))).toBeUndefined();
    }
  });
});

describe('check', () => {
  test('only what the part holds is there, whatever the record says', async () => {
    await using folder = await temporaryFolder();
    const [part, path] = [folder.file('part'), folder.file('record')];
    const bent = Buffer.from(bytes);
    bent[4 * LEAF_BYTES + 7] = (bent[4 * LEAF_BYTES + 7] ?? 0) ^ 1;
    await writeFile(part, bent);
    const record = await PartRecord.create(path, object);
    const far = { index: 4_000_000_000, node: new Uint8Array(32) };
    await record.append(LEAF_BYTES, [entry(10), entry(3), entry(4), entry(5), entry(3), far]);
    await record.close();
    expect(await check(part, path, LEAF_BYTES)).toEqual([
      { first: 3, length: 1 },
      { first: 5, length: 1 },
      { first: 10, length: 1 },
    ]);
    await truncate(part, 5 * LEAF_BYTES + 10);
    expect(await check(part, path, LEAF_BYTES)).toEqual([{ first: 3, length: 1 }]);
  });

  test('ends when the transfer is given up', async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.file('part'), bytes);
    const record = await PartRecord.create(folder.file('record'), object);
    await record.append(LEAF_BYTES, [entry(0)]);
    await record.close();
    await using file = await open(folder.file('part'), 'r');
    await using reader = await RecordReader.open(folder.file('record'));
    const checked = checkPart(file, reader as RecordReader, AbortSignal.abort());
    await expect(checked).rejects.toMatchObject({ code: 'aborted' });
  });

  test('segments of one size count for those of another that they cover', async () => {
    await using folder = await temporaryFolder();
    const [part, path] = [folder.file('part'), folder.file('record')];
    await writeFile(part, bytes);
    const record = await PartRecord.create(path, object);
    await record.append(
      LEAF_BYTES,
      [0, 1, 2, 5, 6, 7, 10].map((at) => entry(at)),
    );
    await record.append(4 * LEAF_BYTES, [entry(2, 4 * LEAF_BYTES)]);
    await record.close();
    expect(await check(part, path, LEAF_BYTES)).toEqual([
      { first: 0, length: 3 },
      { first: 5, length: 6 },
    ]);
    expect(await check(part, path, 2 * LEAF_BYTES)).toEqual([
      { first: 0, length: 1 },
      { first: 3, length: 3 },
    ]);
    expect(await check(part, path, 4 * LEAF_BYTES)).toEqual([{ first: 2, length: 1 }]);
  });

  test('a part of a range holds its bytes from the first one on', async () => {
    await using folder = await temporaryFolder();
    const [part, path] = [folder.file('part'), folder.file('record')];
    const firstByte = 2 * LEAF_BYTES - 50;
    await writeFile(part, bytes.subarray(firstByte, 5 * LEAF_BYTES + 50));
    const record = await PartRecord.create(path, { ...object, firstByte, bytes: 3 * LEAF_BYTES + 100 });
    await record.append(
      LEAF_BYTES,
      [1, 2, 3, 4, 5].map((at) => entry(at)),
    );
    await record.close();
    expect(await check(part, path, LEAF_BYTES)).toEqual([{ first: 2, length: 3 }]);
  });
});
