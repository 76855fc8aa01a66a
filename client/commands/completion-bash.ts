// The completions for bash, from 3.2 on (macOS): one function that finds the command among the words, then offers what may
// stand where the cursor is.
import type { CommandWords, FlagWords, Values } from './command-words.ts';

/** A script to be sourced. */
export function bashCompletion(commands: readonly CommandWords[]): string {
  const paths = commands.filter(({ path }) => path.length > 0).map(({ path }) => quoted(wordsOf(path)));
  const values = commands.flatMap(({ path, flags }) => flags.flatMap((flag) => flagCase(path, flag)));
  return `# bash completion for heddle. In ~/.bashrc: source <(heddle completion bash)
_heddle_offer() {
  local each
  while IFS= read -r each; do COMPREPLY+=("$each"); done < <(compgen "$@")
}

_heddle_paths() {
  compopt -o filenames 2>/dev/null
  _heddle_offer "$@"
}

_heddle() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command='' at
  COMPREPLY=()
  # --flag=value is three words here
  if [[ $word == '=' ]]; then word=''
  elif [[ $before == '=' && COMP_CWORD -gt 1 ]]; then before="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "$command \${COMP_WORDS[at]}" in
      ${paths.join(' | ')}) command+=" \${COMP_WORDS[at]}" ;;
    esac
  done
  case "$command $before" in
${values.join('\n')}
  esac
  if [[ $word == -* ]]; then
    case "$command" in
${commands.map(flagsCase).join('\n')}
    esac
    return
  fi
  case "$command" in
${commands.map(placeCase).join('\n')}
  esac
}

complete -F _heddle heddle
`;
}

/** What is offered behind a flag. */
function flagCase(path: readonly string[], { short, long, values }: FlagWords): string[] {
  if (values === undefined) return [];
  const names = [short, long].filter((name) => name !== undefined);
  const patterns = names.map((name) => quoted(`${wordsOf(path)} ${name}`));
  return [`    ${patterns.join(' | ')}) ${offer(values)}return ;;`];
}

function flagsCase({ path, flags }: CommandWords): string {
  return `      ${quoted(wordsOf(path))}) ${offer({ type: 'words', words: namesOf(flags) })}:;;`;
}

/** What is offered where no flag is begun; nothing better known, the flags. */
function placeCase({ path, commands, flags, argument }: CommandWords): string {
  const names = commands.map(({ name }) => name);
  const isKnown = argument !== undefined && argument.type !== 'anything';
  const here: Values =
    names.length > 0 ? { type: 'words', words: names } : isKnown ? argument : { type: 'words', words: namesOf(flags) };
  return `    ${quoted(wordsOf(path))}) ${offer(here)}:;;`;
}

function offer(values: Values): string {
  switch (values.type) {
    case 'files':
      return '_heddle_paths -f -- "$word"; ';
    case 'folders':
      return '_heddle_paths -d -- "$word"; ';
    case 'words':
      return `_heddle_offer -W ${quoted(values.words.join(' '))} -- "$word"; `;
    case 'anything':
      return '';
    default:
      return values satisfies never;
  }
}

function namesOf(flags: readonly FlagWords[]): string[] {
  return flags.map(({ long }) => long);
}

function wordsOf(path: readonly string[]): string {
  return path.map((word) => ` ${word}`).join('');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
