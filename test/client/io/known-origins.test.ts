// The file that remembers origins' keys: what is added is found again, at its line, by whoever comes later and whatever
// others add meanwhile.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { knownOriginsPath, originNameOf, readKnownOrigins } from '../../../client/io/known-origins.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const KEY = 'A'.repeat(43);
const OTHER = 'B'.repeat(42) + 'E';

describe('file', () => {
  test('one that is not there knows nobody; what is added is found again at its line', async () => {
    await using folder = await temporaryFolder();
    const file = folder.file('state/heddle/known_origins');
    const known = readKnownOrigins(file);
    expect(known.keyOf('a:1')).toBeUndefined();
    await known.add([{ name: 'a:1', key: KEY }]);
    await known.add([
      { name: 'a:1', key: OTHER },
      { name: 'b:2', key: OTHER },
    ]);
    const again = readKnownOrigins(file);
    expect(again.keyOf('a:1')).toEqual({ key: KEY, place: `${file}:1` });
    expect(again.keyOf('b:2')).toEqual({ key: OTHER, place: `${file}:2` });
    expect((await stat(file)).mode & 0o077).toBe(0);
  });

  test('what two add at once is all there', async () => {
    await using folder = await temporaryFolder();
    const file = folder.file('known_origins');
    const names = Array.from({ length: 40 }, (_, at) => `host-${at}:80`);
    await Promise.all(names.map((name) => readKnownOrigins(file).add([{ name, key: KEY }])));
    const known = readKnownOrigins(file);
    expect(names.filter((name) => known.keyOf(name)?.key !== KEY)).toEqual([]);
  });

  test('comments, torn lines and others are passed over, and a torn end spoils nothing that follows', async () => {
    await using folder = await temporaryFolder();
    const file = folder.file('known_origins');
    await writeFile(file, `# mine\n\na:1 rsa ${KEY}\nb:2 ed25519 short\nc:3 ed25519 ${KEY}\r\nd:4 ed255`);
    const known = readKnownOrigins(file);
    expect(known.keyOf('c:3')).toEqual({ key: KEY, place: `${file}:5` });
    for (const name of ['a:1', 'b:2', 'd:4']) expect(known.keyOf(name)).toBeUndefined();
    await known.add([{ name: 'e:5', key: OTHER }]);
    expect(readKnownOrigins(file).keyOf('e:5')?.key).toBe(OTHER);
    expect(await readFile(file, 'utf8')).toMatch(/d:4 ed255\ne:5 ed25519/);
  });

  test('one that cannot be read or written is local-io', async () => {
    await using folder = await temporaryFolder();
    const file = folder.file('known_origins');
    await mkdir(file);
    expect(() => readKnownOrigins(file)).toThrow(expect.objectContaining({ code: 'local-io' }));
    const nowhere = readKnownOrigins('/dev/null/heddle/known_origins');
    await expect(nowhere.add([{ name: 'a', key: KEY }])).rejects.toMatchObject({ code: 'local-io' });
  });
});

test('lies in the state folder of the user', () => {
  expect(knownOriginsPath({ XDG_STATE_HOME: '/s' })).toBe('/s/heddle/known_origins');
  expect(dirname(knownOriginsPath({ XDG_STATE_HOME: 'relative' }))).toMatch(/\/\.local\/state\/heddle$/);
});

test('an origin that nobody named has the name of its host, or of the way to it', () => {
  expect(originNameOf(new URL('http://origin:8080/'))).toBe('origin:8080');
  expect(originNameOf(new URL('https://relay/v1/via/main'))).toBe('relay/v1/via/main');
});
