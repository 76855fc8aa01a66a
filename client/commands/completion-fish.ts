// The completions for fish: one line for each command and flag, with the condition under which it is offered.
import type { CommandWords, FlagWords, Values } from './command-words.ts';

/** A script for the folder of completions. */
export function fishCompletion(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap((command) => {
    const { path, flags, argument } = command;
    const here = conditionOf(path, []);
    const below = conditionOf(
      path,
      command.commands.map(({ name }) => name),
    );
    const place = argument === undefined ? '' : action(argument).replace(/^ -[rx]/, '');
    return [
      ...command.commands.map(({ name, description }) => line(below, ` -a ${name}`, description)),
      ...flags.map((flag) => line(path.length === 0 ? below : here, flagOf(flag), flag.description)),
      ...(place === '' ? [] : [`complete -c heddle -n ${here}${place}`]),
    ];
  });
  return `# fish completion for heddle: heddle completion fish > ~/.config/fish/completions/heddle.fish
complete -c heddle -f
${lines.join('\n')}
`;
}

function line(condition: string, what: string, description: string): string {
  return `complete -c heddle -n ${condition}${what} -d ${quoted(description)}`;
}

function flagOf({ short, long, values }: FlagWords): string {
  const letter = short === undefined ? '' : ` -s ${short.slice(1)}`;
  return `${letter} -l ${long.slice(2)}${values === undefined ? '' : action(values)}`;
}

function action(values: Values): string {
  switch (values.type) {
    case 'files':
      return ' -r -F';
    case 'folders':
      return " -x -a '(__fish_complete_directories)'";
    case 'words':
      return ` -x -a ${quoted(values.words.join(' '))}`;
    case 'anything':
      return ' -x';
    default:
      return values satisfies never;
  }
}

/** Behind all words of `path` and none of `others`. */
function conditionOf(path: readonly string[], others: readonly string[]): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const unseen = others.length === 0 ? [] : [`not __fish_seen_subcommand_from ${others.join(' ')}`];
  return quoted([...seen, ...unseen].join('; and ') || 'true');
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
