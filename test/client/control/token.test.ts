// The token of the control interface: made once and for its owner alone, read again, refused where others could read it.
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseControlAddress } from '../../../client/control/address.ts';
import { carries, newToken, tokenOf } from '../../../client/control/token.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('is made when it is not there, whole, mode 0600, in a folder of its own, and is the same for all who ask at once', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.file('state'), 'heddle/control.token');
  const tokens = await Promise.all(Array.from({ length: 8 }, () => tokenOf(file)));
  expect(new Set(tokens).size).toBe(1);
  expect(tokens[0]).toMatch(/^[\w-]{43}$/);
  expect((await readFile(file, 'utf8')).trim()).toBe(tokens[0]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(file, '..'))).toEqual(['control.token']);
  expect(await tokenOf(file)).toBe(tokens[0]);
});

test('in a file that others can read, or that is none, is refused with what to do', async () => {
  await using folder = await temporaryFolder();
  const file = folder.file('token');
  await writeFile(file, 'a token of more than sixteen\n', { mode: 0o600 });
  await expect(tokenOf(file)).rejects.toMatchObject({
    code: 'bad-configuration',
    message: expect.stringContaining('delete'),
  });
  await writeFile(file, 'short');
  await expect(tokenOf(file)).rejects.toMatchObject({ code: 'bad-configuration' });
  await writeFile(file, 'long-enough-to-be-a-token');
  expect(await tokenOf(file)).toBe('long-enough-to-be-a-token');
  await chmod(file, 0o640);
  await expect(tokenOf(file)).rejects.toMatchObject({
    code: 'bad-configuration',
    message: expect.stringContaining('chmod 600'),
  });
  await mkdir(folder.file('d'), { mode: 0o700 });
  await expect(tokenOf(folder.file('d'))).rejects.toMatchObject({ code: 'local-io' });
  await expect(tokenOf(join(file, 'below'))).rejects.toMatchObject({ code: 'local-io' });
});

test('is carried by an Authorization header, or not', () => {
  const token = newToken();
  expect(carries(`Bearer ${token}`, token)).toBe(true);
  expect(carries(`bearer  ${token}`, token)).toBe(true);
  for (const header of [
    undefined,
    '',
    'Bearer',
    `Bearer ${token}x`,
    `Basic ${token}`,
    `Bearer ${token.slice(1)}`,
    token,
  ]) {
    expect(carries(header, token), header).toBe(false);
  }
});

test.each([
  ['127.0.0.1:8700', { type: 'tcp', host: '127.0.0.1', port: 8_700 }],
  ['8700', { type: 'tcp', host: '127.0.0.1', port: 8_700 }],
  ['[::1]:0', { type: 'tcp', host: '::1', port: 0 }],
  ['localhost:1', { type: 'tcp', host: 'localhost', port: 1 }],
  ['unix:/run/heddle.sock', { type: 'unix', path: '/run/heddle.sock' }],
])('the address %s is understood', (written, address) => {
  expect(parseControlAddress(written)).toEqual(address);
});

test.each([
  '0.0.0.0:80',
  '192.168.1.5:80',
  '[::]:80',
  'example.org:80',
  '127.0.0.1',
  '127.0.0.1:99999',
  'unix:',
  '',
  `unix:/${'x'.repeat(120)}`,
])('the address %j is refused', (written) => {
  expect(() => parseControlAddress(written)).toThrow(expect.objectContaining({ code: 'usage' }));
});
