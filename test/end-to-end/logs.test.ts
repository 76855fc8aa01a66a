// What the programs say on standard error at which level and in which format; what is on standard output stays as it is.
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import { refusingPort } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type Line = { readonly level: string; readonly program: string; readonly message: string };

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

test('at debug, as JSON, origin and relay tell of each connection; at error the relay does not even warn', async () => {
  await using folder = await temporaryFolder();
  await using served = await temporaryFolder();
  await writeFile(served.file('a.bin'), objectBytes(100_000, 1));
  const log = ['--log-level', 'debug', '--log-format', 'json'];
  const where = ['--dir', served.path, '--state', folder.path, '--listen', '127.0.0.1:0'];
  await using origin = startProgram(['origin', ...where, ...log], { tethered: true });
  const [, originUrl = ''] = await origin.said(/ on (http:\/\/[^\s:]+:\d+)/);
  const common = ['relay', '--listen', '127.0.0.1:0', '--insecure-open', '--upstream', `main=${originUrl}`];
  await using relay = startProgram([...common, ...log], { tethered: true });
  const [, relayUrl = ''] = await relay.said(/ on (http:\/\/[^\s:]+:\d+)/);
  const args = ['get', '-o', '-', '--route', `r=${relayUrl}/v1/via/main`, '--no-memory'];
  expect((await heddle([...args, 'a.bin', '--quiet'])).code).toBe(0);
  expect((await heddle([...args, 'none.bin', '--quiet'])).code).toBe(5);
  await relay.complained(/a session to main ends/);
  await origin.complained(/is closed/);
  relay.child.kill('SIGINT');
  origin.child.kill('SIGINT');
  const ofRelay = linesOf((await relay.ended).stderr);
  expect(ofRelay[0]).toMatchObject({ level: 'warning', program: 'heddle relay' });
  expect(ofRelay.filter(({ level }) => level === 'debug').map(({ message }) => message)).toEqual(
    expect.arrayContaining(['a session to main begins', expect.stringMatching(/^a session to main ends after .* s: /)]),
  );
  const ofOrigin = linesOf((await origin.ended).stderr).map(({ message }) => message);
  expect(ofOrigin).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^channel 1 of transfer [0-9a-f]{32} for \/v1\/segments\/a\.bin is open$/),
      expect.stringMatching(/^channel 1 of transfer [0-9a-f]{32} is closed$/),
      expect.stringMatching(/for \/v1\/segments\/none\.bin is refused: /),
    ]),
  );
  await using silent = startProgram([...common, '--log-level', 'error'], { tethered: true });
  await silent.said(/ on http/);
  silent.child.kill('SIGINT');
  expect((await silent.ended).stderr).toBe('');
});

test('heddle get tells at debug why a connection ended, and which level there is', async () => {
  const args = [
    'get',
    'a',
    '-o',
    '-',
    '--quiet',
    '--no-memory',
    '--route',
    `r=http://127.0.0.1:${await refusingPort()}`,
  ];
  const env = { HEDDLE_LOG_FORMAT: 'json' };
  const told = await heddle([...args, '--log-level', 'debug'], { env });
  expect(told.code).toBe(3);
  expect(linesOf(told.stderr).map(({ level }) => level)).toEqual(expect.arrayContaining(['debug', 'error']));
  expect(linesOf((await heddle(args, { env })).stderr)).toMatchObject([{ level: 'error', program: 'heddle' }]);
  const wrong = await heddle([...args, '--log-level', 'loud']);
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('--log-level cannot be "loud"') });
});
