// Names in pieces: the same names in the same order as in one go, and others have their turn in between.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readNames, sortInPieces } from '../../origin/sorted-names.ts';

test('sorted in pieces of any size the order is that of sorting in one go', async () => {
  const names = fc.array(fc.string({ maxLength: 4, unit: 'binary' }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(names, fc.integer({ min: 1, max: 70 }), async (unsorted, piece) => {
      const expected = unsorted.toSorted((a, b) => (a < b ? -1 : 1));
      expect(await sortInPieces([...unsorted], piece)).toEqual(expected);
    }),
  );
});

test('others have a turn after every piece', async () => {
  const piece = 10;
  const names = Array.from({ length: 400 }, (_, at) => String((at * 37) % 400));
  let turns = 0;
  let isDone = false;
  const others = (): void => {
    turns += 1;
    if (!isDone) setImmediate(others);
  };
  setImmediate(others);
  await sortInPieces(names, piece);
  isDone = true;
  // forty pieces, then six rounds of merging them
  expect(turns).toBeGreaterThanOrEqual(40 + 6 * 30);
});

test('a folder read in pieces has the names of one read at once, without what is neither file nor folder', async () => {
  const path = await mkdtemp(join(tmpdir(), 'heddle-sorted-'));
  try {
    await mkdir(join(path, 'folder'));
    await symlink('folder', join(path, 'link'));
    await Promise.all(Array.from({ length: 20 }, (_, at) => writeFile(join(path, `f${at}`), '')));
    const expected = [...Array.from({ length: 20 }, (_, at) => `f${at}`), 'folder/'].toSorted();
    for (const size of [0, 1e9]) expect((await readNames(path, size)).toSorted()).toEqual(expected);
  } finally {
    await rm(path, { recursive: true });
  }
});
