// Settings from the environment: their names, what they win over, and what is said of those that are wrong.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { clientOptions } from '../../../client/config.ts';
import { CLIENT_SETTINGS } from '../../../client/settings.ts';
import { ORIGIN_SETTINGS, originOptions } from '../../../origin/settings.ts';
import { RELAY_SETTINGS, relayOptions } from '../../../relay/settings.ts';
import { speaksOf, variableOf } from '../../../protocol/settings/environment.ts';
import type { Environment, Role } from '../../../protocol/settings/environment.ts';
import type { AnyTable } from '../../../protocol/settings/setting.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const message = (error: Error): string => error.message;

describe('variables', () => {
  test('are named after the settings, two underscores between levels', () => {
    expect(variableOf('relay', ['listen'])).toBe('HEDDLE__RELAY__LISTEN');
    expect(variableOf('relay', ['limits', 'maxSessions'])).toBe('HEDDLE__RELAY__LIMITS__MAX_SESSIONS');
    expect(speaksOf('relay', { HEDDLE__RELAY__LISTEN: '' })).toBe(true);
    expect(speaksOf('relay', { HEDDLE__ORIGIN__LISTEN: '', HEDDLE_LARGE: '1', PATH: '' })).toBe(false);
  });

  test('no two settings share one', () => {
    for (const [role, table] of [
      ['relay', RELAY_SETTINGS],
      ['origin', ORIGIN_SETTINGS],
      ['client', CLIENT_SETTINGS],
    ] as const) {
      const names = namesOf(role, table);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test('win over the file and lose to flags; a group keeps what the file says of the others', async () => {
    await using folder = await temporaryFolder();
    const config = folder.file('relay.yaml');
    await writeFile(
      config,
      'listen: 127.0.0.1:1\nadmin: 127.0.0.1:2\nupstreams: {main: http://a}\ninsecureOpen: true\nlimits: {maxSessions: 3, heldBytes: 64KiB}\n',
    );
    const environment = {
      HEDDLE__RELAY__LISTEN: '127.0.0.1:7',
      HEDDLE__RELAY__ADMIN: '127.0.0.1:8',
      HEDDLE__RELAY__UPSTREAMS: '{eu: "http://b"}',
      HEDDLE__RELAY__LIMITS__MAX_SESSIONS: '9',
      HEDDLE__ORIGIN__NONSENSE: 'of another role',
    };
    expect(await relayOptions({ config, admin: '127.0.0.1:9' }, environment)).toMatchObject({
      listen: { host: '127.0.0.1', port: 7 },
      admin: { host: '127.0.0.1', port: 9 },
      upstreams: ['eu=http://b'],
      insecureOpen: true,
      limits: { maxSessions: 9, heldBytes: 65_536 },
    });
  });

  test('are enough without a file or a flag', async () => {
    const relay = await relayOptions(
      {},
      {
        HEDDLE__RELAY__LISTEN: '[::1]:0',
        HEDDLE__RELAY__UPSTREAMS: 'main: http://a',
        HEDDLE__RELAY__INSECURE_OPEN: 'true',
      },
    );
    expect(relay).toMatchObject({ listen: { host: '::1', port: 0 }, upstreams: ['main=http://a'], insecureOpen: true });
    const origin = await originOptions({}, { HEDDLE__ORIGIN__DIR: 'test', HEDDLE__ORIGIN__TUNING: '{drainMs: 5s}' });
    expect(origin).toMatchObject({ dir: join(process.cwd(), 'test'), tuning: { drainMs: 5_000 } });
    const client = await clientOptions({}, { HEDDLE__CLIENT__TOKEN: '12345', HEDDLE__CLIENT__SEGMENT_BYTES: '64KiB' });
    expect(client).toEqual({ routes: [], token: '12345', segmentBytes: 65_536 });
  });

  test.each<[environment: Environment, message: string]>([
    [
      { HEDDLE__RELAY__LISTN: 'x' },
      'the environment variable HEDDLE__RELAY__LISTN is no setting of the relay; did you mean HEDDLE__RELAY__LISTEN?',
    ],
    [
      { HEDDLE__RELAY__LIMITS__MAX_SESSIONS: 'many' },
      'HEDDLE__RELAY__LIMITS__MAX_SESSIONS: "limits.maxSessions" cannot be "many"; write a whole number of sessions from 1 to 1000000',
    ],
    [
      { HEDDLE__RELAY__UPSTREAMS: '{main: http://a' },
      'HEDDLE__RELAY__UPSTREAMS: a "}" is missing before here; write it at the end of the list or mapping',
    ],
    [
      { HEDDLE__RELAY__INSECURE_OPEN: 'yes' },
      'HEDDLE__RELAY__INSECURE_OPEN: "insecureOpen" cannot be "yes"; write true or false',
    ],
    [
      { HEDDLE__RELAY__TOKEN_KEYS: 'keys', HEDDLE__RELAY__INSECURE_OPEN: 'true' },
      'HEDDLE__RELAY__INSECURE_OPEN: insecureOpen and tokenKeys exclude each other; write one of them',
    ],
    [{ HEDDLE__RELAY__ADMIN: '127.0.0.1:1' }, 'where to listen is not said; write listen: HOST:PORT, or give --listen'],
  ])('%j is wrong', async (environment, expected) => {
    expect(await relayOptions({}, environment).catch(message)).toBe(expected);
  });

  test('a variable that holds a secret is never repeated', async () => {
    const said = await clientOptions({}, { HEDDLE__CLIENT__TOKEN: 'top secret' }).catch(message);
    expect(said).toMatch(/^HEDDLE__CLIENT__TOKEN: "token" is not a token without blanks/);
    expect(said).not.toContain('top');
  });
});

function namesOf(role: Role, table: AnyTable, before: readonly string[] = []): string[] {
  return Object.entries(table).flatMap(([key, { members }]) => [
    variableOf(role, [...before, key]),
    ...(members === undefined ? [] : namesOf(role, members, [...before, key])),
  ]);
}
