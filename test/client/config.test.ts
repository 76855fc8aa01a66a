// The client's YAML file: what is right is read, and every mistake is named with its place.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readClientConfig } from '../../client/config.ts';
import { HeddleError } from '../../protocol/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Reads `text` as a configuration; a fault is its message with the file's name as FILE. */
async function read(text: string): Promise<unknown> {
  await using folder = await temporaryFolder();
  const path = folder.file('client.yaml');
  await writeFile(path, text);
  try {
    return await readClientConfig(path);
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    expect(error.code).toBe('bad-configuration');
    expect(error.message).not.toContain('\n');
    return error.message.replace(path, 'FILE');
  }
}

describe('client configuration', () => {
  test('routes with names, URLs and perhaps local addresses', async () => {
    const text = `
# comment
routes:
  - name: eu
    url: https://relay-eu:9001/v1/via/main
  - { name: lte, url: "http://origin:8080", localAddress: 10.64.0.2 }
`;
    expect(await read(text)).toEqual({
      routes: [
        { name: 'eu', url: 'https://relay-eu:9001/v1/via/main' },
        { name: 'lte', url: 'http://origin:8080', localAddress: '10.64.0.2' },
      ],
    });
  });

  test('an empty list is read; that no route is no use is said elsewhere', async () => {
    expect(await read('routes: []')).toEqual({ routes: [] });
  });

  test.each([
    ['routes:\n  - name: eu\n    url: http://a\n    adress: 1\n', 'FILE:4:5', '"adress"'],
    ['rutes: []\n', 'FILE:1:1', '"rutes"'],
    ['routes:\n  - name: eu\n', 'FILE:2:5', '"url"'],
    ['routes:\n  - name: 5\n    url: http://a\n', 'FILE:2:11', '"name" must be text'],
    ['routes:\n  - name: eu\n    url:\n', 'FILE:3:', '"url" must be text'],
    ['routes:\n  - name: eu\n    url: [http://a]\n', 'FILE:3:10', '"url" must be text'],
    ['routes:\n  - "a\n', 'FILE:', ''],
    ['routes: [\n', 'FILE:2:1', ''],
    ['routes: *none\n', 'FILE', '"routes" must be a list'],
    ['routes: []\nroutes: []\n', 'FILE:2:1', ''],
    ['routes: x\n', 'FILE', '"routes" must be a list'],
    ['routes:\n  - x\n', 'FILE', 'mapping'],
    ['- x\n', 'FILE', '"routes"'],
    ['', 'FILE', '"routes"'],
  ])('%j is wrong at its place', async (text, place, what) => {
    const message = await read(text);
    expect(message).toContain(place);
    expect(message).toContain(what);
  });

  test('a file that is not there', async () => {
    await using folder = await temporaryFolder();
    await expect(readClientConfig(folder.file('no.yaml'))).rejects.toMatchObject({ code: 'bad-configuration' });
  });
});
