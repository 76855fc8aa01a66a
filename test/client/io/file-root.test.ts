// The root of a file is that of the object with its bytes, whatever its size.
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { GrowingTree, rootOfFile } from '../../../client/io/file-root.ts';
import { formatRoot } from '../../../protocol/manifest.ts';
import { LEAF_BYTES } from '../../../protocol/limits.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { SignedObject } from './signed-object.ts';

test.each([
  0,
  1,
  LEAF_BYTES - 1,
  LEAF_BYTES,
  LEAF_BYTES + 1,
  32 * LEAF_BYTES,
  32 * LEAF_BYTES + 1,
  77 * LEAF_BYTES - 5,
])('%i bytes', async (size) => {
  await using folder = await temporaryFolder();
  const object = new SignedObject('a', size);
  await writeFile(folder.file('a'), object.bytes);
  const { bytes, root } = await rootOfFile(folder.file('a'));
  expect(bytes).toBe(size);
  expect(formatRoot(root)).toBe(formatRoot(object.root));
});

test('every number of leaves', () => {
  for (let leaves = 1; leaves < 20; leaves += 1) {
    const object = new SignedObject('a', leaves * LEAF_BYTES);
    const tree = new GrowingTree();
    for (let at = 0; at < object.bytes.length; at += LEAF_BYTES) tree.add(object.bytes.subarray(at, at + LEAF_BYTES));
    expect(formatRoot(tree.root())).toBe(formatRoot(object.root));
  }
});

test('what cannot be read is local-io', async () => {
  await using folder = await temporaryFolder();
  await expect(rootOfFile(folder.file('none'))).rejects.toMatchObject({ code: 'local-io' });
  await expect(rootOfFile(folder.path)).rejects.toMatchObject({ code: 'local-io' });
});
