// A relay told by a file: what each mistake is called, what a right file means, which of file and flags counts, and
// that the program reads it.
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { RELAY_SETTINGS, relayOptions } from '../../relay/settings.ts';
import type { RelayFlags } from '../../relay/settings.ts';
import type { RelayOptions } from '../../relay/options.ts';
import { read } from '../protocol/settings/mistakes.ts';
import { heddle, startProgram } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { request } from './channel-client.ts';

const ADDRESS = 'HOST:PORT, such as 127.0.0.1:9001 or "[::1]:9001"';
const BASE = 'a base URL, such as http://origin:8080';
const SESSIONS = 'a whole number of sessions from 1 to 1000000';
const HELD = 'a size from 16KiB to 8MiB (a number without unit counts bytes)';
const IDLE = 'a time from 100ms to 1d (a number without unit counts milliseconds)';
const PATH = 'a path; a relative one begins at the folder of this file';
const LIMITS = 'a mapping with maxSessions, maxSessionsPerToken, maxBytesPerSecond';

describe('mistakes', () => {
  test.each<[yaml: string, place: string, message: string]>([
    ['lisen: 127.0.0.1:1', '1:1', '"lisen" is not known here; did you mean "listen"?'],
    ['Listen: 127.0.0.1:1', '1:1', '"Listen" is not known here; did you mean "listen"?'],
    ['token-keys: a', '1:1', '"token-keys" is not known here; did you mean "tokenKeys"?'],
    ['insecure_open: true', '1:1', '"insecure_open" is not known here; did you mean "insecureOpen"?'],
    ['upstream:\n  main: http://a', '1:1', '"upstream" is not known here; did you mean "upstreams"?'],
    ['maxSessions: 1', '1:1', '"maxSessions" is not known here; did you mean "maxSessions" in "limits"?'],
    ['limits:\n  maxSesions: 1', '2:3', '"maxSesions" is not known in "limits"; did you mean "maxSessions"?'],
    ['limits:\n  idleTimeout: 30s', '2:3', '"idleTimeout" is not known in "limits"; did you mean "idleTimeoutMs"?'],
    ['"lis\\u0000ten": 1', '1:1', '"lis ten" is not known here; did you mean "listen"?'],
    ['listen:', '1:1', `"listen" has no value; write ${ADDRESS}`],
    ['listen: 9001', '1:9', '"listen" cannot be 9001; write the host as well: 127.0.0.1:9001'],
    ['listen: 127.0.0.1', '1:9', `"listen" cannot be "127.0.0.1"; write ${ADDRESS}`],
    ['listen: 127.0.0.1:70000', '1:9', `"listen" cannot be "127.0.0.1:70000"; write ${ADDRESS}`],
    ['listen: ::1:90', '1:9', `"listen" cannot be "::1:90"; write ${ADDRESS}`],
    ['admin: "[127.0.0.1]:1"', '1:8', `"admin" cannot be "[127.0.0.1]:1"; write ${ADDRESS}`],
    ['admin: true', '1:8', `"admin" cannot be true; write ${ADDRESS}`],
    ['listen: {host: a, port: 1}', '1:9', `"listen" is a map; write ${ADDRESS}`],
    ['listen: "a\\nb"', '1:9', `"listen" cannot be "a b"; write ${ADDRESS}`],
    ['upstreams: http://a', '1:12', `"upstreams" cannot be "http://a"; write name: value, each value ${BASE}`],
    ['upstreams: [main=http://a]', '1:12', `"upstreams" is a list; write name: value, each value ${BASE}`],
    [
      'upstreams:\n  ma in: http://a',
      '2:3',
      'the name "ma in" in "upstreams" is not allowed; write letters, digits, ".", "-" or "_"',
    ],
    ['upstreams:\n  main: origin', '2:9', `"upstreams.main" cannot be "origin"; write ${BASE}`],
    [
      'upstreams:\n  main: a:8080',
      '2:9',
      '"upstreams.main" begins with a:; write an http or https URL, such as http://origin:8080',
    ],
    [
      'upstreams:\n  main: http://u:p@a',
      '2:9',
      '"upstreams.main" holds a user or a password; write them as a token instead',
    ],
    [
      'upstreams:\n  main: http://a/?x=1',
      '2:9',
      '"upstreams.main" is a base URL with a query or fragment; write it without',
    ],
    ['upstreams:\n  main:', '2:3', `"upstreams.main" has no value; write ${BASE}`],
    ['upstreams:\n  main: {url: http://a}', '2:9', `"upstreams.main" is a map; write ${BASE}`],
    ['upstreams:\n  main: http://a\n  main: http://b', '3:3', '"main" is given twice; write it once'],
    ['tokenKeys: 5', '1:12', `"tokenKeys" cannot be 5; write ${PATH}`],
    ['tokenKeys: ""', '1:12', `"tokenKeys" cannot be ""; write ${PATH}`],
    ['tokenKeys: [a, 5]', '1:16', `"tokenKeys[1]" cannot be 5; write ${PATH}`],
    ['tokenKeys: []', '1:12', `"tokenKeys" is a list; write ${PATH}`],
    ['insecureOpen: yes', '1:15', '"insecureOpen" cannot be "yes"; write true or false'],
    ['insecureOpen: 1', '1:15', '"insecureOpen" cannot be 1; write true or false'],
    ['insecureOpen: "true"', '1:15', '"insecureOpen" cannot be "true"; write true or false'],
    ['limits: 5', '1:9', `"limits" cannot be 5; write ${LIMITS}`],
    ['limits:', '1:1', `"limits" has no value; write ${LIMITS}`],
    ['limits: []', '1:9', `"limits" is a list; write ${LIMITS}`],
    ...['0', '2000000', '-1', '1.5', '1e3', '0x10', '99999999999999999999', '.inf'].map(
      (number): [string, string, string] => [
        `limits:\n  maxSessions: ${number}`,
        '2:16',
        `"limits.maxSessions" cannot be ${number}; write ${SESSIONS}`,
      ],
    ),
    ['limits:\n  maxSessions: many', '2:16', `"limits.maxSessions" cannot be "many"; write ${SESSIONS}`],
    ['limits:\n  maxSessions: [1]', '2:16', `"limits.maxSessions" is a list; write ${SESSIONS}`],
    ['limits:\n  maxSessions:', '2:3', `"limits.maxSessions" has no value; write ${SESSIONS}`],
    ['limits:\n  maxSessions: true', '2:16', `"limits.maxSessions" cannot be true; write ${SESSIONS}`],
    ...['1Mb', '1M', '64 mib', '64MiB', '30s', '64_000', '0.5B'].map((size): [string, string, string] => [
      `limits:\n  heldBytes: ${size}`,
      '2:14',
      `"limits.heldBytes" cannot be "${size}"; write ${HELD}`,
    ]),
    ...['30 sec', '2d', '64MiB', '99ms'].map((time): [string, string, string] => [
      `limits:\n  idleTimeoutMs: ${time}`,
      '2:18',
      `"limits.idleTimeoutMs" cannot be "${time}"; write ${IDLE}`,
    ]),
  ])('%j', (yaml, place, message) => {
    expect(read(`${yaml}\n`, RELAY_SETTINGS)).toBe(`FILE:${place}: ${message}`);
  });

  test('an unknown word without a neighbour is told what is known, but not for pages', () => {
    expect(read('colour: red\n', RELAY_SETTINGS)).toMatch(
      /^FILE:1:1: "colour" is not known here; write listen, admin, /,
    );
    expect(read('limits:\n  colour: red\n', RELAY_SETTINGS)).toMatch(/ or one of \d+ more$/);
  });
});

