// The command line of the scripts that `npm run` starts for long runs: options by name, a usage that lists them, and for a
// mistake one line and exit code 2. `heddle` itself and the benches have their own.
import { parseArgs } from 'node:util';

/** What a script can be told: how the value is read, and what stands there when nothing is said. */
export type ScriptOption<Value> = {
  readonly says: string;
  /** How the value is written in the usage; a flag has none. */
  readonly value: string | undefined;
  readonly fallback: Value;
  /** The value of what was written (all of it, in its order); throws with what is wanted. */
  read(written: readonly string[]): Value;
};

/** The options of a script, by name. */
export type ScriptOptions = Readonly<Record<string, ScriptOption<unknown>>>;

type Values<Options extends ScriptOptions> = {
  readonly [Name in keyof Options]: Options[Name] extends ScriptOption<infer Value> ? Value : never;
};

const MISTAKE_EXIT = 2;
/** Characters of the words to choose from that stand in the usage. */
const MOST_LISTED = 40;

/** A whole number, `least` or more. */
export function whole(fallback: number, says: string, least: number = 0): ScriptOption<number> {
  return {
    says,
    value: 'N',
    fallback,
    read: (written) => {
      const value = Number(written.at(-1) || Number.NaN);
      if (!Number.isSafeInteger(value) || value < least) throw new Error(`a whole number, at least ${least}`);
      return value;
    },
  };
}

/** One of these words. */
export function oneOf<const Word extends string>(words: readonly Word[], says: string): ScriptOption<Word | undefined> {
  return {
    says,
    value: words.join('|').length > MOST_LISTED ? 'NAME' : words.join('|'),
    fallback: undefined,
    read: (written) => {
      const word = words.find((known) => known === written.at(-1));
      if (word === undefined) throw new Error(words.join(', '));
      return word;
    },
  };
}

/** Any text. */
export function anyText<Fallback extends string | undefined>(
  value: string,
  fallback: Fallback,
  says: string,
): ScriptOption<string | Fallback> {
  return { says, value, fallback, read: (written) => written.at(-1) ?? fallback };
}

/** Texts, the option given once for each. */
export function anyTexts(value: string, says: string): ScriptOption<readonly string[]> {
  return { says: `${says}; may be given more than once`, value, fallback: [], read: (written) => written };
}

/** Given or not. */
export function flag(says: string): ScriptOption<boolean> {
  return { says, value: undefined, fallback: false, read: () => true };
}

/** The options given to this process, which was started as `command`. Ends it when there is a mistake, or `--help`. */
export function readOptions<Options extends ScriptOptions>(command: string, options: Options): Values<Options> {
  const known = Object.entries(options).map(([name, { value }]) => {
    return [name, { type: value === undefined ? 'boolean' : 'string', multiple: true }] as const;
  });
  let given: Readonly<Record<string, unknown>>;
  try {
    given = parseArgs({ options: { ...Object.fromEntries(known), help: { type: 'boolean' } } }).values;
  } catch (error) {
    const [what = ''] = (error instanceof Error ? error.message : String(error)).split(/\.(?:\s|$)/);
    return endWithMistake(command, what);
  }
  if (given['help'] === true) {
    console.log(usageOf(command, options));
    process.exit(0);
  }
  const values = Object.entries(options).map(([name, option]) => [name, valueOf(command, name, option, given[name])]);
  return Object.fromEntries(values) as Values<Options>;
}

/** Says what is wrong in one line, and ends the process. */
export function endWithMistake(command: string, what: string): never {
  console.error(`${what}; see ${command} --help`);
  process.exit(MISTAKE_EXIT);
}

function valueOf(command: string, name: string, option: ScriptOption<unknown>, written: unknown): unknown {
  if (written === undefined) return option.fallback;
  try {
    return option.read((written as readonly unknown[]).map(String));
  } catch (error) {
    return endWithMistake(
      command,
      `--${name} ${String((written as readonly unknown[]).at(-1))}: give ${(error as Error).message}`,
    );
  }
}

function usageOf(command: string, options: ScriptOptions): string {
  const lines = Object.entries(options).map(([name, { value, says, fallback }]): [string, string] => {
    const usual = typeof fallback === 'number' || typeof fallback === 'string' ? ` (${fallback})` : '';
    return [`--${name}${value === undefined ? '' : ` ${value}`}`, `${says}${usual}`];
  });
  const width = Math.max(...lines.map(([left]) => left.length));
  return [`${command} [OPTION …]`, '', ...lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)].join('\n');
}
