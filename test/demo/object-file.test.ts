// The demo's object: the same bytes for the same seed, the hash of what stands in the file.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashFile, writeObject } from '../../client/demo/object-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heddle-object-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('has the length asked for, and the hash that is told', async () => {
  for (const length of [1, 1_048_576, 2_500_001]) {
    const path = join(folder, String(length));
    const told = await writeObject(path, length, 'seed');
    const bytes = await readFile(path);
    expect(bytes).toHaveLength(length);
    expect(told).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(await hashFile(path)).toBe(told);
  }
});

test('is the same for the same seed, another for another, and no block repeats', async () => {
  const [first, again, other] = ['a', 'b', 'c'].map((name) => join(folder, name)) as [string, string, string];
  const told = await writeObject(first, 3_000_000, 'seed');
  expect(await writeObject(again, 3_000_000, 'seed')).toBe(told);
  expect(await writeObject(other, 3_000_000, 'another')).not.toBe(told);
  const bytes = await readFile(first);
  expect(bytes.subarray(0, 1_048_576).equals(bytes.subarray(1_048_576, 2_097_152))).toBe(false);
});
