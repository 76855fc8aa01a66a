// What can be typed behind the program's name, read off the command line's own description: for shell completions. Knows
// no shell.
import type { Command, Option } from 'commander';

/** What may stand in a place: names of files or folders, one of some words, or what no shell can know. */
export type Values =
  | { readonly type: 'files' | 'folders' | 'anything' }
  | { readonly type: 'words'; readonly words: readonly string[] };

/** A flag: all its spellings, and what must follow it, if anything must. */
export type FlagWords = {
  readonly short: string | undefined;
  readonly long: string;
  readonly description: string;
  readonly values: Values | undefined;
  readonly mayRepeat: boolean;
};

/** One command by its path: none, `get`, `config check`. */
export type CommandWords = {
  readonly path: readonly string[];
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly FlagWords[];
  readonly argument: Values | undefined;
};

/** `command` and all commands below it, itself first. */
export function commandWords(command: Command, path: readonly string[] = []): CommandWords[] {
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .map((each) => ({ name: each.name(), description: each.description() }));
  const [argument] = command.registeredArguments;
  const own: CommandWords = {
    path,
    commands,
    flags: help.visibleOptions(command).map(flagWords),
    argument: argument === undefined ? undefined : valuesOf(argument.name()),
  };
  return [own, ...command.commands.flatMap((each) => commandWords(each, [...path, each.name()]))];
}

function flagWords({ short, long = '', description, flags, required, parseArg }: Option): FlagWords {
  const [, placeholder = ''] = /<(.+)>/.exec(flags) ?? [];
  const values = required ? valuesOf(placeholder) : undefined;
  return { short, long, description, values, mayRepeat: parseArg !== undefined };
}

/** A placeholder says what it stands for: <file>, <dir>, <this|that>. */
function valuesOf(placeholder: string): Values {
  if (placeholder === 'file') return { type: 'files' };
  if (placeholder === 'dir') return { type: 'folders' };
  return placeholder.includes('|') ? { type: 'words', words: placeholder.split('|') } : { type: 'anything' };
}
