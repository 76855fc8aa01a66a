// Somebody who issues tokens in tests: a key pair, its public half as a JWKS, and tokens with any claims.
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { JSONWebKeySet, JWTPayload } from 'jose';

export type Issuer = {
  readonly keys: JSONWebKeySet;
  /** The value of an Authorization header; relays and origins are the audience and it is good for an hour unless said. */
  issue(claims?: JWTPayload): Promise<string>;
};

/** A new one, whose key has the name `kid`. */
export async function createIssuer(kid = 'one'): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  return {
    keys: { keys: [{ ...(await exportJWK(publicKey)), kid }] },
    issue: async (claims = {}) => {
      const all = { aud: ['heddle-relay', 'heddle-origin'], exp: secondsFromNow(3_600), ...claims };
      return `Bearer ${await new SignJWT(all).setProtectedHeader({ alg: 'EdDSA', kid }).sign(privateKey)}`;
    },
  };
}

/** A time for `exp`. */
export function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}
