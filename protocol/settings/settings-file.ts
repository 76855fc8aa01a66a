// A configuration file from its path to its text, and from its text to values with places and all mistakes. What the
// settings are is the table's business; what file and environment say together is sources.ts.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { HeddleError } from '../errors.ts';
import { readTable } from './collections.ts';
import { Reading } from './setting.ts';
import type { Fault, Place, SettingsTable } from './setting.ts';
import { parseYamlText } from './yaml-text.ts';
import { systemReason } from '../system-words.ts';

/** Largest file that is read, bytes. */
const MOST_BYTES = 1_048_576;

/** What a text says by a table, with all its mistakes in the order of their places. */
export type CheckedText<Values> = {
  readonly values: Values | undefined;
  readonly faults: readonly Fault[];
  readonly places: ReadonlyMap<string, Place>;
};

/** The beginning of a file. */
export const START: Place = { line: 1, column: 1 };

/** Reads `text`, which came from the file `path`, by `table`. */
export function checkText<Values extends object>(
  text: string,
  path: string,
  table: SettingsTable<Values>,
): CheckedText<Values> {
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

/** The text of a file. Throws `bad-configuration` in one line. */
export async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw new HeddleError('bad-configuration', `cannot read ${path}: ${REASONS[code] ?? systemReason(cause)}`, {
      cause,
    });
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

function wrong(text: string): HeddleError {
  return new HeddleError('bad-configuration', text);
}
