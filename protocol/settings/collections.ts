// The kinds of settings that hold others: groups with a table of their own, maps from names, lists. Owns what is said
// about keys: unknown, missing, in the wrong place.
import { nearest } from './nearest.ts';
import type {
  About,
  AnyTable,
  JsonSchema,
  Reading,
  Setting,
  SettingEntry,
  SettingNode,
  SettingsTable,
} from './setting.ts';

/** The settings of `table` below one key. */
export function group<Values extends object>(table: SettingsTable<Values>, about: About<Values>): Setting<Values> {
  const members = table as AnyTable;
  return {
    ...about,
    expects: `a mapping with ${firstKeys(members)}`,
    members,
    schema: tableSchema(members),
    read: (node, name, reading) => readTable(node, table, name, reading),
    show: (values) => showTable(values, table),
  };
}

/** A mapping from names that match `key` to values of one kind. */
export function mapOf<Value>(
  row: Setting<Value>,
  about: About<Readonly<Record<string, Value>>> & { key: RegExp; keyExpects: string },
): Setting<Readonly<Record<string, Value>>> {
  const { key, keyExpects } = about;
  return {
    ...about,
    expects: `a mapping from names to values, each ${row.expects}`,
    schema: { type: 'object', propertyNames: { pattern: key.source }, additionalProperties: row.schema },
    read: (node, name, reading) => {
      if (node.type !== 'map') return reading.unexpected(node, name, `name: value, each value ${row.expects}`);
      const values = node.entries.map((entry) => {
        reading.places.set(pathTo(name, entry.key), entry.place);
        if (!key.test(entry.key))
          return reading.fault(entry.place, `the name "${entry.key}" in "${name}" is not allowed; write ${keyExpects}`);
        return [entry.key, row.read(entry.value, pathTo(name, entry.key), reading)];
      });
      return Object.fromEntries(values.filter((pair) => pair?.[1] !== undefined) as [string, Value][]);
    },
    show: (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, row.show(value)])),
  };
}

/** A list of values of one kind. */
export function listOf<Value>(row: Setting<Value>, about: About<readonly Value[]>): Setting<readonly Value[]> {
  return {
    ...about,
    expects: 'a list',
    schema: { type: 'array', items: row.schema },
    read: (node, name, reading) => {
      if (node.type !== 'list')
        return reading.unexpected(node, name, `a list: each item behind "- " is ${row.expects}`);
      const values = node.items.map((item, at) => {
        reading.places.set(`${name}[${at}]`, item.place);
        return row.read(item, `${name}[${at}]`, reading);
      });
      return values.filter((value) => value !== undefined);
    },
    show: (values) => values.map((value) => row.show(value)),
  };
}

/** One value or a list of them; always a list to the reader. */
export function oneOrMore<Value>(row: Setting<Value>, about: About<readonly Value[]>): Setting<readonly Value[]> {
  const list = listOf(row, about);
  return {
    ...about,
    expects: `${row.expects}, or a list of those`,
    schema: { anyOf: [row.schema, { ...list.schema, minItems: 1 }] },
    read: (node, name, reading) => {
      if (node.type === 'list' && node.items.length > 0) return list.read(node, name, reading);
      const value = row.read(node, name, reading);
      return value === undefined ? undefined : [value];
    },
    show: (values) => (values.length === 1 ? row.show(values[0] as Value) : list.show(values)),
  };
}

/** The values of a mapping whose keys are those of `table`. `name` is empty for a whole file. */
export function readTable<Values extends object>(
  node: SettingNode,
  table: SettingsTable<Values>,
  name: string,
  reading: Reading,
): Values | undefined {
  const rows = table as AnyTable;
  if (node.type !== 'map') return reading.unexpected(node, name, `a mapping with ${firstKeys(rows)}`);
  const values: Record<string, unknown> = {};
  let unknown = false;
  for (const entry of node.entries) {
    const row = Object.hasOwn(rows, entry.key) ? rows[entry.key] : undefined;
    if (row === undefined) {
      unknown = true;
      reading.fault(entry.place, unknownKey(entry, rows, name));
      continue;
    }
    const path = pathTo(name, entry.key);
    reading.places.set(path, entry.place);
    const value = row.read(entry.value, path, reading);
    if (value !== undefined) values[entry.key] = value;
  }
  // what seems to be missing is most likely what was spelled wrong
  if (unknown) return values as Values;
  const given = new Set(node.entries.map(({ key }) => key));
  for (const [key, { required, expects }] of Object.entries(rows)) {
    if (required === true && !given.has(key)) {
      reading.fault(
        node.place,
        `${name === '' ? 'the file' : `"${name}"`} has no "${key}"; write ${key}: and ${expects}`,
      );
    }
  }
  return values as Values;
}

/** The values as they would be written in a file. */
function showTable<Values extends object>(values: Values, table: SettingsTable<Values>): Record<string, unknown> {
  const rows = table as AnyTable;
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, rows[key]?.show(value)]),
  );
}

/** The JSON Schema of a mapping whose keys are those of `table`. */
export function tableSchema(table: AnyTable): JsonSchema {
  const rows = Object.entries(table);
  const properties = rows.map(([key, row]) => {
    const initial = row.initial === undefined ? {} : { default: row.show(row.initial) };
    return [key, { description: `${row.why}; write ${row.expects}`, ...initial, ...row.schema }];
  });
  const required = rows.filter(([, row]) => row.required === true).map(([key]) => key);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
  };
}

/** Keys that a message names. */
const MOST_NAMED = 12;

function unknownKey({ key: written }: SettingEntry, table: AnyTable, name: string): string {
  const key = written.replaceAll(/\p{Cc}/gu, ' ');
  const here = `"${key}" is not known ${name === '' ? 'here' : `in "${name}"`}`;
  if (key === '<<') return `${here}: merge keys are not read; write the values out`;
  const known = Object.keys(table);
  const close = nearest(key, known);
  if (close !== undefined) return `${here}; did you mean "${close}"?`;
  for (const [outer, { members }] of Object.entries(table)) {
    const inner = nearest(key, Object.keys(members ?? {}));
    if (inner !== undefined) return `${here}; did you mean "${inner}" in "${outer}"?`;
  }
  const more = known.length <= MOST_NAMED ? '' : ` or one of ${known.length - MOST_NAMED} more`;
  return `${here}; write ${known.slice(0, MOST_NAMED).join(', ')}${more}`;
}

/** The keys that a mapping must have, or some that it may have. */
function firstKeys(table: AnyTable): string {
  const keys = Object.keys(table);
  const required = keys.filter((key) => table[key]?.required === true);
  return (required.length > 0 ? required : keys.slice(0, 3)).join(', ');
}

function pathTo(name: string, key: string): string {
  return name === '' ? key : `${name}.${key}`;
}
