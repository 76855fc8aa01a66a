// The configuration files that are published: the samples are right and say so to an editor, the schemas are those of the
// program, and what they demand is what the program demands.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CLIENT_SETTINGS } from '../../client/settings.ts';
import { ORIGIN_SETTINGS } from '../../origin/settings.ts';
import { RELAY_SETTINGS } from '../../relay/settings.ts';
import type { SettingsTable } from '../../protocol/settings/setting.ts';
import { read } from '../protocol/settings/mistakes.ts';
import { heddle } from '../support/program.ts';
import { faultsOf } from './json-schema.ts';
import type { Schema } from './json-schema.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/config');
const TABLES: Readonly<Record<string, SettingsTable<Record<string, unknown>>>> = {
  client: CLIENT_SETTINGS,
  relay: RELAY_SETTINGS,
  origin: ORIGIN_SETTINGS,
};
const file = (name: string): Promise<string> => readFile(join(FOLDER, name), 'utf8');
const schemaOf = async (role: string): Promise<Schema> => JSON.parse(await file(`schema/${role}.json`)) as Schema;

describe.each(Object.entries(TABLES))('%s', (role, table) => {
  test('the schema is what the program prints', async () => {
    const { code, stdout } = await heddle(['config', 'schema', '--role', role]);
    expect(code).toBe(0);
    // parsed, for a formatter may lay the file out
    const how = `run: heddle config schema --role ${role} > deploy/config/schema/${role}.json`;
    expect(await schemaOf(role), how).toEqual(JSON.parse(stdout.toString()));
  });

  test('the sample is right by program and schema, and names the schema', async () => {
    const text = await file(`${role}.yaml`);
    expect(text).toContain(`# yaml-language-server: $schema=./schema/${role}.json\n`);
    expect(faultsOf(parse(text), await schemaOf(role))).toEqual([]);
    const { code, stdout, stderr } = await heddle(['config', 'check', join(FOLDER, `${role}.yaml`), '--role', role]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.toString()).toMatch(new RegExp(`a ${role} can be started with this\n$`));
  });

  test('what is in force reads back the same, by program and schema', async () => {
    const args = ['config', 'check', join(FOLDER, `${role}.yaml`), '--role', role, '--effective'];
    const first = await heddle(args);
    expect(first.code).toBe(0);
    const shown = first.stdout.toString();
    expect(faultsOf(parse(shown), await schemaOf(role))).toEqual([]);
    const given = read(await file(`${role}.yaml`), table) as Record<string, unknown>;
    // the sample's own folder is where its relative paths begin
    const moved = JSON.parse(JSON.stringify(given).replaceAll('/etc/heddle', FOLDER)) as Record<string, unknown>;
    expect(read(shown, table)).toMatchObject(moved);
    expect(shown).toMatch(/# default\n/);
    expect(shown).toContain(`${role}.yaml:`);
  });
});

describe('a schema refuses what the program refuses', () => {
  test.each<[role: string, yaml: string]>([
    ['relay', 'lisen: a:1'],
    ['relay', 'listen: 9001'],
    ['relay', 'listen: nowhere'],
    ['relay', 'insecureOpen: yes'],
    ['relay', 'limits: {maxSessions: 0}'],
    ['relay', 'limits: {heldBytes: 1parsec}'],
    ['relay', 'upstreams: {a b: http://a}'],
    ['relay', 'upstreams: {a: ftp://a}'],
    ['origin', 'dir: 5'],
    ['origin', 'tuning: {nothing: 1}'],
    ['client', 'routes: [{name: a}]'],
    ['client', 'routes: x'],
    ['client', 'root: sha256:12'],
  ])('%s: %s', async (role, yaml) => {
    expect(faultsOf(parse(yaml), await schemaOf(role))).not.toEqual([]);
    expect(read(yaml, TABLES[role]!)).toEqual(expect.any(String));
  });
});

test('every file in the guide is right', async () => {
  const blocks = [...(await file('README.md')).matchAll(/^( *)```yaml (\w+)\n([^]*?)\n *```$/gm)];
  expect(blocks.length).toBeGreaterThanOrEqual(4);
  for (const [, indent = '', role = '', text = ''] of blocks) {
    const yaml = text.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    expect(read(yaml, TABLES[role]!), yaml).toEqual(expect.any(Object));
    expect(faultsOf(parse(yaml), await schemaOf(role))).toEqual([]);
  }
});
