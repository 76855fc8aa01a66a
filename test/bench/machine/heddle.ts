// Heddle as a user starts it: this checkout's command line, run by the runtime that runs the bench.
import { resolve } from 'node:path';

const CLI = resolve(import.meta.dirname, '../../../client/cli.ts');

/** Starts the commands of one checkout. */
export type Heddle = (...args: readonly string[]) => string[];

/** The command line of this checkout, or of another one's `cli`. */
export function heddleProgram(cli: string = CLI): Heddle {
  return (...args) => [process.execPath, resolve(cli), ...args];
}
