// The token that opens the control interface: from a file that only its owner can read, or made anew; and its comparison,
// which takes the same time whatever is guessed.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HeddleError } from '../../protocol/errors.ts';
import { systemReason } from '../../protocol/system-words.ts';

const TOKEN_BYTES = 32;
/** A shorter one could be guessed. */
const WRITTEN = /^[\x21-\x7e]{16,4096}$/;
const OTHERS = 0o077;

/** A token that nobody knows yet. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** The token in `file`, which is made (mode 0600) when it is not there. Throws `bad-configuration` or `local-io`. */
export async function tokenOf(file: string): Promise<string> {
  return (await read(file)) ?? (await make(file));
}

/** Whether an Authorization header carries `token`. */
export function carries(authorization: string | undefined, token: string): boolean {
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function read(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file);
    if ((mode & OTHERS) !== 0) throw wrong(`${file} can be read by others; run: chmod 600 ${file}`);
    const token = (await readFile(file, 'utf8')).trim();
    if (WRITTEN.test(token)) return token;
    throw wrong(`${file} holds no token of at least 16 characters without blanks; delete it to have one made`);
  } catch (error) {
    if (error instanceof HeddleError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HeddleError('local-io', `cannot read ${file}: ${systemReason(error)}`, { cause: error });
  }
}

/** Whole or not at all, and never in the place of one that another process made meanwhile. */
async function make(file: string): Promise<string> {
  const token = newToken();
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(draft, `${token}\n`, { flag: 'wx', mode: 0o600 });
    await link(draft, file);
    return token;
  } catch (error) {
    const others = (error as NodeJS.ErrnoException).code === 'EEXIST' ? await read(file) : undefined;
    if (others !== undefined) return others;
    throw new HeddleError('local-io', `cannot write ${file}: ${systemReason(error)}`, { cause: error });
  } finally {
    await rm(draft, { force: true });
  }
}

function wrong(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