test('a file may give everything, with units', () => {
  const yaml = `
listen: 0.0.0.0:9001
admin: "[::1]:9002"
upstreams:
  main: http://origin:8080
  eu: https://relay-eu:9001/base/
tokenKeys: keys/relay.jwks
trustedCertificates: /etc/ssl/own.pem
insecureOpen: false
limits:
  maxSessions: 500
  heldBytes: 64KiB
  bufferBudgetBytes: 1.5GiB
  spareBufferBytes: 1 MB
  idleTimeoutMs: 30s
  warmForgetMs: 2min
  drainDeadlineMs: 1500
`;
  expect(read(yaml, RELAY_SETTINGS)).toEqual({
    listen: { host: '0.0.0.0', port: 9001 },
    admin: { host: '::1', port: 9002 },
    upstreams: { main: 'http://origin:8080', eu: 'https://relay-eu:9001/base/' },
    tokenKeys: ['/etc/heddle/keys/relay.jwks'],
    trustedCertificates: '/etc/ssl/own.pem',
    insecureOpen: false,
    limits: {
      maxSessions: 500,
      heldBytes: 65_536,
      bufferBudgetBytes: 1_610_612_736,
      spareBufferBytes: 1_000_000,
      idleTimeoutMs: 30_000,
      warmForgetMs: 120_000,
      drainDeadlineMs: 1_500,
    },
  });
});

