// What is kept by nobody is told from every other device and from files.
import { symlink, writeFile } from 'node:fs/promises';
import { devNull } from 'node:os';
import { expect, test } from 'vitest';
import { isNowhere, nowhere } from '../../../client/io/nowhere-sink.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('the null device is nowhere, by whatever name; other devices, files and what does not exist are not', async () => {
  await using folder = await temporaryFolder();
  await symlink(devNull, folder.file('link'));
  await writeFile(folder.file('file'), '');
  expect(await Promise.all([devNull, folder.file('link')].map(isNowhere))).toEqual([true, true]);
  const others = ['/dev/zero', folder.file('file'), folder.file('none'), folder.file('.')];
  expect(await Promise.all(others.map(isNowhere))).toEqual([false, false, false, false]);
});

test('it is done with everything at once, in the order that is asked of it', () => {
  const sink = nowhere('order');
  expect([sink.order, nowhere().order]).toEqual(['order', 'any']);
  let isDone = false;
  sink.put(0, new Uint8Array(3), () => {
    isDone = true;
  });
  expect(isDone).toBe(true);
});
