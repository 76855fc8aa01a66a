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
  ])('%j', (yaml, place, message) => {
    expect(read(`${yaml}\n`, ORIGIN_SETTINGS)).toBe(`FILE:${place}: ${message}`);
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
    ['listen: 127.0.0.1:0\n', 'FILE:1:1: the folder to serve is not said; write dir: FOLDER, or give --dir'],
    ['dir: data\ntunning: {}\n', 'FILE:2:1: "tunning" is not known here; did you mean "tuning"?'],
  ])('%j ends with 2 and one line', async (yaml, line) => {
    await using folder = await temporaryFolder();
    const config = folder.file('origin.yaml');
    await writeFile(config, yaml);
    const { code, stderr } = await heddle(['origin', '--config', config]);
    expect({ code, stderr: stderr.replace(config, 'FILE') }).toEqual({ code: 2, stderr: `heddle origin: ${line}\n` });
  });
});