describe('file and flags together', () => {
  const KEYS = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }] };

  async function optionsOf(yaml: string, flags: RelayFlags = {}): Promise<RelayOptions | string> {
    await using folder = await temporaryFolder();
    const config = folder.file('relay.yaml');
    await writeFile(config, yaml);
    await writeFile(folder.file('keys.json'), JSON.stringify(KEYS));
    const tokenKeys = flags.tokenKeys?.map((file) => folder.file(file));
    try {
      return await relayOptions({ ...flags, tokenKeys, config });
    } catch (error) {
      return (error as Error).message.replace(config, 'FILE');
    }
  }

  const file = 'listen: 127.0.0.1:1\nadmin: 127.0.0.1:2\nupstreams: {main: http://a, eu: http://b}\n';

  test('flags win, name by name', async () => {
    const options = await optionsOf(`${file}tokenKeys: keys.json\n`, {
      listen: '127.0.0.1:9',
      upstream: ['eu=http://c', 'us=http://d'],
    });
    expect(options).toMatchObject({
      listen: { host: '127.0.0.1', port: 9 },
      admin: { host: '127.0.0.1', port: 2 },
      upstreams: ['main=http://a', 'eu=http://c', 'us=http://d'],
      tokenKeys: KEYS,
      insecureOpen: undefined,
    });
  });

  test('who opens or closes the relay by a flag overrules the file in that', async () => {
    expect(await optionsOf(`${file}tokenKeys: keys.json\n`, { insecureOpen: true })).toMatchObject({
      insecureOpen: true,
      tokenKeys: undefined,
    });
    expect(await optionsOf(`${file}insecureOpen: true\n`, { tokenKeys: ['keys.json'] })).toMatchObject({
      insecureOpen: undefined,
      tokenKeys: KEYS,
    });
  });

  test('what a file alone cannot mean is said with its place', async () => {
    expect(await optionsOf(`${file}tokenKeys: keys.json\ninsecureOpen: true\n`)).toBe(
      'FILE:5:1: insecureOpen and tokenKeys exclude each other; write one of them',
    );
    expect(await optionsOf('insecureOpen: true\n')).toBe(
      'FILE:1:1: where to listen is not said; write listen: HOST:PORT, or give --listen',
    );
  });
});

describe('as a process', () => {
  test('a relay needs no flag but the file', async () => {
    await using folder = await temporaryFolder();
    const config = folder.file('relay.yaml');
    await writeFile(
      config,
      'listen: 127.0.0.1:0\nupstreams: {main: "http://127.0.0.1:1"}\ninsecureOpen: true\nlimits: {maxSessions: 5}\n',
    );
    await using relay = startProgram(['relay', '--config', config], { tethered: true });
    const [, port] = await relay.said(/ on http:\/\/127\.0\.0\.1:(\d+)/);
    expect((await request(Number(port), '/v1/via/main/v1/objects/a')).status).toBe(502);
    expect((await request(Number(port), '/v1/via/nobody/v1/objects/a')).status).toBe(404);
    relay.signal('SIGINT');
    expect(await relay.ended).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^heddle relay: WARNING: this relay is OPEN/),
    });
  });

  test.each<[name: string, yaml: string | Buffer | undefined, line: RegExp]>([
    [
      'a mistake',
      'listen: 127.0.0.1:0\nlimits:\n  maxSesions: 5\n',
      /FILE:3:3: "maxSesions" is not known in "limits"; did you mean "maxSessions"\?$/,
    ],
    ['nothing in the file', '', /FILE:1:1: the file is empty; write settings such as /],
    ['no file', undefined, /cannot read FILE: there is no such file; give the path of a YAML file$/],
    [
      'no UTF-8',
      Buffer.from('listen: 127.0.0.1:0\n# \xe4\n', 'latin1'),
      /FILE:2:1: this line is not UTF-8; write the file in UTF-8$/,
    ],
    ['a novel', '#'.repeat(1_048_577), /FILE:1:1: the file is larger than 1048576 bytes; write a shorter one$/],
  ])('%s ends with 2 and one line', async (_, yaml, line) => {
    await using folder = await temporaryFolder();
    const config = folder.file('relay.yaml');
    if (yaml !== undefined) await writeFile(config, yaml);
    const { code, stderr, stdout } = await heddle(['relay', '--config', config]);
    expect(stdout.toString()).toBe('');
    expect(stderr).toMatch(/^heddle relay: [^\n]+\n$/);
    expect(stderr.trimEnd().replace(config, 'FILE')).toMatch(line);
    expect(code).toBe(2);
  });

  test('a folder instead of a file', async () => {
    await using folder = await temporaryFolder();
    const { code, stderr } = await heddle(['relay', '--config', folder.path]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `heddle relay: cannot read ${folder.path}: it is a folder; give the path of a YAML file\n`,
    });
  });

  test('neither flag nor file is a mistake of usage', async () => {
    expect(await heddle(['relay'])).toMatchObject({ code: 1, stderr: expect.stringContaining('--listen HOST:PORT') });
  });
});
