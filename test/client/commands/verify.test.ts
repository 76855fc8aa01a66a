// `heddle verify` as a user runs it: what it says and how it exits.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { formatRoot } from '../../../protocol/manifest.ts';
import { heddle } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { SignedObject } from '../io/signed-object.ts';

const object = new SignedObject('a', 100_000);
const root = formatRoot(object.root);

describe('heddle verify', () => {
  test('the object: exit 0', async () => {
    await using folder = await temporaryFolder();
    const file = folder.file('a');
    await writeFile(file, object.bytes);
    const plain = await heddle(['verify', file, '--root', root]);
    expect(plain).toMatchObject({ code: 0, stderr: '' });
    expect(plain.stdout.toString()).toMatch(/^\S+: [^\n]* verified\n$/);
    const json = await heddle(['verify', file, '--root', root.toUpperCase().replace('SHA', 'sha'), '--json']);
    expect(JSON.parse(json.stdout.toString())).toEqual({ type: 'done', file, bytes: 100_000, root, verified: true });
  });

  test.each([
    ['none', /cannot read none: there is no such file or folder \(local-io\)\n$/],
    ['.', /cannot read \.: it is a folder \(local-io\)\n$/],
  ])('%s: exit 6, in words', async (file, line) => {
    const outcome = await heddle(['verify', file, '--root', root]);
    expect(outcome.code).toBe(6);
    expect(outcome.stderr).toMatch(line);
  });

  test.each([
    ['one byte is another', (bytes: Buffer) => Buffer.from(bytes).fill(0, 50_000, 50_001)],
    ['one byte is missing', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['nothing is there', () => Buffer.alloc(0)],
  ])('%s: exit 4', async (_, bend) => {
    await using folder = await temporaryFolder();
    await writeFile(folder.file('a'), bend(object.bytes));
    const outcome = await heddle(['verify', folder.file('a'), '--root', root]);
    expect(outcome.code).toBe(4);
    expect(outcome.stderr).toMatch(/^heddle: [^\n]*its root is sha256:[^\n]*\(corrupt\)\n$/);
    const json = await heddle(['verify', folder.file('a'), '--root', root, '--json']);
    expect(JSON.parse(json.stdout.toString())).toMatchObject({ type: 'error', code: 'corrupt' });
  });

  test('a file that is not there: exit 6; no root: exit 2; none given: exit 1', async () => {
    expect(await heddle(['verify', '/no/such/file', '--root', root])).toMatchObject({ code: 6 });
    expect(await heddle(['verify', '/no/such/file', '--root', 'abc'])).toMatchObject({ code: 2 });
    expect(await heddle(['verify', '/no/such/file'])).toMatchObject({ code: 1 });
  });
});
