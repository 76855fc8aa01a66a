// The programs in C that the bench brings along, compiled when they are first needed and kept in the system's temporary
// folder under the hash of their sources, so that a changed source is a new program.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, lstatSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../machine/programs.ts';

/** Flags and files of each program; headers count for the hash only. */
const PROGRAMS = {
  wanem: {
    flags: ['-O2', '-Wall', '-Wextra'],
    sources: ['wanem.c', 'lane.c', 'tunnel.c'],
    headers: ['lane.h', 'tunnel.h'],
  },
  'mptcp-preload.so': { flags: ['-O2', '-shared', '-fPIC'], sources: ['mptcp-preload.c'], headers: [] },
} as const;

/** Path of a program, compiled if it has to be. Throws what the compiler says. */
export function builtProgram(name: keyof typeof PROGRAMS): string {
  const { flags, sources, headers } = PROGRAMS[name];
  const compiler = findProgram('cc');
  if (compiler === undefined) throw new Error('there is no C compiler');
  const hash = createHash('sha256').update(JSON.stringify(flags));
  for (const file of [...sources, ...headers]) hash.update(readFileSync(join(import.meta.dirname, file)));
  const folder = cacheFolder();
  const program = join(folder, `${hash.digest('hex').slice(0, 16)}-${name}`);
  if (isThere(program)) return program;
  const fresh = `${program}.${process.pid}`;
  const files = sources.map((file) => join(import.meta.dirname, file));
  const { status, stderr } = spawnSync(compiler, [...flags, '-o', fresh, ...files], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the compiler refuses ${name}: ${stderr.trim().split('\n')[0]}`);
  renameSync(fresh, program);
  return program;
}

/** One per user, and refused when somebody else made it: what lies in it is run. */
function cacheFolder(): string {
  const user = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `heddle-bench-programs-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== user || (mode & 0o022) !== 0) throw new Error(`${folder} is not this user's alone`);
  return folder;
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
