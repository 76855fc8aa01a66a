// The usual arguments of `heddle get` mean the same to the quick reader as to the one that reads everything; what is not
// usual, the quick one does not touch.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readGetArguments } from '../../../client/commands/get-arguments.ts';
import { commandLine } from '../../../client/commands/program.ts';

/** What the whole command line makes of them; undefined where it finds a mistake or wants to help. */
async function readByAll(args: readonly string[]): Promise<{ keys: string[]; flags: object } | undefined> {
  const program = commandLine();
  const get = program.commands.find((command) => command.name() === 'get');
  let read: { keys: string[]; flags: object } | undefined;
  get?.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  get?.action((keys: string[], flags: object) => {
    read = { keys, flags: { ...flags } };
  });
  await program.parseAsync(args, { from: 'user' }).catch(() => undefined);
  return read;
}

const VALUES = ['-o', '--output', '--route', '--root', '--checksum', '--origin-key', '--token-file', '--range'];
const OTHER_VALUES = ['--max-rate', '--if-changed', '--segment', '--log-level', '--log-format'];
const SWITCHES = ['--json', '--quiet', '--no-memory'];
const UNUSUAL = [
  ...['--ui', '--config', '--mirror', '--metrics-file', '--recursive', '--ca', '--client-cert', '--client-key'],
  ...['--help', '-h', '--', '-', '--nonsense', '-ofile', '--json=yes', '--quiet=', '--memory', '--no-quiet', ''],
];

test('every usual option means what it means to all of the command line', async () => {
  for (const option of [...VALUES, ...OTHER_VALUES]) {
    for (const args of [
      ['get', 'key', option, 'a=b'],
      ['get', option, 'a', '--no-memory', 'key', option, 'b'],
      ['get', '--json', `${option}=a=b`, 'key'],
    ]) {
      const joined = args.some((argument) => argument.startsWith('-o='));
      const quick = readGetArguments(args);
      expect(quick === undefined, args.join(' ')).toBe(joined);
      if (quick !== undefined) {
        expect(await readByAll(args)).toEqual({ keys: [quick.key], flags: quick.flags });
      }
    }
  }
  for (const option of SWITCHES) {
    const quick = readGetArguments(['get', option, 'key']);
    expect(quick).toBeDefined();
    expect(await readByAll(['get', option, 'key'])).toEqual({ keys: ['key'], flags: quick?.flags });
  }
});

test('whatever it reads, it reads the same', async () => {
  const word = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...VALUES, ...OTHER_VALUES, ...SWITCHES) },
    { weight: 6, arbitrary: fc.constantFrom('key', 'a=http://127.0.0.1:1', 'file', '-', '5') },
    { weight: 1, arbitrary: fc.constantFrom(...UNUSUAL) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(...VALUES, ...SWITCHES), fc.string()).map((both) => both.join('=')),
    },
    { weight: 1, arbitrary: fc.string() },
  );
  let read = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 7 }), async (words) => {
      const args = ['get', ...words];
      const quick = readGetArguments(args);
      if (quick === undefined) return;
      read += 1;
      expect(await readByAll(args)).toEqual({ keys: [quick.key], flags: quick.flags });
    }),
    { numRuns: 600 },
  );
  expect(read).toBeGreaterThan(30);
});

test('what is not usual is left to others', () => {
  for (const option of UNUSUAL.filter((each) => each !== '' && each !== '-')) {
    expect(readGetArguments(['get', 'key', option]), option).toBeUndefined();
  }
  for (const args of [
    [],
    ['get'],
    ['get', 'one', 'two'],
    ['get', 'http://127.0.0.1/key'],
    ['get', 'key', '-o'],
    ['get', 'key', '-o', ''],
    ['get', 'key', '--route', '--quiet'],
    ['verify', 'key'],
    ['--version'],
  ]) {
    expect(readGetArguments(args), args.join(' ')).toBeUndefined();
  }
});
