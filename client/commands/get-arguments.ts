// The arguments of a plain `heddle get KEY …`, read without the library that reads all others: loading that takes longer
// than fetching a small object. Understands what is usual and nothing else; whatever is unusual, missing or wrong, it leaves
// to program.ts, which would have read the usual just the same.
import { isUrl } from '../mirrors.ts';
import type { GetFlags } from './get-frame.ts';

/** What was asked for. */
export type GetArguments = { readonly key: string; readonly flags: GetFlags };

type ValueName = Exclude<
  { [Name in keyof GetFlags]-?: GetFlags[Name] extends string | undefined ? Name : never }[keyof GetFlags],
  undefined
>;

/** Options followed by a value, of which the last counts. */
const VALUES: Readonly<Record<string, ValueName>> = {
  '-o': 'output',
  '--output': 'output',
  '--root': 'root',
  '--checksum': 'checksum',
  '--origin-key': 'originKey',
  '--token-file': 'tokenFile',
  '--range': 'range',
  '--max-rate': 'maxRate',
  '--if-changed': 'ifChanged',
  '--segment': 'segment',
  '--log-level': 'logLevel',
  '--log-format': 'logFormat',
};
/** Options that stand alone, and what they say. */
const SWITCHES: Readonly<Record<string, Partial<GetFlags>>> = {
  '--json': { json: true },
  '--quiet': { quiet: true },
  '--no-memory': { memory: false },
};

/** Reads `args` (without program and script); undefined when they are not usual. */
export function readGetArguments(args: readonly string[]): GetArguments | undefined {
  const [command, ...rest] = args;
  if (command !== 'get') return undefined;
  const keys: string[] = [];
  const route: string[] = [];
  const said: Partial<Record<ValueName, string>> = {};
  const switched: Partial<GetFlags> = {};
  for (let at = 0; at < rest.length; at += 1) {
    const argument = rest[at] ?? '';
    const alone = Object.hasOwn(SWITCHES, argument) ? SWITCHES[argument] : undefined;
    if (alone !== undefined) Object.assign(switched, alone);
    else if (!argument.startsWith('-')) keys.push(argument);
    else {
      const option = optionOf(argument, rest[at + 1]);
      if (option === undefined) return undefined;
      if (option.name === 'route') route.push(option.value);
      else said[option.name] = option.value;
      if (!option.isJoined) at += 1;
    }
  }
  const [key] = keys;
  if (key === undefined || keys.length > 1 || isUrl(key)) return undefined;
  const routes = route.length === 0 ? {} : { route };
  return { key, flags: { output: '-', memory: true, ifChanged: 'fail', ...said, ...routes, ...switched } };
}

/** An option and its value: what follows the equals sign, or the next argument. */
function optionOf(
  argument: string,
  next: string | undefined,
): { readonly name: ValueName | 'route'; readonly value: string; readonly isJoined: boolean } | undefined {
  const equals = argument.indexOf('=');
  const isJoined = equals > 0 && argument.startsWith('--');
  const flag = isJoined ? argument.slice(0, equals) : argument;
  const name = flag === '--route' ? 'route' : Object.hasOwn(VALUES, flag) ? VALUES[flag] : undefined;
  const value = isJoined ? argument.slice(equals + 1) : next;
  if (name === undefined || value === undefined || value === '') return undefined;
  // a hyphen alone is standard output; anything else that begins with one may be an option whose value was forgotten
  if (!isJoined && value.startsWith('-') && value !== '-') return undefined;
  return { name, value, isJoined };
}
