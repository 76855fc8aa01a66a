// Pieces end where they belong, whatever their order and however many are put at once, and each is told when it is there:
// the first ones, which are written at once, as well as those that are written by other threads.
import { open, readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SMALL_FILE_BYTES } from '../../../client/io/output-file.ts';
import { PieceWriter } from '../../../client/io/piece-writer.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** Forty of the larger ones are more than is written at once. */
test.each([1_000, 40_000])('pieces of %i bytes, in any order, in one turn or in several', async (piece) => {
  await using folder = await temporaryFolder();
  const bytes = objectBytes(40 * piece, 3);
  const order = Array.from({ length: 40 }, (_, at) => at);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(order, { minLength: 40 }), fc.array(fc.nat(39)), async (places, pauses) => {
      await using file = await open(folder.file('out'), 'w+');
      const writer = new PieceWriter(file.fd);
      const done: number[] = [];
      for (const [turn, at] of places.entries()) {
        writer.put(bytes.subarray(at * piece, (at + 1) * piece), at * piece, (error) => {
          expect(error).toBe(undefined);
          done.push(at);
        });
        if (pauses.includes(turn)) {
          await new Promise((next) => {
            setImmediate(next);
          });
        }
      }
      await writer.quiet();
      expect(done.toSorted((a, b) => a - b)).toEqual(order);
      expect(Buffer.compare(await readFile(folder.file('out')), bytes)).toBe(0);
    }),
    { numRuns: 20 },
  );
});

test('more pieces than the system takes in one call', async () => {
  await using folder = await temporaryFolder();
  await using file = await open(folder.file('out'), 'w+');
  const writer = new PieceWriter(file.fd);
  const bytes = objectBytes(5_000, 4);
  const done: (Error | undefined)[] = [];
  for (let at = 0; at < bytes.length; at += 1) writer.put(bytes.subarray(at, at + 1), at, (error) => done.push(error));
  await writer.quiet();
  expect(done).toEqual(Array.from(bytes, () => undefined));
  expect(Buffer.compare(await readFile(folder.file('out')), bytes)).toBe(0);
});

test.each([0, SMALL_FILE_BYTES])('each piece hears of a fault, with %i bytes put before', async (before) => {
  await using folder = await temporaryFolder();
  await using file = await open(folder.file('out'), 'w+');
  const readOnly = await open(folder.file('out'), 'r');
  await using _ = readOnly;
  const writer = new PieceWriter(readOnly.fd);
  await new Promise((done) => {
    writer.put(new Uint8Array(before), 0, done);
  });
  const errors: (string | undefined)[] = [];
  for (let at = 0; at < 5; at += 1) {
    writer.put(objectBytes(10, at), 20 * at, (error) => errors.push((error as NodeJS.ErrnoException)?.code));
  }
  await writer.quiet();
  expect(errors).toEqual(Array.from({ length: 5 }, () => 'EBADF'));
  expect((await file.stat()).size).toBe(0);
});

test('quiet at once when nothing was put', async () => {
  await new PieceWriter(-1).quiet();
});
