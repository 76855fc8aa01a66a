// A configuration file from its path to checked values. Every mistake is one line: FILE:LINE:COLUMN: what is wrong; what
// to write. What the settings are is the table's business, what they do the role's.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { HeddleError } from '../protocol/errors.ts';
import { readTable } from './collections.ts';
import { Reading } from './setting.ts';
import type { Fault, Place, SettingsTable } from './setting.ts';
import { parseYamlText } from './yaml-text.ts';

/** What a file says. */
export type SettingsFile<Values> = {
  /** The path as it was given. */
  readonly path: string;
  /** Only what the file holds: defaults are the role's. */
  readonly values: Values;
  /** The error that says `text` at the setting `name` (a path such as `limits.maxSessions`), or at the file's beginning. */
  wrong(name: string, text: string): HeddleError;
};

/** Largest file that is read, bytes. */
const MOST_BYTES = 1_048_576;

/** Reads `path` by `table`. Throws `bad-configuration` with the first mistake in one line. */
export async function readSettingsFile<Values extends object>(
  path: string,
  table: SettingsTable<Values>,
): Promise<SettingsFile<Values>> {
  return settingsIn(await textOf(path), path, table);
}

/** All mistakes of the file, one line each, in the order of their places. */
export async function mistakesIn<Values extends object>(path: string, table: SettingsTable<Values>): Promise<string[]> {
  const { faults } = check(await textOf(path), path, table);
  return faults.map((fault) => lineOf(path, fault));
}

/** Reads `yaml`, which came from `path`, by `table`. Throws `bad-configuration`. */
export function settingsIn<Values extends object>(
  yaml: string,
  path: string,
  table: SettingsTable<Values>,
): SettingsFile<Values> {
  const { values, faults, places } = check(yaml, path, table);
  const [first] = faults;
  if (first !== undefined || values === undefined)
    throw wrong(lineOf(path, first ?? { place: START, text: 'is empty' }));
  return { path, values, wrong: (name, text) => wrong(lineOf(path, { place: placeOf(name, places), text })) };
}

const START: Place = { line: 1, column: 1 };

function check<Values extends object>(
  text: string,
  path: string,
  table: SettingsTable<Values>,
): { values: Values | undefined; faults: Fault[]; places: ReadonlyMap<string, Place> } {
  const reading = new Reading(dirname(resolve(path)));
  const root = parseYamlText(text);
  let values: Values | undefined;
  const some = Object.keys(table).slice(0, 3).join(', ');
  if ('text' in root && !('type' in root)) reading.faults.push(root);
  else if (root.type === 'scalar' && root.value === null) {
    reading.fault(START, `the file is empty; write settings such as ${some}, each as "key: value"`);
  } else if (root.type === 'scalar' && /^[\w-]+:\S/.test(root.text)) {
    reading.fault(root.place, 'there is no space behind the colon; write "key: value"');
  } else if (root.type !== 'map') {
    reading.fault(root.place, `the file is not a mapping; write settings such as ${some}, each as "key: value"`);
  } else values = readTable(root, table, '', reading);
  const faults = reading.faults.toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  return { values, faults, places: reading.places };
}

async function textOf(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new HeddleError('bad-configuration', `cannot read ${path}: ${REASONS[code] ?? code}`, { cause });
  }
  if (bytes.length > MOST_BYTES)
    throw wrong(`${path}:1:1: the file is larger than ${MOST_BYTES} bytes; write a shorter one`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw wrong(`${path}:${lineOfBadByte(bytes)}:1: this line is not UTF-8; write the file in UTF-8`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; give the path of a YAML file',
  EACCES: 'it may not be read by this user; change its owner or mode',
  EISDIR: 'it is a folder; give the path of a YAML file',
  ENOTDIR: 'a part of the path is no folder; give the path of a YAML file',
  ELOOP: 'its links go round in circles; give the path of a YAML file',
};

function lineOfBadByte(bytes: Uint8Array): number {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, start);
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end < 0 ? undefined : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    line += 1;
    start = end + 1;
  }
}

/** The place of `name` or of the nearest setting around it. */
function placeOf(name: string, places: ReadonlyMap<string, Place>): Place {
  for (let path = name; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
    const place = places.get(path);
    if (place !== undefined) return place;
  }
  return START;
}

function lineOf(path: string, { place, text }: Fault): string {
  return `${path}:${place.line}:${place.column}: ${text}`;
}

function wrong(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
