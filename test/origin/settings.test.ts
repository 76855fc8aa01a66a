// An origin told by a file: what its own mistakes are called, which of file and flags counts, and that the program
// reads it. What all roles share is in the relay's test.
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { ORIGIN_TUNING } from '../../origin/options.ts';
import { ORIGIN_SETTINGS, originOptions } from '../../origin/settings.ts';
import { read } from '../protocol/settings/mistakes.ts';
import { heddle, startProgram } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('mistakes', () => {
  test.each<[yaml: string, place: string, message: string]>([
    ['dirr: x', '1:1', '"dirr" is not known here; did you mean "dir"?'],
    ['dir: 5', '1:6', '"dir" cannot be 5; write a path; a relative one begins at the folder of this file'],
    ['state-dir: x', '1:1', '"state-dir" is not known here; did you mean "stateDir"?'],
    ['maxChannels: 5', '1:1', '"maxChannels" is not known here; did you mean "maxChannels" in "tuning"?'],
    ['tuning:\n  maxChanels: 5', '2:3', '"maxChanels" is not known in "tuning"; did you mean "maxChannels"?'],
    [
      'tuning:\n  hashReadBytes: 40000',
      '2:18',
      '"tuning.hashReadBytes" cannot be 40000; write a size from 32KiB to 16MiB (a number without unit counts bytes), a multiple of 32KiB',
    ],
    [
      'tuning:\n  firstProofNodes: 3',
      '2:20',
      '"tuning.firstProofNodes" cannot be 3; write a whole number from 1 to 4096, a power of two',
    ],
    [
      'tuning:\n  retryAfterSeconds: 1ms',
      '2:22',
      '"tuning.retryAfterSeconds" cannot be "1ms"; write a time from 1s to 1h (a number without unit counts seconds)',
    ],
    ['backend: s3', '1:10', '"backend" cannot be "s3"; write a mapping with http, s3'],
    ['backend:\n  s4: {}', '2:3', '"s4" is not known in "backend"; write http, s3'],
    [
      'backend:\n  s3: {region: x}',
      '2:7',
      '"backend.s3" has no "bucket"; write bucket: and the name of a bucket: 3 to 63 small letters, digits, "." or "-"',
    ],
    [
      'backend:\n  s3: {bucket: A}',
      '2:16',
      '"backend.s3.bucket" cannot be "A"; write the name of a bucket: 3 to 63 small letters, digits, "." or "-"',
    ],
    [
      'backend:\n  s3: {bucket: abc, region: EU}',
      '2:29',
      '"backend.s3.region" cannot be "EU"; write a region, such as eu-central-1',
    ],
    [
      'backend:\n  s3: {bucket: abc, secretAccesKey: x}',
      '2:21',
      '"secretAccesKey" is not known in "backend.s3"; did you mean "secretAccessKey"?',
    ],
    [
      'backend:\n  s3: {bucket: abc, secretAccessKey: 5}',
      '2:38',
      '"backend.s3.secretAccessKey" is not a secret access key; write it in quotes, or the name of a file with it',
    ],
    [
      'backend:\n  http: {}',
      '2:9',
      '"backend.http" has no "url"; write url: and a base URL, such as http://origin:8080',
    ],
    [
      'backend:\n  http: {url: "ftp://a"}',
      '2:15',
      '"backend.http.url" begins with ftp:; write an http or https URL, such as http://origin:8080',
    ],
    [
      'backend:\n  http: {url: "http://me:pw@a"}',
      '2:15',
      '"backend.http.url" holds a user or a password; write them as a token instead',
    ],
    [
      'backend:\n  http: {url: "http://a", keys: a}',
      '2:33',
      '"backend.http.keys" cannot be "a"; write a list: each item behind "- " is text',
    ],
    [
      'backend:\n  http: {url: "http://a", redirectHosts: ["http://b"]}',
      '2:43',
      '"backend.http.redirectHosts[0]" cannot be "http://b"; write HOST or HOST:PORT',
    ],
    ['indexAhead: 1', '1:13', '"indexAhead" cannot be 1; write true or false'],
    [
      'tuning:\n  backendReadMs: 1',
      '2:18',
      '"tuning.backendReadMs" cannot be 1; write a time from 100ms to 1h (a number without unit counts milliseconds)',
    ],
  ])('%j', (yaml, place, message) => {
    expect(read(`${yaml}\n`, ORIGIN_SETTINGS)).toBe(`FILE:${place}: ${message}`);
  });

  test.each<[yaml: string, line: string]>([
    ['dir: a\nbackend: {http: {url: "http://a"}}', '2:1: dir and backend exclude each other; write one of them'],
    ['backend: {}', '1:1: "backend" names no place; write http: or s3: below it'],
    [
      'backend:\n  http: {url: "http://a"}\n  s3: {bucket: abc}',
      '3:3: http and s3 exclude each other; write one of them',
    ],
    [
      'backend:\n  http: {url: "http://a", authorization: x, authorizationFile: y}',
      '2:45: authorization and authorizationFile exclude each other; write one of them',
    ],
    [
      'backend:\n  s3: {bucket: abc, accessKeyId: a, accessKeyIdFile: b}',
      '2:37: accessKeyId and accessKeyIdFile exclude each other; write one of them',
    ],
    [
      'backend:\n  s3: {bucket: abc, accessKeyId: a}',
      '2:3: credentials are an accessKeyId and a secretAccessKey; write both, or none for a public bucket',
    ],
    [
      'backend:\n  s3: {bucket: abc, sessionTokenFile: a}',
      '2:3: credentials are an accessKeyId and a secretAccessKey; write both, or none for a public bucket',
    ],
  ])('%j by more than one row', async (yaml, line) => {
    await using folder = await temporaryFolder();
    const config = folder.file('origin.yaml');
    await writeFile(config, `${yaml}\n`);
    const fault = await originOptions({ config }, {}).catch((error: Error) => error.message);
    expect(fault).toBe(`${config}:${line}`);
  });
});

