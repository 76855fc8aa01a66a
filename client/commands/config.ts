// `heddle config check` and `heddle config schema`: what a role makes of a file before it runs with it. Each role keeps
// its own table; it is loaded when it is asked about.
import { exitCodeOf, HeddleError } from '../../protocol/errors.ts';
import { tableSchema } from '../../protocol/settings/collections.ts';
import { effectiveSettings } from '../../protocol/settings/effective.ts';
import type { Role } from '../../protocol/settings/environment.ts';
import type { AnyTable, SettingsTable } from '../../protocol/settings/setting.ts';
import { checkSources } from '../../protocol/settings/sources.ts';
import type { Sources } from '../../protocol/settings/sources.ts';

export type CheckFlags = { readonly role: string; readonly effective?: boolean; readonly files?: boolean };

/** A role's table and what no single row can know. */
type Reader = {
  readonly table: AnyTable;
  check(sources: Sources<object>): void;
  /** Reads what a start reads, the files that are named included. */
  readAll(file: string): Promise<unknown>;
};

/** Names every mistake of the file, or says that there is none, or shows what is in force; returns the exit code. */
export async function checkConfig(file: string, flags: CheckFlags): Promise<number> {
  const role = roleOf(flags.role);
  const { table, check, readAll } = await readerOf(role);
  const places = { file, role, environment: process.env };
  const { sources, mistakes } = await checkSources(places, table as SettingsTable<Record<string, unknown>>);
  if (mistakes.length > 0) {
    process.stderr.write(mistakes.map((mistake) => `${mistake}\n`).join(''));
    return exitCodeOf('bad-configuration');
  }
  check(sources);
  if (flags.files === true) await readAll(file);
  process.stdout.write(
    flags.effective === true ? effectiveSettings(table, sources) : `${file}: a ${role} can be started with this\n`,
  );
  return 0;
}

/** Prints the draft-07 JSON Schema of a role's file; returns the exit code. */
export async function printSchema(flags: { readonly role: string }): Promise<number> {
  const role = roleOf(flags.role);
  const { table } = await readerOf(role);
  process.stdout.write(`${JSON.stringify(schemaOf(role, table), undefined, 2)}\n`);
  return 0;
}

function schemaOf(role: Role, table: AnyTable): Record<string, unknown> {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `Configuration of heddle ${role === 'client' ? 'get' : role}`,
    ...tableSchema(table),
  };
}

function roleOf(text: string): Role {
  if (text === 'client' || text === 'relay' || text === 'origin') return text;
  throw new HeddleError('usage', `there is no role "${text}"; write --role client, --role relay or --role origin`);
}

async function readerOf(role: Role): Promise<Reader> {
  if (role === 'relay') {
    const { checkRelay, RELAY_SETTINGS, relayOptions } = await import('../../relay/settings.ts');
    return { table: RELAY_SETTINGS, check: checkRelay, readAll: (config) => relayOptions({ config }) };
  }
  if (role === 'origin') {
    const { checkOrigin, ORIGIN_SETTINGS, originOptions } = await import('../../origin/settings.ts');
    return { table: ORIGIN_SETTINGS, check: checkOrigin, readAll: (config) => originOptions({ config }) };
  }
  const { checkClient, CLIENT_SETTINGS } = await import('../settings.ts');
  const { clientOptions } = await import('../config.ts');
  return { table: CLIENT_SETTINGS, check: checkClient, readAll: (config) => clientOptions({ config }) };
}
