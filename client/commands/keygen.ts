// `heddle keygen`: a pair of Ed25519 keys as files, the private one for its owner's eyes only. Nothing is ever overwritten:
// who loses a key has lost what it signed.
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { HeddleError } from '../../protocol/errors.ts';
import { systemReason } from '../../protocol/system-words.ts';

export type KeygenFlags = { readonly out: string; readonly kid?: string };

/** Characters of a thumbprint that name a key well enough. */
const KID_LENGTH = 12;

/** Makes the pair and says where it is; returns the exit code. */
export async function keygen({ out, kid }: KeygenFlags): Promise<number> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const bare = await exportJWK(publicKey);
  const about = { kid: kid ?? (await calculateJwkThumbprint(bare)).slice(0, KID_LENGTH), use: 'sig', alg: 'EdDSA' };
  const { d } = await exportJWK(privateKey);
  const files = { private: `${out}.private.jwk`, public: `${out}.public.jwks` };
  await create(files.private, { ...bare, ...about, d }, 0o600);
  try {
    await create(files.public, { keys: [{ ...bare, ...about }] }, 0o644);
  } catch (error) {
    await rm(files.private);
    throw error;
  }
  process.stdout.write(
    `${files.private}: signs tokens, and manifests of an origin (signingKey); keep it where nobody else reads\n` +
      `${files.public}: checks them: for tokenKeys of relays and origins, and for --origin-key of clients\n`,
  );
  return 0;
}

async function create(file: string, content: object, mode: number): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await using handle = await open(file, 'wx', mode);
    await handle.writeFile(`${JSON.stringify(content, undefined, 2)}\n`);
    await handle.sync();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const advice =
      code === 'EEXIST' ? 'it is there already and is never overwritten; choose another --out' : systemReason(cause);
    throw new HeddleError('local-io', `cannot write ${file}: ${advice}`, { cause });
  }
}
