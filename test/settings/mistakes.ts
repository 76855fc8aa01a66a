// Reads a text as a role's configuration and gives what it says, or the one line that is said about it.
import { expect } from 'vitest';
import { HeddleError } from '../../protocol/errors.ts';
import type { SettingsTable } from '../../settings/setting.ts';
import { settingsIn } from '../../settings/settings-file.ts';

/** The values in `yaml`, a file in the folder /etc/heddle, by `table`; or the message about its first mistake. */
export function read<Values extends object>(yaml: string, table: SettingsTable<Values>): Values | string {
  try {
    return settingsIn(yaml, '/etc/heddle/FILE', table).values;
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    expect(error.code).toBe('bad-configuration');
    // one line, with a place, a fault and what to do about it
    expect(error.message).toMatch(
      /^\/etc\/heddle\/FILE:[1-9]\d*:[1-9]\d*: [^\n]+(; (write|did you mean) [^\n]+|: merge keys[^\n]+)$/,
    );
    return error.message.replace('/etc/heddle/', '');
  }
}
