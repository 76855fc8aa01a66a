// The systemd units: systemd finds no fault in them and thinks them safe, the commands in them start what they say and end in
// the time that the unit gives, and the page beside them names files that are there.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ORIGIN_TUNING } from '../../origin/options.ts';
import { DRAIN_TIME } from '../../client/proxy/drain-time.ts';
import { RELAY_LIMITS } from '../../relay/options.ts';
import { heddle, startProgram } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { blocksOf } from './guide-page.ts';

const run = promisify(execFile);
const FOLDER = join(import.meta.dirname, '../../deploy/systemd');
const UNITS = ['heddle-origin@.service', 'heddle-proxy@.service', 'heddle-relay@.service'] as const;
/** Exposure in tenths, as systemd counts it: a bare service has 96. */
const MOST_EXPOSED = '16';

const found = await run('systemd-analyze', ['--version']).then(
  () => true,
  () => false,
);
const why = found ? '' : ' (skipped: there is no systemd-analyze here)';

test('there is a unit for each server', async () => {
  expect((await readdir(FOLDER)).filter((name) => name.endsWith('.service')).toSorted()).toEqual([...UNITS]);
});

describe.skipIf(!found).each(UNITS)(`%s${why}`, (unit) => {
  test('has no fault that systemd knows', async () => {
    await using folder = await temporaryFolder();
    const text = await unitText(unit);
    expect(await analyze(folder.file(unit.replace('@', '@eu')), text, ['verify'])).toBe('');
    const wrong = text.replace('NoNewPrivileges', 'NoNewPriviliges');
    expect(await analyze(folder.file(unit.replace('@', '@us')), wrong, ['verify'])).toMatch(/NoNewPriviliges/);
  });

  test('may do little', async () => {
    await using folder = await temporaryFolder();
    const judge = ['security', '--offline=true', '--no-pager', `--threshold=${MOST_EXPOSED}`];
    const text = await unitText(unit);
    expect(await analyze(folder.file(unit.replace('@', '@eu')), text, judge)).toMatch(/Overall exposure level.* OK/);
    const bare = '[Service]\nExecStart=/bin/true\n';
    await expect(analyze(folder.file('bare.service'), bare, judge)).rejects.toThrow(/UNSAFE/);
  });
});

describe('a unit', () => {
  test.each([
    ['relay', 'listen: 127.0.0.1:0\nupstreams: {main: "http://127.0.0.1:1"}\ninsecureOpen: true\n'],
    ['origin', 'dir: data\nstateDir: state\nlisten: 127.0.0.1:0\n'],
    ['proxy', 'routes:\n  - {name: a, url: "http://127.0.0.1:1"}\n'],
  ])('for a %s checks its file, starts, and ends on SIGTERM with 0', async (role, yaml) => {
    await using folder = await temporaryFolder();
    await mkdir(folder.file('data'));
    await writeFile(folder.file(`${role}-eu.yaml`), yaml);
    const unit = `heddle-${role}@.service`;
    const command = async (name: string): Promise<string[]> => {
      const [line = ''] = await valuesOf(unit, name);
      const here = line.replaceAll('%i', 'eu').replaceAll('/etc/heddle', folder.path);
      const [program, ...args] = here.replace('${HEDDLE_PROXY_LISTEN}', '127.0.0.1:0').split(' ');
      expect(program).toBe('/usr/local/bin/heddle');
      return args;
    };
    expect(await heddle(await command('ExecStartPre'))).toMatchObject({ code: 0, stderr: '' });
    await using program = startProgram(await command('ExecStart'), { tethered: true });
    await program.said(/ on http:/);
    const [reload] = await valuesOf(unit, 'ExecReload');
    expect(reload).toBe('/bin/kill -HUP $MAINPID');
    program.signal('SIGHUP');
    await program.complained(/settings read again/);
    program.signal('SIGTERM');
    expect((await program.ended).code).toBe(0);
  });

  test('waits longer than its program takes to stop', async () => {
    const seconds = async (unit: string): Promise<number> => {
      const [text = ''] = await valuesOf(unit, 'TimeoutStopSec');
      return Number(/^(\d+)s$/.exec(text)?.[1]);
    };
    expect(await seconds('heddle-relay@.service')).toBeGreaterThan(RELAY_LIMITS.drainDeadlineMs.value / 1_000 + 5);
    expect(await seconds('heddle-origin@.service')).toBeGreaterThan(ORIGIN_TUNING.drainMs.value / 1_000 + 5);
    expect(await seconds('heddle-proxy@.service')).toBeGreaterThan(DRAIN_TIME.value / 1_000 + 5);
  });

  test('may have the sockets that a relay lets in', async () => {
    const [files] = await valuesOf('heddle-relay@.service', 'LimitNOFILE');
    const { maxConnections, maxSessions } = RELAY_LIMITS;
    expect(Number(files)).toBeGreaterThan(maxConnections.value + maxSessions.value);
  });
});

test('the page beside them installs what is there', async () => {
  const names = await readdir(FOLDER);
  const blocks = (await blocksOf(join(FOLDER, 'README.md'))).filter(({ language }) => language === 'sh');
  expect(blocks.length).toBeGreaterThan(0);
  for (const { text } of blocks) {
    await run('bash', ['-n', '-c', text]);
    const named = text.match(/heddle[\w.-]*@?\.(?:service|sysusers\.conf)\b/g) ?? [];
    for (const name of named) expect(names).toContain(name);
  }
  expect(blocks.map(({ text }) => text).join('\n')).toContain(UNITS.toReversed()[0]);
});

const unitText = (unit: string): Promise<string> => readFile(join(FOLDER, unit), 'utf8');

/** All values of a setting of the unit. */
async function valuesOf(unit: string, name: string): Promise<string[]> {
  return [...(await unitText(unit)).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

/** What systemd-analyze says of a unit; the command of the unit need not be installed here. Throws when it is not content. */
async function analyze(file: string, text: string, args: readonly string[]): Promise<string> {
  await writeFile(file, text.replaceAll('/usr/local/bin/heddle', '/bin/true'));
  try {
    const { stdout, stderr } = await run('systemd-analyze', [...args, file]);
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(stdout + stderr, { cause: error });
  }
}
