// A small file and a large one take the same steps, whoever takes them, and their faults are told alike.
import { openSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  createOutputFile,
  OutputFile,
  removeAtOnce,
  reopenOutputFile,
  SMALL_FILE_BYTES,
} from '../../../client/io/output-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test.each([
  [10, true],
  [10, false],
  [SMALL_FILE_BYTES + 1, true],
])('%i bytes, alone: %s', async (bytes, alone) => {
  await using folder = await temporaryFolder();
  const [path, target] = [folder.file('a.part'), folder.file('a')];
  await writeFile(target, 'before');
  {
    await using file = await createOutputFile(path, false, alone);
    await file.truncate(bytes);
    await file.sync();
    await file.datasync();
    await file.move(path, target);
  }
  expect((await stat(target)).size).toBe(bytes);
  expect(await readdir(folder.path)).toEqual(['a']);
  const again = await reopenOutputFile(target, alone);
  await again.truncate(bytes);
  await again[Symbol.asyncDispose]();
  expect((await readFile(target)).length).toBe(bytes);
  await expect(again.sync()).rejects.toMatchObject({ code: 'EBADF' });
});

test('what is there is made anew, and may be opened by another thread', async () => {
  await using folder = await temporaryFolder();
  await writeFile(folder.file('a'), 'before');
  await using file = await createOutputFile(folder.file('a'), true, true);
  expect((await stat(folder.file('a'))).size).toBe(0);
  await expect(createOutputFile(folder.file('none/a'), false, true)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(reopenOutputFile(folder.file('none'), true)).rejects.toMatchObject({ code: 'ENOENT' });
  await file.sync();
});

test.each([10, SMALL_FILE_BYTES + 1])('the faults of a file of %i bytes', async (bytes) => {
  await using folder = await temporaryFolder();
  await writeFile(folder.file('a'), '');
  const file = new OutputFile(openSync(folder.file('a'), 'r'), true);
  await expect(file.truncate(bytes)).rejects.toMatchObject({ syscall: 'ftruncate' });
  await expect(file.move(folder.file('none'), folder.file('b'))).rejects.toMatchObject({ code: 'ENOENT' });
  await file[Symbol.asyncDispose]();
  await expect(file[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'EBADF' });
});

test('removing what is not there is none, and other faults are told', async () => {
  await using folder = await temporaryFolder();
  await writeFile(folder.file('a'), '');
  removeAtOnce(folder.file('a'));
  removeAtOnce(folder.file('a'));
  expect(await readdir(folder.path)).toEqual([]);
  expect(() => removeAtOnce(folder.path)).toThrow(/unlink/);
});
