// Pieces end where they belong, whatever their order and however many are put at once, and each is told when it is there.
import { open, readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PieceWriter } from '../../../client/io/piece-writer.ts';
import { objectBytes } from '../../support/object-bytes.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const PIECE = 1_000;

test('in any order, in one turn or in several', async () => {
  await using folder = await temporaryFolder();
  const bytes = objectBytes(40 * PIECE, 3);
  const order = Array.from({ length: 40 }, (_, at) => at);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(order, { minLength: 40 }), fc.array(fc.nat(39)), async (places, pauses) => {
      await using file = await open(folder.file('out'), 'w+');
      const writer = new PieceWriter(file.fd);
      const done: number[] = [];
      for (const [turn, at] of places.entries()) {
        writer.put(bytes.subarray(at * PIECE, (at + 1) * PIECE), at * PIECE, (error) => {
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

test('each piece hears of a fault', async () => {
  await using folder = await temporaryFolder();
  await using file = await open(folder.file('out'), 'w+');
  const readOnly = await open(folder.file('out'), 'r');
  await using _ = readOnly;
  const writer = new PieceWriter(readOnly.fd);
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
