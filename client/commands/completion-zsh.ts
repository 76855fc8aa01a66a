// The completions for zsh: one function per command, made of _arguments. Works as a file named _heddle in fpath, and sourced.
import type { CommandWords, FlagWords, Values } from './command-words.ts';

/** A script for fpath, or to be sourced behind compinit. */
export function zshCompletion(commands: readonly CommandWords[]): string {
  return `#compdef heddle
# zsh completion for heddle. Into a folder of fpath: heddle completion zsh > _heddle
${commands.toReversed().map(commandFunction).join('\n')}
if [[ "\${funcstack[1]}" == _heddle ]]; then _heddle "$@"; else compdef _heddle heddle; fi
`;
}

function commandFunction({ path, commands, flags, argument }: CommandWords): string {
  const name = functionOf(path);
  const specs = flags.flatMap(flagSpec);
  if (commands.length === 0) {
    const place = argument === undefined ? [] : [quoted(`*:value:${action(argument)}`)];
    return `${name}() {\n  _arguments ${[...specs, ...place].join(' \\\n    ')}\n}\n`;
  }
  const named = commands.map(({ name: word, description }) => quoted(`${word}:${description.replaceAll(':', '\\:')}`));
  const known = commands.filter(({ name: word }) => word !== 'help');
  return `${name}() {
  local curcontext="$curcontext" state line
  local -a known
  _arguments -C ${specs.join(' \\\n    ')} \\
    '1: :->command' '*:: :->rest'
  case $state in
    command)
      known=(${named.join(' ')})
      _describe command known ;;
    rest)
      case $line[1] in
${known.map(({ name: word }) => `        ${word}) ${functionOf([...path, word])} ;;`).join('\n')}
      esac ;;
  esac
}
`;
}

function flagSpec({ short, long, description, values, mayRepeat }: FlagWords): string[] {
  const names = [short, long].filter((name) => name !== undefined);
  const told = `[${description.replaceAll(/[[\]\\:]/g, String.raw`\$&`)}]`;
  const value = values === undefined ? '' : `:value:${action(values)}`;
  return names.map((name) => {
    const others = mayRepeat ? '*' : names.length > 1 ? `(${names.join(' ')})` : '';
    // with a value behind it as its own word or behind =
    const spelled = values !== undefined && name.startsWith('--') ? `${name}=` : name;
    return quoted(`${others}${spelled}${told}${value}`);
  });
}

function action(values: Values): string {
  switch (values.type) {
    case 'files':
      return '_files';
    case 'folders':
      return '_files -/';
    case 'words':
      return `(${values.words.join(' ')})`;
    case 'anything':
      return ' ';
    default:
      return values satisfies never;
  }
}

function functionOf(path: readonly string[]): string {
  return ['_heddle', ...path].join('_');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
