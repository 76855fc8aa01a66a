// A token that is renewed in its file: the one of now counts, and a file that is gone or half written does no harm.
import { rename, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { resolveRoutes } from '../../client/options.ts';
import { tokenOfFile } from '../../client/token-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a token file is read again when it has changed', async () => {
  await using folder = await temporaryFolder();
  const file = folder.file('token');
  const put = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  await put('first\n');
  const token = tokenOfFile(file, 'first');
  expect(token()).toBe('first');
  await put('second\n');
  expect(token()).toBe('second');
  await put('');
  expect(token()).toBe('second');
  await rm(file);
  expect(token()).toBe('second');
  await put('third');
  expect(token()).toBe('third');
});

test('routes show the token of now, and never one that no header can carry', () => {
  let token = 'one';
  const [route] = resolveRoutes({ routes: [{ name: 'r', url: 'http://a' }], token: () => token });
  expect(route?.authorization).toBe('Bearer one');
  token = 'two';
  expect(route?.authorization).toBe('Bearer two');
  token = 'two\r\nX: y';
  expect(route?.authorization).toBeUndefined();
  expect(() => resolveRoutes({ routes: [{ name: 'r', url: 'http://a' }], token: () => token })).toThrow(
    /no header can carry/,
  );
});
