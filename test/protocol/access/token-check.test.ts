// Whose signature counts: keys and their rotation, what is remembered, and what no token may do.
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK, JWTPayload } from 'jose';
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createTokenCheck } from '../../../protocol/access/token-check.ts';
import type { TokenCheck } from '../../../protocol/access/token-check.ts';
import { readTokenKeys } from '../../../protocol/access/token-keys.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NOW = Date.UTC(2030, 0, 1);
const IN_AN_HOUR = NOW / 1_000 + 3_600;
const AUDIENCE = 'heddle-relay';

type Issuer = { readonly jwk: JWK; readonly privateKey: CryptoKey };

async function createIssuer(kid?: string): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  return { jwk: { ...(await exportJWK(publicKey)), ...(kid === undefined ? {} : { kid }) }, privateKey };
}

async function issue({ jwk, privateKey }: Issuer, claims: JWTPayload = {}, head: object = {}): Promise<string> {
  const protectedHead = { alg: 'EdDSA', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }), ...head };
  const token = new SignJWT({ exp: IN_AN_HOUR, aud: AUDIENCE, ...claims }).setProtectedHeader(protectedHead);
  return `Bearer ${await token.sign(privateKey)}`;
}

const checkOf = (jwks: readonly JWK[], maxEntries = 10): Promise<TokenCheck> =>
  createTokenCheck({ keys: { keys: [...jwks] }, audience: AUDIENCE, maxEntries });

const one = await createIssuer('one');
const two = await createIssuer('two');
const unnamed = await createIssuer();
const INVALID = { refused: 'the token is not valid' };

describe('keys', () => {
  test('two are live while they are rotated; the old one ends with its removal', async () => {
    const [first, second] = [await issue(one), await issue(two)];
    const both = await checkOf([one.jwk, two.jwk]);
    expect(await both(first, NOW)).toMatchObject({ expiresAt: IN_AN_HOUR * 1_000 });
    expect(await both(second, NOW)).toMatchObject({ expiresAt: IN_AN_HOUR * 1_000 });
    const onlyNew = await checkOf([two.jwk]);
    expect(await onlyNew(first, NOW)).toEqual(INVALID);
    expect(await onlyNew(second, NOW)).toMatchObject({ expiresAt: IN_AN_HOUR * 1_000 });
    expect(onlyNew.keys.size).toBe(1);
    expect(both.keys).toEqual(new Set([...onlyNew.keys, ...(await checkOf([one.jwk])).keys]));
  });

  test('without names are all tried; a name that does not fit is not', async () => {
    const check = await checkOf([one.jwk, unnamed.jwk]);
    expect(await check(await issue(unnamed), NOW)).toHaveProperty('account');
    expect(await check(await issue(unnamed, {}, { kid: 'whatever' }), NOW)).toHaveProperty('account');
    expect(await check(await issue(one, {}, { kid: 'two' }), NOW)).toEqual(INVALID);
  });

  test.each<[name: string, keys: unknown, message: RegExp]>([
    ['none', [], /not a JWKS with a key in it/],
    ['private ones', [{ ...one.jwk, d: 'abc' }], /private key/],
    ['of another kind', [{ kty: 'RSA', n: 'a', e: 'b' }], /not Ed25519/],
    ['too short', [{ ...one.jwk, x: 'abc' }], /no Ed25519 key/],
    ['too many', Array.from({ length: 17 }, () => one.jwk), /more than 16/],
  ])('%s are refused', async (_, keys, message) => {
    await expect(checkOf(keys as JWK[])).rejects.toMatchObject({
      code: 'bad-configuration',
      message: expect.stringMatching(message),
    });
  });

  test('of several files are one set; each fault names its file', async () => {
    await using folder = await temporaryFolder();
    const files = ['a', 'b', 'text', 'list'].map((name) => folder.file(name)) as [string, string, string, string];
    await writeFile(files[0], JSON.stringify({ keys: [one.jwk] }));
    await writeFile(files[1], JSON.stringify({ keys: [two.jwk] }));
    await writeFile(files[2], 'no json');
    await writeFile(files[3], '[]');
    expect(await readTokenKeys(files.slice(0, 2))).toEqual({ keys: [one.jwk, two.jwk] });
    await expect(readTokenKeys([files[0], files[2]])).rejects.toThrow(`"${files[2]}" is not JSON`);
    await expect(readTokenKeys([files[3]])).rejects.toThrow(
      `"${files[3]}" is not a JWKS; write a NAME.public.jwks made by heddle keygen`,
    );
    await expect(readTokenKeys([folder.file('none')])).rejects.toThrow(
      'cannot be read (there is no such file or folder)',
    );
  });
});

describe('a token', () => {
  test('is verified once and forgotten when it expires', async () => {
    const check = await checkOf([one.jwk], 1);
    const token = await issue(one);
    const first = await check(token, NOW);
    expect(await check(token, NOW + 1)).toBe(first);
    await check(await issue(one, { prefixes: ['x'] }), NOW);
    expect(await check(token, NOW)).not.toBe(first);
    expect(await check(token, NOW + 3_599_999)).toHaveProperty('account');
    expect(await check(token, NOW + 3_600_000)).toEqual({ refused: 'the token has expired' });
  });

  test('of the same subject is the same account, whichever key signed it', async () => {
    const check = await checkOf([one.jwk, two.jwk]);
    const accounts = [
      await issue(one, { sub: 'a' }),
      await issue(two, { sub: 'a' }),
      await issue(one, { sub: 'b' }),
      await issue(one),
      await issue(two),
    ];
    const grants = await Promise.all(accounts.map((token) => check(token, NOW)));
    const [a, b, ...others] = grants.map((grant) => ('account' in grant ? grant.account : ''));
    expect(a).toBe(b);
    expect(new Set([a, ...others]).size).toBe(4);
  });

  test('that was changed, unsigned, signed by a symmetric key or too odd to read is refused', async () => {
    const check = await checkOf([one.jwk, unnamed.jwk]);
    const good = (await issue(one)).slice('Bearer '.length);
    const [head = '', , signature = ''] = good.split('.');
    const claims = Buffer.from(JSON.stringify({ exp: IN_AN_HOUR + 9, aud: AUDIENCE })).toString('base64url');
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const secret = new TextEncoder().encode(one.jwk.x);
    const symmetric = await new SignJWT({ exp: IN_AN_HOUR, aud: AUDIENCE })
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(secret);
    for (const token of [
      `${head}.${claims}.${signature}`,
      `${part({ alg: 'none' })}.${claims}.`,
      symmetric,
      'a.b.c',
      `${part({ alg: 'EdDSA' })}..`,
      part({ alg: 'EdDSA' }),
      '.'.repeat(5),
    ]) {
      expect(await check(`Bearer ${token}`, NOW), token).toEqual(INVALID);
    }
    expect(await check(good, NOW)).toEqual({ refused: 'a bearer token is required' });
  });

  test('needs an audience and an end', async () => {
    const check = await checkOf([one.jwk]);
    expect(await check(await issue(one, { aud: undefined } as never), NOW)).toEqual(INVALID);
    expect(await check(await issue(one, { exp: undefined } as never), NOW)).toEqual(INVALID);
    expect(await check(await issue(one, { aud: ['x', AUDIENCE] }), NOW)).toHaveProperty('account');
    expect(await check(await issue(one, { aud: 'x' }), NOW)).toEqual({ refused: 'the token is for another audience' });
  });
});
