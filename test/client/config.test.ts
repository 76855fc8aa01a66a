// What the client's flags and its file make together.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { clientOptions } from '../../client/config.ts';
import type { ClientFlags } from '../../client/config.ts';
import { HeddleError } from '../../protocol/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const X = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
const ROOT = `sha256:${'ab'.repeat(32)}`;

/** The options of a file and of flags; in the flags, a value that begins with @ is a file in its folder. */
async function options(yaml: string | undefined, flags: ClientFlags = {}): Promise<unknown> {
  await using folder = await temporaryFolder();
  const config = folder.file('client.yaml');
  if (yaml !== undefined) await writeFile(config, yaml);
  await writeFile(folder.file('token'), ' from-file\n');
  await writeFile(folder.file('other-token'), 'from-flag\n');
  await writeFile(folder.file('key.jwk'), JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: X }));
  await writeFile(folder.file('rsa.jwk'), '{"kty":"RSA"}');
  const named = Object.entries(flags).map(([name, value]) => {
    return [name, typeof value === 'string' && value.startsWith('@') ? folder.file(value.slice(1)) : value];
  });
  try {
    const said = await clientOptions({ ...Object.fromEntries(named), ...(yaml === undefined ? {} : { config }) }, {});
    return typeof said.token === 'function' ? { ...said, token: said.token() } : said;
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    expect(error.message).not.toContain('\n');
    return `${error.code}: ${error.message.replace(config, 'FILE').replace(`${folder.path}/`, '')}`;
  }
}

const FILE = `
routes:
  - name: eu
    url: https://relay-eu:9001/v1/via/main
  - { name: lte, url: "http://origin:8080", localAddress: 10.64.0.2 }
tokenFile: token
root: ${ROOT}
originKeyFile: key.jwk
segmentBytes: 64KiB
reorderBytes: 16MiB
`;

describe('client options', () => {
  test('from the file', async () => {
    expect(await options(FILE)).toEqual({
      routes: [
        { name: 'eu', url: 'https://relay-eu:9001/v1/via/main' },
        { name: 'lte', url: 'http://origin:8080', localAddress: '10.64.0.2' },
      ],
      token: 'from-file',
      root: ROOT,
      originKey: X,
      segmentBytes: 65_536,
      reorderBytes: 16_777_216,
    });
    expect(await options(`token: abc\noriginKey: ${X}\nroutes: []\n`)).toEqual({
      routes: [],
      token: 'abc',
      originKey: X,
    });
  });

  test('from the flags alone', async () => {
    const flags = {
      route: ['a=http://a'],
      tokenFile: '@other-token',
      originKey: '@key.jwk',
      segment: '65536',
      root: ROOT,
    };
    expect(await options(undefined, flags)).toEqual({
      routes: [{ name: 'a', url: 'http://a' }],
      token: 'from-flag',
      originKey: X,
      segmentBytes: 65_536,
      root: ROOT,
    });
    expect(await options(undefined)).toEqual({ routes: [] });
  });

  test('flags win, name by name', async () => {
    const flags = { route: ['eu=http://b', 'us=http://c'], tokenFile: '@other-token', segment: '32768' };
    expect(await options(FILE, flags)).toMatchObject({
      routes: [{ name: 'lte' }, { name: 'eu', url: 'http://b' }, { name: 'us' }],
      token: 'from-flag',
      root: ROOT,
      segmentBytes: 32_768,
    });
    expect(await options('token: inline\n', { tokenFile: '@other-token' })).toMatchObject({ token: 'from-flag' });
  });

  test.each<[name: string, yaml: string | undefined, flags: ClientFlags, message: RegExp]>([
    [
      'a token file that is not there',
      'tokenFile: none\n',
      {},
      /^bad-configuration: FILE:1:1: cannot read none \(there is no such file or folder\); write/,
    ],
    [
      'the same by a flag',
      undefined,
      { tokenFile: '@none' },
      /^bad-configuration: cannot read none \(there is no such file or folder\); write/,
    ],
    [
      'a key of another kind',
      'originKeyFile: rsa.jwk\n',
      {},
      /^bad-configuration: FILE:1:1: the origin key is neither an Ed25519 JWK/,
    ],
    [
      'the same by a flag',
      undefined,
      { originKey: '@token' },
      /^bad-configuration: the origin key is neither an Ed25519 JWK/,
    ],
    [
      'no file',
      undefined,
      { config: '@none.yaml' },
      /^bad-configuration: cannot read none\.yaml: there is no such file/,
    ],
    ['a mistake in the file', 'rotes: []\n', {}, /^bad-configuration: FILE:1:1: "rotes"/],
    ['a route that is none', undefined, { route: ['http://a'] }, /^usage: a route is written NAME=BASEURL/],
  ])('%s is said in one line: %j', async (_, yaml, flags, message) => {
    expect(await options(yaml, flags)).toMatch(message);
  });
});
