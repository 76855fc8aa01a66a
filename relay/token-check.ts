// Whether a bearer token lets a request pass: a JWT signed with EdDSA by one of the configured keys, and what it
// allows. A signature is checked once per token and remembered until the token expires. Issues no tokens.
import { createHash } from 'node:crypto';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWTPayload } from 'jose';
import { HeddleError } from '../protocol/errors.ts';

/** The audience of relay tokens; a token may leave it out. */
const RELAY_AUDIENCE = 'heddle-relay';

/** What a verified token allows. */
export type TokenGrant = {
  /** Names of the upstreams it is good for; all of them when it names none. */
  readonly upstreams: readonly string[] | undefined;
  /** What every object key must begin with. */
  readonly prefix: string | undefined;
  /** Wall-clock milliseconds. */
  readonly expiresAt: number;
};

export type TokenCheck = (authorization: string | undefined, now: number) => Promise<TokenGrant | TokenRefusal>;

/** Why a token is not accepted, in one clause. */
export type TokenRefusal = { readonly refused: string };

/** The check against `keys`. Throws `bad-configuration` when they are not public Ed25519 keys. */
export function createTokenCheck(keys: JSONWebKeySet, maxEntries: number): TokenCheck {
  checkKeys(keys);
  const keySet = createLocalJWKSet(keys);
  const known = new Map<string, TokenGrant>();
  return async (authorization, now) => {
    const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return { refused: 'a bearer token is required' };
    const hash = createHash('sha256').update(token).digest('base64');
    const remembered = known.get(hash);
    if (remembered !== undefined && remembered.expiresAt > now) return remembered;
    known.delete(hash);
    const verified = await verify(token, keySet, now);
    if ('refused' in verified) return verified;
    const oldest = known.size < maxEntries ? undefined : known.keys().next().value;
    if (oldest !== undefined) known.delete(oldest);
    known.set(hash, verified);
    return verified;
  };
}

async function verify(
  token: string,
  keySet: ReturnType<typeof createLocalJWKSet>,
  now: number,
): Promise<TokenGrant | TokenRefusal> {
  try {
    const { payload } = await jwtVerify(token, keySet, {
      algorithms: ['EdDSA', 'Ed25519'],
      requiredClaims: ['exp'],
      currentDate: new Date(now),
    });
    return grantOf(payload);
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { refused: 'the token has expired' };
    if (error instanceof errors.JOSEError) return { refused: 'the token is not valid' };
    throw error;
  }
}

function grantOf(payload: JWTPayload): TokenGrant | TokenRefusal {
  const { aud, exp, upstreams, prefix } = payload as JWTPayload & { upstreams?: unknown; prefix?: unknown };
  if (aud !== undefined && ![aud].flat().includes(RELAY_AUDIENCE)) {
    return { refused: 'the token is for another audience' };
  }
  if (upstreams !== undefined && !(Array.isArray(upstreams) && upstreams.every((name) => typeof name === 'string'))) {
    return { refused: 'the claim "upstreams" is not a list of names' };
  }
  if (prefix !== undefined && typeof prefix !== 'string') return { refused: 'the claim "prefix" is not a string' };
  return { upstreams, prefix, expiresAt: (exp ?? 0) * 1_000 };
}

function checkKeys(keys: JSONWebKeySet): void {
  if (!Array.isArray(keys.keys) || keys.keys.length === 0) throw bad('the token keys are not a JWKS with a key in it');
  for (const key of keys.keys) {
    if (key.kty !== 'OKP' || key.crv !== 'Ed25519') throw bad('the token keys hold a key that is not Ed25519');
    if ('d' in key) throw bad('the token keys hold a private key; a relay needs the public one only');
  }
}

function bad(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
