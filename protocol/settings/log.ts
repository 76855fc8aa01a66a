// What a program says of itself on standard error: one line each, at a level, as text or as JSON for collectors. Flags win
// over HEDDLE_LOG_LEVEL and HEDDLE_LOG_FORMAT. What is on standard output (data, --json, "listening on") is no log.
import { HeddleError } from '../errors.ts';
import type { Environment } from './environment.ts';

/** The least first: each shows itself and those before it. */
const LEVELS = ['error', 'warning', 'info', 'debug'] as const;
type Level = (typeof LEVELS)[number];
const FORMATS = ['text', 'json'] as const;

/** The flags of commands that have a log. */
export type LogFlags = { readonly logLevel?: string | undefined; readonly logFormat?: string | undefined };

/** Says a line, if its level is shown. */
export type Say = (message: string) => void;

/** A log: error, what ends the program or a command; warning, what is wrong though it goes on; info, what it did. */
export type Log = {
  readonly error: Say;
  readonly warning: Say;
  readonly info: Say;
  /** Each connection; undefined where nobody wants to know, so that no line is made for nothing. */
  readonly debug: Say | undefined;
};

/** The log of `program`; `initial` is the level where nobody says one. Throws `usage` or `bad-configuration`. */
export function openLog(
  program: string,
  flags: LogFlags,
  environment: Environment,
  { initial = 'info', write = (line) => void process.stderr.write(line) }: LogOptions = {},
): Log {
  const level = chosen(LEVELS, '--log-level', flags.logLevel, environment, initial);
  const format = chosen(FORMATS, '--log-format', flags.logFormat, environment, 'text');
  const sayAt = (own: Level): Say | undefined =>
    LEVELS.indexOf(own) > LEVELS.indexOf(level)
      ? undefined
      : (message) => write(`${lineOf(program, own, message, format)}\n`);
  const silent: Say = () => {};
  return {
    error: sayAt('error') ?? silent,
    warning: sayAt('warning') ?? silent,
    info: sayAt('info') ?? silent,
    debug: sayAt('debug'),
  };
}

type LogOptions = { readonly initial?: Level; readonly write?: (line: string) => void };

function lineOf(program: string, level: Level, message: string, format: (typeof FORMATS)[number]): string {
  const text = message.replaceAll(/[\s\p{Cc}]+/gu, ' ');
  if (format === 'json') return JSON.stringify({ time: new Date().toISOString(), level, program, message: text });
  return `${program}: ${level === 'debug' ? 'debug: ' : ''}${text}`;
}

/** What the flag says, else its variable, else `initial`. */
function chosen<Word extends string>(
  words: readonly Word[],
  flag: string,
  said: string | undefined,
  environment: Environment,
  initial: Word,
): Word {
  const variable = `HEDDLE${flag.slice(1).replaceAll('-', '_').toUpperCase()}`;
  const wish = said ?? (environment[variable] || initial);
  const word = words.find((each) => each === wish);
  if (word !== undefined) return word;
  const [code, name] = said === undefined ? (['bad-configuration', variable] as const) : (['usage', flag] as const);
  throw new HeddleError(code, `${name} cannot be "${wish}"; write one of ${words.join(', ')}`);
}
