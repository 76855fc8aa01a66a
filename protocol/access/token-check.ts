// Whether a bearer token lets a request pass: a JWT signed with EdDSA by one of the configured keys, for this server, not
// expired. A signature is checked once per token and remembered until the token expires. Issues no tokens.
import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { JSONWebKeySet, JWTPayload, JWTVerifyResult } from 'jose';
import { readTerms } from '../token-claims.ts';
import type { TokenTerms } from '../token-claims.ts';
import { importTokenKeys } from './token-keys.ts';
import type { TokenKey } from './token-keys.ts';

/** What a verified token allows. */
export type TokenGrant = TokenTerms & {
  /** What limits are counted by: the token's subject, so that a fresh token of the same holder starts nothing anew. */
  readonly account: string;
  /** Thumbprint of the key that signed it. */
  readonly key: string;
  /** Wall-clock milliseconds. */
  readonly expiresAt: number;
};

/** Why a token is not accepted, in one clause. */
export type TokenRefusal = { readonly refused: string };

/** Checks what an Authorization header says; `now` is the wall clock, ms. */
export type TokenCheck = {
  (authorization: string | undefined, now: number): Promise<TokenGrant | TokenRefusal>;
  /** Thumbprints of the keys it accepts. */
  readonly keys: ReadonlySet<string>;
};

/** What a check needs: whose signatures, for which audience, and how many verified tokens it may remember. */
export type TokenRules = { readonly keys: JSONWebKeySet; readonly audience: string; readonly maxEntries: number };

/** The check by `rules`. Throws `bad-configuration` when they hold no public Ed25519 keys. */
export async function createTokenCheck({ keys, audience, maxEntries }: TokenRules): Promise<TokenCheck> {
  const accepted = await importTokenKeys(keys);
  const known = new Map<string, TokenGrant>();
  const check = async (authorization: string | undefined, now: number): Promise<TokenGrant | TokenRefusal> => {
    const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return { refused: 'a bearer token is required' };
    const hash = createHash('sha256').update(token).digest('base64');
    const remembered = known.get(hash);
    if (remembered !== undefined && remembered.expiresAt > now) return remembered;
    known.delete(hash);
    const verified = await verify(token, accepted, now);
    if ('refused' in verified) return verified;
    const grant = grantOf(verified, audience, hash);
    if ('refused' in grant) return grant;
    const oldest = known.size < maxEntries ? undefined : known.keys().next().value;
    if (oldest !== undefined) known.delete(oldest);
    known.set(hash, grant);
    return grant;
  };
  return Object.assign(check, { keys: new Set(accepted.map(({ thumbprint }) => thumbprint)) });
}

type Verified = { readonly payload: JWTPayload; readonly signer: TokenKey };

async function verify(token: string, keys: readonly TokenKey[], now: number): Promise<Verified | TokenRefusal> {
  for (const signer of candidates(token, keys)) {
    try {
      return { payload: (await verifyBy(token, signer, now)).payload, signer };
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      if (error instanceof errors.JWTExpired) return { refused: 'the token has expired' };
      if (error instanceof errors.JOSEError) return { refused: 'the token is not valid' };
      throw error;
    }
  }
  return { refused: 'the token is not valid' };
}

function verifyBy(token: string, { key }: TokenKey, now: number): Promise<JWTVerifyResult> {
  return jwtVerify(token, key, {
    algorithms: ['EdDSA', 'Ed25519'],
    requiredClaims: ['exp', 'aud'],
    currentDate: new Date(now),
  });
}

/** The keys that the token may be signed with: those of the name in its head, or all when it names none. */
function candidates(token: string, keys: readonly TokenKey[]): readonly TokenKey[] {
  try {
    const head = JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString()) as { kid?: unknown };
    return head.kid === undefined ? keys : keys.filter(({ kid }) => kid === undefined || kid === head.kid);
  } catch {
    return [];
  }
}

function grantOf({ payload, signer }: Verified, audience: string, hash: string): TokenGrant | TokenRefusal {
  const { aud, exp, sub } = payload;
  if (![aud].flat().includes(audience)) return { refused: 'the token is for another audience' };
  const terms = readTerms(payload);
  if (typeof terms === 'string') return { refused: terms };
  const account = sub === undefined ? `token ${hash}` : `subject ${sub}`;
  return { ...terms, account, key: signer.thumbprint, expiresAt: (exp ?? 0) * 1_000 };
}
