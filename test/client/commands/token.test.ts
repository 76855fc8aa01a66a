// `heddle keygen` and `heddle token`: what the files hold and who may read them, what a token says, that a relay believes it,
// and every mistake in one line.
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createTokenCheck } from '../../../protocol/access/token-check.ts';
import { readTokenKeys } from '../../../protocol/access/token-keys.ts';
import { clientOptions } from '../../../client/config.ts';
import { heddle } from '../../support/program.ts';
import type { Outcome } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import type { TemporaryFolder } from '../../support/temporary-folder.ts';

type Keys = { readonly folder: TemporaryFolder; readonly privateFile: string; readonly publicFile: string };

async function withKeys(use: (keys: Keys) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  const { code, stderr } = await heddle(['keygen', '--out', 'relay'], { cwd: folder.path });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await use({ folder, privateFile: folder.file('relay.private.jwk'), publicFile: folder.file('relay.public.jwks') });
}

describe('keygen', () => {
  test('writes a pair, the private half for its owner alone, and never overwrites', async () => {
    await withKeys(async ({ folder, privateFile, publicFile }) => {
      expect(await folder.list()).toEqual(['relay.private.jwk', 'relay.public.jwks']);
      expect((await stat(privateFile)).mode & 0o777).toBe(0o600);
      const secret = JSON.parse(await readFile(privateFile, 'utf8')) as Record<string, string>;
      const { keys } = JSON.parse(await readFile(publicFile, 'utf8')) as { keys: Record<string, string>[] };
      const { d, ...open } = secret;
      expect(keys).toEqual([open]);
      expect(d).toMatch(/^[\w-]{43}$/);
      expect(open).toEqual({
        kty: 'OKP',
        crv: 'Ed25519',
        x: expect.any(String),
        kid: expect.stringMatching(/^[\w-]{12}$/),
        use: 'sig',
        alg: 'EdDSA',
      });
      expect(await clientOptions({ originKey: publicFile }, {})).toMatchObject({ originKey: open['x'] });
      const again = await heddle(['keygen', '--out', 'relay'], { cwd: folder.path });
      expect(again).toMatchObject({
        code: 6,
        stderr: expect.stringMatching(/relay\.private\.jwk: it is there already and is never overwritten/),
      });
      expect(JSON.parse(await readFile(privateFile, 'utf8'))).toEqual(secret);
    });
  });

  test('makes the folder that the guides name', async () => {
    await using folder = await temporaryFolder();
    expect((await heddle(['keygen', '--out', 'keys/2026-11'], { cwd: folder.path })).code).toBe(0);
    expect((await stat(folder.file('keys/2026-11.private.jwk'))).mode & 0o777).toBe(0o600);
  });

  test('leaves no half of a pair behind', async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.file('a.public.jwks'), 'mine');
    expect((await heddle(['keygen', '--out', 'a', '--kid', 'x'], { cwd: folder.path })).code).toBe(6);
    expect(await folder.list()).toEqual(['a.public.jwks']);
  });
});

describe('token', () => {
  const issue = (file: string, args: readonly string[], cwd: string): Promise<Outcome> =>
    heddle(['token', '--key', file, ...args], { cwd });

  test('says what was asked for, and servers with the public key believe it', async () => {
    await withKeys(async ({ folder, privateFile, publicFile }) => {
      const limits =
        '--upstream main --upstream ap --prefix data/ --prefix pub/ --max-sessions 8 --max-rate 80Mbit/s --max-bytes 2GiB';
      const before = Math.floor(Date.now() / 1_000);
      const { code, stdout, stderr } = await issue(
        privateFile,
        [...limits.split(' '), '--for', '12h', '--subject', 'ci'],
        folder.path,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const token = stdout.toString().trim();
      const claims = decodeJwt(token);
      expect(claims).toEqual({
        aud: ['heddle-relay', 'heddle-origin'],
        sub: 'ci',
        iat: expect.any(Number),
        exp: claims.iat! + 43_200,
        jti: expect.stringMatching(/^[\da-f-]{36}$/),
        upstreams: ['main', 'ap'],
        prefixes: ['data/', 'pub/'],
        maxSessions: 8,
        maxBytesPerSecond: 10_000_000,
        maxBytes: 2_147_483_648,
      });
      expect(claims.iat).toBeGreaterThanOrEqual(before);
      const { keys } = await readTokenKeys([publicFile]);
      expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: keys[0]!.kid });
      for (const audience of ['heddle-relay', 'heddle-origin']) {
        const check = await createTokenCheck({ keys: { keys }, audience, maxEntries: 1 });
        expect(await check(`Bearer ${token}`, Date.now())).toMatchObject({
          account: 'subject ci',
          prefixes: ['data/', 'pub/'],
        });
      }
    });
  });

  test('is good for an hour and everything unless said; its audience may be one server', async () => {
    await withKeys(async ({ folder, privateFile }) => {
      const claims = decodeJwt((await issue(privateFile, ['--audience', 'eu'], folder.path)).stdout.toString().trim());
      expect(claims).toEqual({
        aud: ['eu'],
        iat: expect.any(Number),
        exp: claims.iat! + 3_600,
        jti: expect.any(String),
      });
    });
  });

  test('replaces a file as a whole, for its owner alone', async () => {
    await withKeys(async ({ folder, privateFile }) => {
      const file = folder.file('token');
      await writeFile(file, 'an old token', { mode: 0o644 });
      const { code, stdout } = await issue(privateFile, ['--out', file], folder.path);
      expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: '' });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const said = await clientOptions({ tokenFile: file }, {});
      expect(typeof said.token === 'function' ? said.token() : said.token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
      expect(await folder.list()).toEqual(['relay.private.jwk', 'relay.public.jwks', 'token']);
    });
  });

  test('every mistake is one line', async () => {
    await withKeys(async ({ folder, privateFile, publicFile }) => {
      const rows: [key: string, args: string[], code: number, message: RegExp][] = [
        [privateFile, ['--for', '5y'], 1, /--for cannot be "5y"; write a time up to 366d, such as 30min or 12h/],
        [privateFile, ['--for', '0'], 1, /--for cannot be "0"/],
        [privateFile, ['--for', '367d'], 1, /--for cannot be "367d"/],
        [privateFile, ['--max-rate', '10MB'], 1, /--max-rate cannot be "10MB"; write a rate such as 10MB\/s/],
        [privateFile, ['--max-bytes', 'all'], 1, /--max-bytes cannot be "all"; write a size/],
        [privateFile, ['--max-sessions', '-1'], 1, /--max-sessions cannot be "-1"/],
        [privateFile, ['--upstream', 'a b'], 1, /--upstream "a b" is no upstream's name/],
        [publicFile, [], 2, /relay\.public\.jwks is no private Ed25519 JWK; make one with heddle keygen/],
        [
          folder.file('none'),
          [],
          2,
          /cannot read the key .*none \(there is no such file or folder\); make one with heddle keygen/,
        ],
        [
          privateFile,
          ['--out', folder.file('no/where')],
          6,
          /cannot write the token to .*where \(there is no such file or folder\)/,
        ],
      ];
      const outcomes = rows.map(async ([key, args, code, message]) => {
        const ended = await issue(key, args, folder.path);
        expect(ended.stderr).toMatch(message);
        expect(ended.stderr).toMatch(/^[^\n]+\n$/);
        expect({ code: ended.code, stdout: ended.stdout.toString() }).toEqual({ code, stdout: '' });
      });
      await Promise.all(outcomes);
    });
  });
});
