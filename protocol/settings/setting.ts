// What a setting is: a row of a role's table that reads one value of a configuration file, says what it expects, and
// describes itself to a JSON Schema. Knows neither YAML nor files; the kinds of settings are in text.ts, amount.ts and
// collections.ts.
import { withoutPasswords } from '../errors.ts';

/** Where something stands in a file; both count from 1. */
export type Place = { readonly line: number; readonly column: number };

/** A value as it was written. */
export type SettingNode =
  | {
      readonly type: 'scalar';
      readonly place: Place;
      readonly value: string | number | boolean | null;
      /** As written, without quotes. */
      readonly text: string;
    }
  | { readonly type: 'list'; readonly place: Place; readonly items: readonly SettingNode[] }
  | { readonly type: 'map'; readonly place: Place; readonly entries: readonly SettingEntry[] };

/** `key: value`, with the place of the key. */
export type SettingEntry = { readonly key: string; readonly place: Place; readonly value: SettingNode };

/** A draft-07 JSON Schema. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** One row of a table. Made by the functions that bear the names of its kinds. */
export type Setting<Value> = {
  /** What to write, as the end of the sentence "write …". */
  readonly expects: string;
  /** What it is for, in one clause. */
  readonly why: string;
  /** The value that counts when none is given. */
  readonly initial?: Value | undefined;
  /** Must be given wherever the group it belongs to is. */
  readonly required?: boolean | undefined;
  /** Its value is never shown. */
  readonly secret?: boolean | undefined;
  /** The rows of a group. */
  readonly members?: AnyTable | undefined;
  readonly schema: JsonSchema;
  /** The value of `node`; undefined, with the fault reported, when it is none. `name` is the path to the setting. */
  read(node: SettingNode, name: string, reading: Reading): Value | undefined;
  /** The value as it would be written in a file. */
  show(value: Value): unknown;
};

/** The settings of a group or a whole file whose value is `Values`: one row for each of its keys. */
export type SettingsTable<Values> = {
  readonly [Key in keyof Values]-?: Setting<Exclude<Values[Key], undefined>>;
};

/** Any table, for those who only walk over it. */
export type AnyTable = Readonly<Record<string, Setting<unknown>>>;

/** What every row is given besides its kind. */
export type About<Value> = {
  readonly why: string;
  readonly initial?: Value | undefined;
  readonly required?: boolean;
};

/** A mistake, and where it is. */
export type Fault = { readonly place: Place; readonly text: string };

/** One reading of a file: its faults, and where each setting was found. */
export class Reading {
  /** Relative paths in the file begin here. */
  readonly folder: string;
  readonly faults: Fault[] = [];
  readonly places: Map<string, Place> = new Map();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Reports that `node`, the setting `name`, is not what its row expects. */
  unexpected(node: SettingNode, name: string, expects: string): undefined {
    return this.fault(node.place, `"${name}" ${describe(node)}; write ${expects}`);
  }

  fault(place: Place, text: string): undefined {
    this.faults.push({ place, text: withoutPasswords(text) });
    return undefined;
  }
}

const MOST_SHOWN = 60;

function describe(node: SettingNode): string {
  if (node.type !== 'scalar') return `is a ${node.type}`;
  if (node.value === null) return 'has no value';
  const text = node.text.replaceAll(/\p{Cc}/gu, ' ');
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return `cannot be ${typeof node.value === 'string' ? `"${shown}"` : shown}`;
}
