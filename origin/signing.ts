// The origin's Ed25519 key and the manifests signed with it. The key is made at the first start and kept in the state
// folder, readable by its owner only; clients remember it. What a manifest says is protocol/manifest.ts.
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import type { KeyObject, webcrypto } from 'node:crypto';
import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CompactSign } from 'jose';
import { HeddleError } from '../protocol/errors.ts';
import { encodeManifest, MANIFEST_TYPE } from '../protocol/manifest.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { encodeRouteList, ROUTE_LIST_TYPE } from '../protocol/route-list.ts';
import type { RouteList } from '../protocol/route-list.ts';
import { systemReason } from '../protocol/system-words.ts';

/** Name of the key file in the state folder: PKCS #8, PEM. */
export const KEY_FILE = 'origin-key.pem';

/** Signs manifests. */
export type ManifestSigner = {
  /** The public key's `x`, base64url. */
  readonly publicKey: string;
  /** The manifest as a compact JWS. */
  sign(manifest: Manifest): Promise<string>;
  /** The list of routes as a compact JWS. */
  signRoutes(list: RouteList): Promise<string>;
};

/** The signer of this origin: by `file`, or by the folder's key; without a folder its key lasts as long as the process. */
export async function openSigner(
  folder: string | undefined,
  log: (line: string) => void,
  file?: string,
): Promise<ManifestSigner> {
  const key = await keyFor(folder, log, file);
  const publicKey = createPublicKey(key).export({ format: 'jwk' }).x ?? '';
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey };
  const sign = (payload: Uint8Array, typ: string): Promise<string> =>
    new CompactSign(payload).setProtectedHeader({ alg: 'EdDSA', typ, jwk }).sign(key);
  return {
    publicKey,
    sign: (manifest) => sign(encodeManifest(manifest), MANIFEST_TYPE),
    signRoutes: (list) => sign(encodeRouteList(list), ROUTE_LIST_TYPE),
  };
}

/** Throws `bad-configuration` unless `file` holds a key that signs. */
export async function checkSigningKey(file: string): Promise<void> {
  await keyFor(undefined, () => {}, file);
}

async function keyFor(
  folder: string | undefined,
  log: (line: string) => void,
  file: string | undefined,
): Promise<KeyObject> {
  if (file !== undefined) {
    const text = await readKey(file);
    if (text !== undefined) return privateKey(text, file, log);
    throw new HeddleError(
      'bad-configuration',
      `there is no signing key ${file}; write the NAME.private.jwk made by heddle keygen`,
    );
  }
  if (folder === undefined) return newKey();
  const own = join(folder, KEY_FILE);
  return privateKey((await readKey(own)) ?? (await createKey(own)), own, log);
}

/** `text` is PKCS #8 in PEM, or a JWK. */
async function privateKey(text: string, file: string, log: (line: string) => void): Promise<KeyObject> {
  try {
    const key = text.trimStart().startsWith('{')
      ? createPrivateKey({ key: JSON.parse(text) as webcrypto.JsonWebKey, format: 'jwk' })
      : createPrivateKey(text);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is ${key.asymmetricKeyType}`);
    if (((await stat(file)).mode & 0o077) !== 0) log(`the signing key ${file} can be read by others: chmod 600 it`);
    return key;
  } catch (cause) {
    throw new HeddleError(
      'bad-configuration',
      `${file} is not an Ed25519 private key; write one made by heddle keygen`,
      { cause },
    );
  }
}

async function readKey(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return undefined;
    throw new HeddleError('bad-configuration', `cannot read the signing key ${file} (${systemReason(cause)})`, {
      cause,
    });
  }
}

/** Two origins that start at once must end with the same key, and nobody may see half of one: write aside, then link. */
async function createKey(file: string): Promise<string> {
  const aside = `${file}.${randomUUID()}`;
  try {
    const handle = await open(aside, 'w', 0o600);
    await handle.writeFile(newKey().export({ type: 'pkcs8', format: 'pem' }));
    await handle.sync();
    await handle.close();
    await link(aside, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new HeddleError('local-io', `cannot write the signing key ${file}`, { cause });
  } finally {
    await rm(aside, { force: true });
  }
}

function newKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey;
}
