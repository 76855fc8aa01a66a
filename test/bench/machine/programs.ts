// Which programs this machine has, and how to get those it has not (Debian packages, only when asked for). A program
// that is missing is reported, never an error.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs the benches know how to use, with the Debian package each comes in. */
export const PACKAGES = {
  'apt-get': 'apt',
  aria2c: 'aria2',
  bash: 'bash',
  cc: 'gcc',
  curl: 'curl',
  dd: 'coreutils',
  haproxy: 'haproxy',
  ip: 'iproute2',
  mkfifo: 'coreutils',
  nginx: 'nginx-light',
  openssl: 'openssl',
  sha256sum: 'coreutils',
} as const;

/** A program the benches know. */
export type ProgramName = keyof typeof PACKAGES;

/** Says no to every service that a package wants to start. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY = '#!/bin/sh\nexit 101\n';

/** Path of a program; servers often live where only root looks. */
export function findProgram(name: ProgramName): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  return folders
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** The programs of `names` that are not there. */
export function missingPrograms(names: readonly ProgramName[]): ProgramName[] {
  return names.filter((name) => findProgram(name) === undefined);
}

/** Installs what is missing where that is possible, and says what happened in a line for people. */
export function installMissing(names: readonly ProgramName[]): string {
  const packages = missingPrograms(names).map((name) => PACKAGES[name]);
  if (packages.length === 0) return 'every peer is there';
  const installer = findProgram('apt-get');
  if (installer === undefined) return `cannot install ${packages.join(', ')}: there is no apt-get`;
  if (process.getuid?.() !== 0) return `not root: cannot install ${packages.join(', ')}`;
  const quiet = !existsSync(POLICY_FILE);
  if (quiet) writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const argv = ['install', '--yes', '--no-install-recommends', ...packages];
    const { status } = spawnSync(installer, argv, { env, stdio: 'ignore' });
    return status === 0 ? `installed ${packages.join(', ')}` : `apt-get could not install ${packages.join(', ')}`;
  } finally {
    if (quiet) rmSync(POLICY_FILE, { force: true });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
