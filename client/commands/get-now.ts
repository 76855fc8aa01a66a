// `heddle get` as it is mostly asked for, by way of what such a transfer needs and nothing else: the published build makes
// one file of this module and all it imports (bundle.mjs). What it cannot do, program.ts does.
import { speaksOf } from '../../protocol/settings/environment.ts';
import type { EarlyDials } from '../io/dial.ts';
import { readGetArguments } from './get-arguments.ts';
import type { GetArguments } from './get-arguments.ts';
import { get } from './get.ts';
import { failed, outliveReaders } from './terminal.ts';

/**
 * Fetches what `args` ask for and sets the exit code; true when nothing that was said is still on its way. Undefined, and
 * nothing has happened, when they are not of the usual kind.
 */
export function getNow(args: readonly string[], early: EarlyDials): Promise<boolean> | undefined {
  const understood = speaksOf('client', process.env) ? undefined : readGetArguments(args);
  return understood === undefined ? undefined : fetch(understood, early);
}

async function fetch({ key, flags }: GetArguments, early: EarlyDials): Promise<boolean> {
  // opening the standard streams takes 2 ms, and where nothing is to be said they are not used
  const isSilent = flags.quiet === true && flags.json !== true && flags.output !== '-';
  if (!isSilent) outliveReaders();
  try {
    process.exitCode = await get(key, flags, early);
  } catch (error) {
    process.exitCode = failed(error);
  } finally {
    early[Symbol.dispose]();
  }
  const saidNothing = isSilent && process.exitCode === 0;
  return saidNothing || [process.stdout, process.stderr].every(({ writableLength }) => writableLength === 0);
}
