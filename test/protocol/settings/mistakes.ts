// Reads a text as a role's configuration and gives what it says, or the one line that is said about it.
import { expect } from 'vitest';
import type { SettingsTable } from '../../../protocol/settings/setting.ts';
import { checkText } from '../../../protocol/settings/settings-file.ts';

/** The values in `yaml`, a file in the folder /etc/heddle, by `table`; or the message about its first mistake. */
export function read<Values extends object>(yaml: string, table: SettingsTable<Values>): Values | string {
  const { values, faults } = checkText(yaml, '/etc/heddle/FILE', table);
  const [first] = faults;
  if (first === undefined) return values as Values;
  const message = `FILE:${first.place.line}:${first.place.column}: ${first.text}`;
  // one line, with a place, a fault and what to do about it
  expect(message).toMatch(/^FILE:[1-9]\d*:[1-9]\d*: [^\n]+(; (write|did you mean) [^\n]+|: merge keys[^\n]+)$/);
  return message;
}
