// `heddle completion`: prints what makes a shell complete the program's commands, flags and files. Made from the command
// line's own description, so that it never lags behind it.
import type { Command } from 'commander';
import { exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { zshCompletion } from './completion-zsh.ts';
import { commandWords } from './command-words.ts';
import type { CommandWords } from './command-words.ts';
import { complain } from './terminal.ts';

const SHELLS: ReadonlyMap<string, (commands: readonly CommandWords[]) => string> = new Map([
  ['bash', bashCompletion],
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
]);

/** Runs the command; returns the exit code. */
export function completion(shell: string, program: Command): number {
  const script = SHELLS.get(shell);
  if (script === undefined) {
    complain(
      new HeddleError('usage', `there are completions for ${[...SHELLS.keys()].join(', ')}, not for "${shell}"`),
    );
    return exitCodeOf('usage');
  }
  process.stdout.write(script(commandWords(program)));
  return 0;
}
