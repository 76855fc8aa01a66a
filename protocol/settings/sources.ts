// What a configuration file and the environment say together, checked by a role's table: the environment wins. Every
// mistake is one line: FILE:LINE:COLUMN: what is wrong; what to write. What it means is the role's business.
import { HeddleError } from '../errors.ts';
import { variablesOf } from './environment.ts';
import type { Environment, Role, Variable } from './environment.ts';
import { Reading } from './setting.ts';
import type { AnyTable, Setting, SettingNode, SettingsTable } from './setting.ts';
import { checkText, readText, START } from './settings-file.ts';
import type { CheckedText } from './settings-file.ts';
import { parseYamlText } from './yaml-text.ts';

/** What was said of a role's settings, and where. */
export type Sources<Values> = {
  /** Only what was said: defaults are the role's. */
  readonly values: Values;
  /** Where the setting at a path such as `limits.maxSessions` was said: a place in the file or a variable. */
  placeOf(name: string): string | undefined;
  /** The error that says `text` of the setting `name`, or of the whole when it was not given. */
  wrong(name: string, text: string): HeddleError;
};

/** Where to look. */
export type Places = { readonly file: string | undefined; readonly role: Role; readonly environment: Environment };

/** Reads what file and environment say. Throws `bad-configuration` with the first mistake. */
export async function readSources<Values extends object>(
  places: Places,
  table: SettingsTable<Values>,
): Promise<Sources<Values>> {
  const { sources, mistakes } = await checkSources(places, table);
  const [first] = mistakes;
  if (first !== undefined) throw bad(first);
  return sources;
}

/** The same, with all mistakes, one line each. A file that cannot be read throws `bad-configuration`. */
export async function checkSources<Values extends object>(
  { file, role, environment }: Places,
  table: SettingsTable<Values>,
): Promise<{ sources: Sources<Values>; mistakes: string[] }> {
  const checked: CheckedText<Values> =
    file === undefined
      ? { values: {} as Values, faults: [], places: new Map() }
      : checkText(await readText(file), file, table);
  const at = ({ line, column } = START): string => `${file}:${line}:${column}`;
  const mistakes = checked.faults.map(({ place, text }) => `${at(place)}: ${text}`);
  const said = new Map([...checked.places].map(([name, place]) => [name, at(place)]));
  let values = checked.values ?? ({} as Values);
  for (const variable of variablesOf(role, environment, table)) {
    if (typeof variable === 'string') {
      mistakes.push(variable);
      continue;
    }
    const { value, fault } = readVariable(variable, table);
    if (fault !== undefined) mistakes.push(`${variable.name}: ${fault}`);
    else values = placed(values, variable.path, value) as Values;
    said.set(variable.path.join('.'), variable.name);
  }
  const whole = file === undefined ? '' : `${at()}: `;
  const placeOf = (name: string): string | undefined => nearestPlace(name, said);
  return {
    sources: {
      values,
      placeOf,
      wrong: (name, text) => {
        const place = placeOf(name);
        return bad(`${place === undefined ? whole : `${place}: `}${text}`);
      },
    },
    mistakes,
  };
}

function readVariable({ value, path }: Variable, table: AnyTable): { value?: unknown; fault?: string | undefined } {
  const row = rowAt(table, path);
  const isText = row.schema['type'] === 'string';
  const node: SettingNode | { text: string } = isText
    ? { type: 'scalar', place: START, value, text: value }
    : parseYamlText(value);
  if (!('type' in node)) return { fault: node.text };
  const reading = new Reading(process.cwd());
  const read = row.read(node, path.join('.'), reading);
  return { value: read, fault: reading.faults[0]?.text };
}

function rowAt(table: AnyTable, path: readonly string[]): Setting<unknown> {
  const [key = '', ...rest] = path;
  const row = table[key];
  if (row === undefined) throw new HeddleError('internal', `no setting ${path.join('.')}`);
  return rest.length === 0 ? row : rowAt(row.members ?? {}, rest);
}

/** `values` with `value` at `path`; a group keeps its other members. */
function placed(values: object, [key = '', ...rest]: readonly string[], value: unknown): object {
  const before = (values as Record<string, unknown>)[key];
  const inner = typeof before === 'object' && before !== null ? before : {};
  return { ...values, [key]: rest.length === 0 ? value : placed(inner, rest, value) };
}

/** The place of `name` or of the nearest setting around it. */
function nearestPlace(name: string, said: ReadonlyMap<string, string>): string | undefined {
  for (let path = name; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
    const place = said.get(path);
    if (place !== undefined) return place;
  }
  return undefined;
}

function bad(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
