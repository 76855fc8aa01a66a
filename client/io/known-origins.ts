// The keys of origins met before, as ssh remembers hosts: one line each, `<name> ed25519 <x of the JWK>`. Lines are only
// ever added, each by one write of its own, so that processes that run at once lose none; the first for a name counts.
// What a changed key means is the identity's business.
import { mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { HeddleError } from '../../protocol/errors.ts';
import { systemReason } from '../../protocol/system-words.ts';
import { OutputFile } from './output-file.ts';

/** A remembered key and where it stands: `FILE:LINE`. */
export type KnownKey = { readonly key: string; readonly place: string };

/** Remembered keys by the name of their origin. */
export type KnownOrigins = {
  keyOf(origin: string): KnownKey | undefined;
  /** Remembers keys of origins that are not known yet. Throws `local-io`. */
  add(keys: readonly { readonly name: string; readonly key: string }[]): Promise<void>;
};

const LINE = /^(\S+) ed25519 ([\w-]{43})$/;

/** `$XDG_STATE_HOME/heddle/known_origins`, by default below ~/.local/state. */
export function knownOriginsPath(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const { XDG_STATE_HOME: state = '' } = env;
  return join(isAbsolute(state) ? state : join(homedir(), '.local/state'), 'heddle/known_origins');
}

/** The name of the origin behind a route that nobody named: its final host, or how to get there from the first relay. */
export function originNameOf(baseUrl: URL): string {
  return baseUrl.host + baseUrl.pathname.replace(/\/+$/, '');
}

/**
 * Reads `file`; one that is not there knows nobody. Throws `local-io` when it cannot be read. `alone`: the process does
 * nothing else.
 */
export function readKnownOrigins(file: string, alone = false): KnownOrigins {
  const known = new Map<string, KnownKey>();
  const take = (text: string): void => {
    for (const [at, line] of text.split('\n').entries()) {
      const [, name, key] = LINE.exec(line.trimEnd()) ?? [];
      if (name === undefined || key === undefined || known.has(name)) continue;
      known.set(name, { key, place: `${file}:${at + 1}` });
    }
  };
  take(textOf(file));
  return {
    keyOf: (origin) => known.get(origin),
    async add(keys) {
      if (keys.length === 0) return;
      // others may have added the same meanwhile
      const text = textOf(file);
      take(text);
      const lines = keys.filter(({ name }) => !known.has(name)).map(({ name, key }) => `${name} ed25519 ${key}\n`);
      if (lines.length === 0) return;
      await append(file, (text === '' || text.endsWith('\n') ? '' : '\n') + lines.join(''), alone);
    },
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    throw new HeddleError('local-io', `cannot read ${file}: ${systemReason(error)}`, { cause: error });
  }
}

async function append(file: string, lines: string, alone: boolean): Promise<void> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    await using written = new OutputFile(openSync(file, 'a', 0o600), alone);
    writeSync(written.fd, lines);
    await written.sync();
  } catch (error) {
    throw new HeddleError('local-io', `cannot remember keys in ${file}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}