test('a backend by file, its certificates read; --dir takes its place', async () => {
  await using folder = await temporaryFolder();
  const config = folder.file('origin.yaml');
  await writeFile(folder.file('key'), 'secret');
  await writeFile(
    config,
    'backend:\n  s3:\n    bucket: abc\n    secretAccessKeyFile: key\n    accessKeyId: id\nindexAhead: false\n',
  );
  expect(await originOptions({ config }, {})).toMatchObject({
    dir: undefined,
    indexAhead: false,
    backend: { type: 's3', bucket: 'abc', accessKeyId: 'id', secretAccessKeyFile: folder.file('key') },
  });
  expect(await originOptions({ config, dir: 'other' }, {})).toMatchObject({ dir: 'other', backend: undefined });
  await writeFile(folder.file('key'), 'two\nlines');
  await expect(originOptions({ config }, {})).rejects.toThrow(`${config}:1:1: the secret file`);
  const environment = {
    HEDDLE__ORIGIN__BACKEND__HTTP__URL: 'https://a.example/x',
    HEDDLE__ORIGIN__BACKEND__HTTP__TRUSTED_CERTIFICATES: folder.file('none.pem'),
  };
  await expect(originOptions({}, environment)).rejects.toMatchObject({
    code: 'bad-configuration',
    message: expect.stringContaining('none.pem" cannot be read (there is no such file or folder)'),
  });
});

test('every size and time of the origin may be set, at both of its bounds', () => {
  for (const bound of ['min', 'max'] as const) {
    const values = Object.entries(ORIGIN_TUNING).map(([name, setting]) => [name, setting[bound]] as const);
    const yaml = `tuning:\n${values.map(([name, value]) => `  ${name}: ${value}\n`).join('')}`;
    expect(read(yaml, ORIGIN_SETTINGS)).toEqual({ tuning: Object.fromEntries(values) });
  }
});

test('flags win over the file; paths in the file begin at its folder', async () => {
  await using folder = await temporaryFolder();
  await mkdir(folder.file('data'));
  const config = folder.file('origin.yaml');
  await writeFile(config, 'dir: data\nstateDir: ../state\nlisten: 127.0.0.1:1\ntuning: {cacheBytes: 32MiB}\n');
  expect(await originOptions({ config })).toMatchObject({
    dir: folder.file('data'),
    stateDir: folder.file('../state'),
    listen: { host: '127.0.0.1', port: 1 },
    admin: undefined,
    tuning: { cacheBytes: 33_554_432 },
  });
  const flags = { config, dir: 'other', state: 'elsewhere', listen: '127.0.0.1:2', admin: '3' };
  expect(await originOptions(flags)).toMatchObject({
    dir: 'other',
    stateDir: 'elsewhere',
    listen: { host: '127.0.0.1', port: 2 },
    admin: { host: '127.0.0.1', port: 3 },
  });
});

describe('as a process', () => {
  test('an origin needs no flag but the file', async () => {
    await using folder = await temporaryFolder();
    await mkdir(folder.file('data'));
    await writeFile(folder.file('data/a'), 'hello');
    const config = folder.file('origin.yaml');
    await writeFile(config, 'dir: data\nstateDir: state\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\n');
    await using origin = startProgram(['origin', '--config', config], { tethered: true });
    const [, url, admin] = await origin.said(/ on (http:\S+), admin (http:\S+)/);
    expect(await (await fetch(`${url}/v1/objects/a`)).text()).toBe('hello');
    expect((await fetch(`${admin}/metrics`)).status).toBe(200);
    origin.signal('SIGINT');
    expect(await origin.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await folder.list()).toEqual(['data', 'origin.yaml', 'state']);
  });

  test.each<[yaml: string, line: string]>([
    [
      'listen: 127.0.0.1:0\n',
      'FILE:1:1: the folder to serve is not said; write dir: FOLDER, or backend:, or give --dir',
    ],
    ['dir: data\ntunning: {}\n', 'FILE:2:1: "tunning" is not known here; did you mean "tuning"?'],
  ])('%j ends with 2 and one line', async (yaml, line) => {
    await using folder = await temporaryFolder();
    const config = folder.file('origin.yaml');
    await writeFile(config, yaml);
    const { code, stderr } = await heddle(['origin', '--config', config]);
    expect({ code, stderr: stderr.replace(config, 'FILE') }).toEqual({ code: 2, stderr: `heddle origin: ${line}\n` });
  });
});
