// Heddle as a user starts it: the command line that is published, run by the runtime that runs the bench.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const CHECKOUT = resolve(import.meta.dirname, '../../..');

/** Starts the commands of one checkout or build. */
export type Heddle = (...args: readonly string[]) => string[];

/** The command line at `cli`; left out, what `npm run build` makes of this checkout now. */
export function heddleProgram(cli?: string): Heddle {
  const file = cli === undefined ? build() : resolve(cli);
  return (...args) => [process.execPath, file, ...args];
}

/** A checkout strips types at each start, which takes a tenth of a second more than what is installed. */
function build(): string {
  const { status, stdout, stderr, error } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: CHECKOUT,
    encoding: 'utf8',
  });
  if (status !== 0) {
    const why = error?.message ?? `${stdout}${stderr}`.trim();
    throw new Error(`npm run build failed, of which the bench wants the result (or give --cli): ${why}`);
  }
  return join(CHECKOUT, 'dist/client/cli.js');
}
