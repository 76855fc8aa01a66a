// The public keys that tokens must be signed with: from JWKS files to keys that verify. Two files or two keys in one are
// what a rotation needs. Making keys is the command's business.
import { readFile } from 'node:fs/promises';
import { calculateJwkThumbprint, importJWK } from 'jose';
import type { CryptoKey, JSONWebKeySet, JWK } from 'jose';
import { HeddleError } from '../errors.ts';
import { systemReason } from '../system-words.ts';

/** A key that verifies. */
export type TokenKey = {
  /** RFC 7638 thumbprint: the same key has the same one wherever it stands. */
  readonly thumbprint: string;
  readonly kid: string | undefined;
  readonly key: CryptoKey;
};

/** A token without `kid` is tried with every key; more of them would make nonsense expensive. */
const MOST_KEYS = 16;
const MAKE = 'write a NAME.public.jwks made by heddle keygen';

/** The keys of all files as one set. Throws `bad-configuration` naming the file. */
export async function readTokenKeys(files: readonly string[]): Promise<JSONWebKeySet> {
  const sets = await Promise.all(files.map(readKeySet));
  return { keys: sets.flatMap(({ keys }) => keys) };
}

/** The keys of a set, ready to verify. Throws `bad-configuration` when one is no public Ed25519 key. */
export async function importTokenKeys({ keys }: JSONWebKeySet): Promise<TokenKey[]> {
  if (!Array.isArray(keys) || keys.length === 0) throw bad(`the token keys are not a JWKS with a key in it; ${MAKE}`);
  if (keys.length > MOST_KEYS) throw bad(`the token keys are more than ${MOST_KEYS}; write only those in use`);
  return Promise.all(keys.map(importKey));
}

async function importKey(jwk: JWK): Promise<TokenKey> {
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519') throw bad(`the token keys hold a key that is not Ed25519; ${MAKE}`);
  if ('d' in jwk) throw bad('the token keys hold a private key; write the .public.jwks that was made with it');
  const { kty, crv, x } = jwk;
  try {
    const key = await importJWK({ kty, crv, x } as JWK, 'EdDSA');
    return { thumbprint: await calculateJwkThumbprint({ kty, crv, x } as JWK), kid: jwk.kid, key: key as CryptoKey };
  } catch (cause) {
    throw new HeddleError('bad-configuration', `the token keys hold a key whose "x" is no Ed25519 key; ${MAKE}`, {
      cause,
    });
  }
}

async function readKeySet(file: string): Promise<JSONWebKeySet> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new HeddleError(
      'bad-configuration',
      `the token keys file "${file}" cannot be read (${systemReason(cause)}); ${MAKE}`,
      {
        cause,
      },
    );
  }
  let set: JSONWebKeySet;
  try {
    set = JSON.parse(text) as JSONWebKeySet;
  } catch (cause) {
    throw new HeddleError('bad-configuration', `the token keys file "${file}" is not JSON; ${MAKE}`, { cause });
  }
  if (!Array.isArray(set?.keys)) throw bad(`the token keys file "${file}" is not a JWKS; ${MAKE}`);
  return set;
}

function bad(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
