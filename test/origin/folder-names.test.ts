// Names of a folder that are asked for again and again: read once while the folder stays as it was, and never out of date.
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openDirBackend } from '../../origin/dir-backend.ts';
import { FolderNames, lowerBound } from '../../origin/folder-names.ts';
import { readNames } from '../../origin/sorted-names.ts';

const LONG_AGO = 1_600_000_000;

async function makeFolder(files: number) {
  const path = await mkdtemp(join(tmpdir(), 'heddle-names-'));
  await Promise.all(Array.from({ length: files }, (_, at) => writeFile(join(path, `o${at}`), '')));
  await utimes(path, LONG_AGO, LONG_AGO);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function counted() {
  let reads = 0;
  const names = new FolderNames((path, size) => {
    reads += 1;
    return readNames(path, size);
  });
  return { names, reads: () => reads };
}

describe('names', () => {
  it('of a large folder are read once, and again when it has changed', async () => {
    await using folder = await makeFolder(1_200);
    const { names, reads } = counted();
    const first = await names.in(folder.path);
    expect(await names.in(folder.path)).toBe(first);
    expect([first.length, reads()]).toEqual([1_200, 1]);
    await mkdir(join(folder.path, 'o5x'));
    const second = await names.in(folder.path);
    expect(second).toEqual([...first, 'o5x/'].toSorted((a, b) => (a < b ? -1 : 1)));
    // it has changed just now: what is kept could be wrong without showing it
    await names.in(folder.path);
    expect(reads()).toBe(3);
  });

  it('of a small folder are read every time', async () => {
    await using folder = await makeFolder(10);
    const { names, reads } = counted();
    await names.in(folder.path);
    await names.in(folder.path);
    expect(reads()).toBe(2);
  });
});

it('the lower bound is where the first name not below begins', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ maxLength: 3 })), fc.string({ maxLength: 3 }), (names, least) => {
      const sorted = names.toSorted((a, b) => (a < b ? -1 : 1));
      expect(lowerBound(sorted, least)).toBe(sorted.filter((name) => name < least).length);
    }),
  );
});

it('pages of any length and prefix make up the list, files beside folders of like names', async () => {
  await using folder = await makeFolder(0);
  const keys = ['a', 'a-b', 'a/b', 'a/c/d', 'a0', 'ab/c', 'b.txt', 'b/a', 'b/b', 'c'].filter((key) => key !== 'a');
  for (const key of keys) {
    await mkdir(join(folder.path, key, '..'), { recursive: true });
    await writeFile(join(folder.path, key), key);
  }
  const backend = await openDirBackend(folder.path);
  const listed = async (prefix: string, after: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const { key } of backend.list({ prefix, after })) found.push(key);
    return found;
  };
  for (const prefix of ['', 'a', 'a/', 'a/c', 'a/c/', 'ab', 'b', 'b/', 'b/a', 'x', 'a/b/']) {
    for (const after of ['', ...keys, 'a', 'a/', 'a/a', 'b/', 'z']) {
      const expected = keys.filter((key) => key.startsWith(prefix) && key > after).toSorted((a, b) => (a < b ? -1 : 1));
      expect([prefix, after, await listed(prefix, after)]).toEqual([prefix, after, expected]);
    }
  }
  await backend.close();
});
