// The image by itself: who runs in it, what is in it, how it says that it lives, how it stops.
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { command, docker } from './docker-command.ts';
import { LABEL, uniqueName } from './engine.ts';

const { images, missing } = inject('engine');
const heddle = images?.heddle ?? '';
const MEGABYTE = 1e6;
const STOPPED_BY_FORCE = 137;

describe.skipIf(missing !== undefined)(missing === undefined ? 'the image' : `the image (skipped: ${missing})`, () => {
  const name = uniqueName('image');

  beforeAll(async () => {
    const locked = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'none'];
    const settings = [
      '--env',
      'HEDDLE__RELAY__ADMIN=0.0.0.0:9101',
      '--env',
      'HEDDLE__RELAY__LIMITS__DRAIN_NOTICE_MS=0',
    ];
    const relay = ['relay', '--listen', '0.0.0.0:9001', '--insecure-open', '--upstream', 'main=http://127.0.0.1:8080'];
    await docker([
      'run',
      '--detach',
      '--name',
      name,
      '--label',
      `${LABEL.name}=${LABEL.value}`,
      ...locked,
      ...settings,
      heddle,
      ...relay,
    ]);
    await docker(['exec', name, 'node', '--eval', UNTIL_ALIVE]);
  });
  afterAll(() => docker(['rm', '--force', name]));

  test('runs without privileges on a root that it cannot write, as process 1', async () => {
    expect(await docker(['exec', name, 'id', '-u'])).toBe('1000');
    expect((await command('docker', ['exec', name, 'touch', '/app/x'])).stderr).toMatch(/read-only/i);
    const commandLine = (await docker(['exec', name, 'cat', '/proc/1/cmdline'])).split('\0');
    expect(commandLine.slice(0, 3)).toEqual([expect.stringMatching(/node$/), '/usr/local/bin/heddle', 'relay']);
    expect(await docker(['exec', name, 'sh', '-c', 'grep CapEff /proc/1/status'])).toMatch(/\b0+$/);
  });

  test('says whether it lives', async () => {
    const [, ...check] = JSON.parse(
      await docker(['image', 'inspect', '--format', '{{json .Config.Healthcheck.Test}}', heddle]),
    ) as string[];
    expect(await docker(['exec', name, ...check])).toBe('alive');
    const nobody = ['--env', 'HEDDLE_HEALTH_URL=http://127.0.0.1:9/livez'];
    const refused = await command('docker', ['exec', ...nobody, name, ...check]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^http:\/\/127\.0\.0\.1:9\/livez: .*ECONNREFUSED.*; serve it with "admin: 0\.0\.0\.0:9101".*\n$/,
    );
  });

  test('has the command and what it needs, and little else', async () => {
    expect(await docker(['exec', name, 'heddle', '--version'])).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await docker(['exec', name, 'ls', '-A', '/app'])).split('\n').toSorted()).toEqual([
      'LICENSE',
      'dist',
      'health.mjs',
      'node_modules',
      'package.json',
    ]);
    const added = (await docker(['exec', name, 'du', '-sk', '/app'])).split(/\s/)[0] ?? '';
    expect(Number(added) * 1_024).toBeLessThan(40 * MEGABYTE);
    expect((await command('docker', ['exec', name, 'ls', '/app/node_modules/typescript'])).code).not.toBe(0);
  });

  test('stops when it is told to', async () => {
    await docker(['stop', '--time', '60', name]);
    const code = Number(await docker(['inspect', '--format', '{{.State.ExitCode}}', name]));
    expect(code).not.toBe(STOPPED_BY_FORCE);
    expect(code).toBe(0);
  });

  test('without arguments it tells what it can do', async () => {
    expect(await docker(['run', '--rm', '--network', 'none', heddle])).toMatch(/^Usage: heddle /);
  });
});

/** Ends when the relay answers; a probe of its own, for the image's is what is tested. */
const UNTIL_ALIVE = `
  const ask = () => fetch('http://127.0.0.1:9101/livez').then(({ ok }) => ok || setTimeout(ask, 100), () => setTimeout(ask, 100));
  ask();
`;
