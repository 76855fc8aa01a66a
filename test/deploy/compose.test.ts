// The compose file without an engine: what it mounts is there, its settings are right, and its networks are what makes
// the paths distinct. That it runs is for test/containers.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { heddle } from '../support/program.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/compose');
const RELAYS = ['relay-eu', 'relay-us', 'relay-ap'];

type Service = {
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
};
type Composition = {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

const composition = parse(readFileSync(join(FOLDER, 'docker-compose.yml'), 'utf8'), { merge: true }) as Composition;
const services = Object.entries(composition.services);

test('every file and folder that is mounted is in the checkout, every volume is declared', () => {
  const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
  const files = sources.filter((source) => source.startsWith('.'));
  expect(files.filter((file) => !existsSync(resolve(FOLDER, file)))).toEqual([]);
  expect(files.length).toBeGreaterThan(3);
  const volumes = sources.filter((source) => /^\w/.test(source));
  expect(volumes.filter((name) => !(name in composition.volumes))).toEqual([]);
});

test('two relays meet nowhere but where they are watched, and nothing on a path leads outside', () => {
  const paths = RELAYS.map((relay) => new Set(networksOf(relay)).difference(new Set(['monitoring'])));
  for (const path of paths) expect([...path].map((name) => composition.networks[name]?.internal)).toEqual([true, true]);
  expect(paths.reduce((all, path) => all.union(path)).size).toBe(2 * RELAYS.length);
  expect(networksOf('download').toSorted()).toEqual(['ap', 'eu', 'us']);
});

test('ports are published on the loopback only, and no admin listener', () => {
  const ports = services.flatMap(([, service]) => service.ports ?? []);
  expect(ports.length).toBeGreaterThan(0);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:') || port.includes('9101'))).toEqual([]);
});

test('what runs heddle cannot write but where it was told', () => {
  const ours = services.filter(([name]) => !['prometheus', 'grafana'].includes(name));
  expect(ours.filter(([, service]) => service.read_only !== true)).toEqual([]);
});

describe.each([
  ['origin', {}],
  ['client', {}],
  ['relay', composition.services['relay-eu']?.environment ?? {}],
] as const)('%s.yaml', (role, environment) => {
  test('is right', async () => {
    const args = ['config', 'check', join(FOLDER, `${role}.yaml`), '--role', role];
    const { code, stdout, stderr } = await heddle(args, { env: environment });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.toString()).toMatch(new RegExp(`a ${role} can be started with this\n$`));
  });
});

function networksOf(name: string): string[] {
  const { networks = {} } = composition.services[name] ?? {};
  return Array.isArray(networks) ? [...(networks as string[])] : Object.keys(networks);
}
