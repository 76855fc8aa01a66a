// `heddle token`: a token signed with a private key of `heddle keygen`, with everything it allows said by flags. The token is
// all that goes to standard output, or replaces a file at once, so that who reads that file never sees half of one.
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { importJWK, SignJWT } from 'jose';
import type { JWK } from 'jose';
import { HeddleError } from '../../protocol/errors.ts';
import { UPSTREAM_NAME } from '../../protocol/paths.ts';
import { AUDIENCES } from '../../protocol/token-claims.ts';
import { parseAmount } from '../../protocol/settings/amount.ts';
import { systemReason } from '../../protocol/system-words.ts';

export type TokenFlags = {
  readonly key: string;
  readonly for: string;
  readonly audience?: readonly string[];
  readonly subject?: string;
  readonly upstream?: readonly string[];
  readonly prefix?: readonly string[];
  readonly maxSessions?: string;
  readonly maxRate?: string;
  readonly maxBytes?: string;
  readonly out?: string;
};

/** A longer life is what revocation lists are for, and there is none. */
const LONGEST_SECONDS = 366 * 86_400;

/** Issues the token; returns the exit code. */
export async function token(flags: TokenFlags): Promise<number> {
  const { jwk, key } = await readSigningKey(flags.key);
  const seconds = amountOf('--for', flags.for, 's', LONGEST_SECONDS);
  const unknown = flags.upstream?.find((name) => !UPSTREAM_NAME.test(name));
  if (unknown !== undefined)
    throw usage(`--upstream "${unknown}" is no upstream's name; write it as in the relay's file`);
  const limits = {
    upstreams: flags.upstream,
    prefixes: flags.prefix,
    maxSessions: optional('--max-sessions', flags.maxSessions, 'sessions'),
    maxBytesPerSecond: optional('--max-rate', flags.maxRate, 'bytes/s'),
    maxBytes: optional('--max-bytes', flags.maxBytes, 'bytes'),
  };
  const issued = new SignJWT(Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
    .setAudience([...(flags.audience ?? [AUDIENCES.relay, AUDIENCES.origin])])
    .setIssuedAt()
    .setExpirationTime(`${seconds} s`)
    .setJti(randomUUID());
  if (flags.subject !== undefined) issued.setSubject(flags.subject);
  const text = `${await issued.sign(key)}\n`;
  if (flags.out === undefined) process.stdout.write(text);
  else await replace(flags.out, text);
  return 0;
}

async function readSigningKey(file: string): Promise<{ jwk: JWK; key: Awaited<ReturnType<typeof importJWK>> }> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new HeddleError(
      'bad-configuration',
      `cannot read the key ${file} (${systemReason(cause)}); make one with heddle keygen`,
      {
        cause,
      },
    );
  }
  try {
    const jwk = JSON.parse(text) as JWK;
    if (jwk.crv === 'Ed25519' && jwk.d !== undefined) return { jwk, key: await importJWK(jwk, 'EdDSA') };
  } catch {
    // the line below says what is expected
  }
  throw new HeddleError('bad-configuration', `${file} is no private Ed25519 JWK; make one with heddle keygen`);
}

function optional(flag: string, text: string | undefined, unit: string): number | undefined {
  return text === undefined ? undefined : amountOf(flag, text, unit, Number.MAX_SAFE_INTEGER);
}

const EXAMPLES: Readonly<Record<string, string>> = {
  s: 'a time up to 366d, such as 30min or 12h',
  sessions: 'a number of sessions above 0',
  'bytes/s': 'a rate such as 10MB/s or 100Mbit/s',
  bytes: 'a size such as 500MB or 20GiB',
};

function amountOf(flag: string, text: string, unit: string, most: number): number {
  const value = parseAmount(text, unit);
  if (value !== undefined && Number.isSafeInteger(value) && value > 0 && value <= most) return value;
  throw usage(`${flag} cannot be "${text}"; write ${EXAMPLES[unit]}`);
}

async function replace(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await writeFile(aside, text, { mode: 0o600, flag: 'wx' });
    await rename(aside, file);
  } catch (cause) {
    await rm(aside, { force: true });
    throw new HeddleError('local-io', `cannot write the token to ${file} (${systemReason(cause)})`, { cause });
  }
}

function usage(text: string): HeddleError {
  return new HeddleError('usage', text);
}
