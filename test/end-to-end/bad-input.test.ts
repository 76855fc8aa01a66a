// What users do wrong, and what machines do to them: each ends with the documented exit code and one clear line on standard
// error, without a stack trace, and leaves nothing behind under the final name.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, open, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { NONSENSE, startNonsense } from '../support/false-relay.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { heddle, startProgram } from '../support/program.ts';
import type { Outcome, Program } from '../support/program.ts';
import { refusingPort, startRelayProgram } from '../support/servers.ts';
import { WireLog } from '../support/wire-log.ts';
import { startWireTap } from '../support/wire-tap.ts';
import { lastLine, startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SIZE = 3_000_000;
const owned = new AsyncDisposableStack();
let world: World;
/** A link to the origin of 1 MB/s: the object takes three seconds. */
let thin: ShapedLink;
/** Placeholders of the table below and what they stand for. */
let values: Readonly<Record<string, string>>;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': objectBytes(SIZE, 1) }));
  thin = owned.use(await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 8, delayMs: 1 }));
  const relay = owned.use(await startRelayProgram({ main: world.origin.url }));
  const answer = NONSENSE['something that is not HTTP'] ?? ((): void => undefined);
  const nonsense = owned.use(await startNonsense(answer));
  const page = owned.use(await startNonsense(NONSENSE['HTTP 200 with a page'] ?? answer));
  await mkdir(world.output('folder'));
  await mkdir(world.output('taken.part'));
  const file = (name: string): string => world.folder.file(name);
  await writeFile(file('not-yaml'), 'routes:\n  - name: a\n   url: http://127.0.0.1\n');
  await writeFile(file('unknown-word'), 'routes:\n  - name: a\n    adress: http://127.0.0.1\n');
  await writeFile(file('no-url'), 'routes:\n  - name: a\n');
  await writeFile(file('empty'), '');
  await writeFile(file('bad-key'), '{"kty":"RSA"}');
  values = {
    RELAY: `${relay.url}/v1/via/main`,
    UNKNOWN: `${relay.url}/v1/via/nobody`,
    REFUSING: `http://127.0.0.1:${await refusingPort()}`,
    REFUSING_TOO: `http://127.0.0.1:${await refusingPort()}`,
    NONSENSE: nonsense.url,
    PAGE: page.url,
    OUT: world.output('out.bin'),
    OUTPUTS: world.output(''),
    FILES: world.folder.file(''),
  };
});
afterAll(() => owned.disposeAsync());

type Mistake = {
  readonly name: string;
  /** After `get`. $NAME stands for a value above. */
  readonly args: string;
  readonly exit: number;
  readonly code: string;
  readonly says: RegExp;
};

const ROOT = `sha256:${'0'.repeat(64)}`;

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a key that is not there',
    args: 'b.bin -o $OUT --route r=$RELAY',
    exit: 5,
    code: 'object-not-found',
    says: /no object|r: object-not-found/,
  },
  { name: 'a key with ..', args: '../b.bin -o $OUT --route r=$RELAY', exit: 1, code: 'bad-request', says: /\.\./ },
  {
    name: 'relays that cannot be reached',
    args: 'a.bin -o $OUT --route r=$REFUSING --route s=$REFUSING_TOO',
    exit: 3,
    code: 'no-route',
    says: /r: unreachable, s: unreachable/,
  },
  {
    name: 'a local address that is not ours',
    args: 'a.bin -o $OUT --route r=$RELAY#local=192.0.2.77',
    exit: 3,
    code: 'no-route',
    says: /r: unreachable/,
  },
  {
    name: 'an upstream that the relay does not know',
    args: 'a.bin -o $OUT --route r=$UNKNOWN',
    exit: 3,
    code: 'no-route',
    says: /r: unknown-upstream/,
  },
  {
    name: 'a relay that speaks something else',
    args: 'a.bin -o $OUT --route r=$NONSENSE',
    exit: 3,
    code: 'no-route',
    says: /r: handshake-failed/,
  },
  {
    name: 'a web server',
    args: 'a.bin -o $OUT --route r=$PAGE',
    exit: 3,
    code: 'no-route',
    says: /r: handshake-failed/,
  },
  {
    name: 'an output in a folder that is not there',
    args: 'a.bin -o $OUTPUTS/nowhere/out.bin --route r=$RELAY',
    exit: 6,
    code: 'local-io',
    says: /nowhere/,
  },
  {
    name: 'an output that is a folder',
    args: 'a.bin -o $OUTPUTS/folder --route r=$RELAY',
    exit: 6,
    code: 'local-io',
    says: /folder is a directory/,
  },
  {
    name: 'an output whose .part is a folder',
    args: 'a.bin -o $OUTPUTS/taken --route r=$RELAY',
    exit: 6,
    code: 'local-io',
    says: /taken\.part/,
  },
  {
    name: 'a URL that is not one',
    args: 'a.bin -o $OUT --route r=nonsense',
    exit: 2,
    code: 'bad-configuration',
    says: /"nonsense" is not a URL/,
  },
  {
    name: 'a URL that is no route',
    args: 'a.bin -o $OUT --route r=ftp://127.0.0.1/',
    exit: 2,
    code: 'bad-configuration',
    says: /http and https/,
  },
  {
    name: 'a URL with a query',
    args: 'a.bin -o $OUT --route r=http://127.0.0.1/?a=b',
    exit: 2,
    code: 'bad-configuration',
    says: /no query/,
  },
  {
    name: 'a local address that is none',
    args: 'a.bin -o $OUT --route r=$RELAY#local=eth0',
    exit: 2,
    code: 'bad-configuration',
    says: /eth0/,
  },
  {
    name: 'a route without a name',
    args: 'a.bin -o $OUT --route $RELAY',
    exit: 1,
    code: 'usage',
    says: /NAME=BASEURL/,
  },
  {
    name: 'a route with an empty name',
    args: 'a.bin -o $OUT --route =$RELAY',
    exit: 1,
    code: 'usage',
    says: /NAME=BASEURL/,
  },
  {
    name: 'two routes of one name',
    args: 'a.bin -o $OUT --route r=$RELAY --route r=$RELAY',
    exit: 2,
    code: 'bad-configuration',
    says: /two routes have the name "r"/,
  },
  { name: 'no route', args: 'a.bin -o $OUT', exit: 2, code: 'bad-configuration', says: /no route is given/ },
  {
    name: 'a root that is none',
    args: 'a.bin -o $OUT --route r=$RELAY --root sha256:12',
    exit: 2,
    code: 'bad-configuration',
    says: /"sha256:12" is no root/,
  },
  {
    name: 'the root of something else',
    args: `a.bin -o $OUT --route r=$RELAY --root ${ROOT}`,
    exit: 4,
    code: 'root-mismatch',
    says: /root-mismatch/,
  },
  {
    name: 'a range that is none',
    args: 'a.bin -o $OUT --route r=$RELAY --range 5',
    exit: 1,
    code: 'usage',
    says: /A-B or A-/,
  },
  {
    name: 'a range from behind',
    args: 'a.bin -o $OUT --route r=$RELAY --range 9-5',
    exit: 1,
    code: 'usage',
    says: /9-5/,
  },
  {
    name: 'a range beyond the object',
    args: `a.bin -o $OUT --route r=$RELAY --range ${SIZE}-`,
    exit: 5,
    code: 'range-not-satisfiable',
    says: /3000000 bytes|range-not-satisfiable/,
  },
  {
    name: 'a range beyond the object, over two routes',
    args: `a.bin -o $OUT --route r=$RELAY --route s=$RELAY --range ${SIZE}-`,
    exit: 5,
    code: 'range-not-satisfiable',
    says: /3000000 bytes|range-not-satisfiable/,
  },
  {
    name: 'a segment size that is none',
    args: 'a.bin -o $OUT --route r=$RELAY --segment 40000',
    exit: 2,
    code: 'bad-configuration',
    says: /40000/,
  },
  {
    name: 'a configuration that is not there',
    args: 'a.bin -o $OUT --config $FILES/missing.yaml',
    exit: 2,
    code: 'bad-configuration',
    says: /cannot read .*missing\.yaml/,
  },
  {
    name: 'a configuration that is not YAML',
    args: 'a.bin -o $OUT --config $FILES/not-yaml',
    exit: 2,
    code: 'bad-configuration',
    says: /not-yaml:3:\d+: /,
  },
  {
    name: 'a configuration with an unknown word',
    args: 'a.bin -o $OUT --config $FILES/unknown-word',
    exit: 2,
    code: 'bad-configuration',
    says: /unknown-word:3:5: "adress"/,
  },
  {
    name: 'a configuration without a URL',
    args: 'a.bin -o $OUT --config $FILES/no-url',
    exit: 2,
    code: 'bad-configuration',
    says: /no-url:2:\d+: .*"url"/,
  },
  {
    name: 'an empty configuration',
    args: 'a.bin -o $OUT --config $FILES/empty',
    exit: 2,
    code: 'bad-configuration',
    says: /empty/,
  },
  {
    name: 'a token file that is not there',
    args: 'a.bin -o $OUT --route r=$RELAY --token-file $FILES/none',
    exit: 2,
    code: 'bad-configuration',
    says: /cannot read .*none/,
  },
  {
    name: 'an origin key that is none',
    args: 'a.bin -o $OUT --route r=$RELAY --origin-key $FILES/bad-key',
    exit: 2,
    code: 'bad-configuration',
    says: /Ed25519/,
  },
  {
    name: 'a URL as the key, which is a mirror',
    args: 'http://127.0.0.1:1/a.bin -o $OUT --route r=$RELAY',
    exit: 1,
    code: 'usage',
    says: /URL/,
  },
  {
    name: 'an unknown option',
    args: 'a.bin -o $OUT --route r=$RELAY --colour',
    exit: 1,
    code: 'usage',
    says: /unknown option '--colour'/,
  },
  {
    name: 'a mistyped option',
    args: 'a.bin -o $OUT --route r=$RELAY --jsom',
    exit: 1,
    code: 'usage',
    says: /unknown option '--jsom'.*--json/,
  },
  { name: 'no key', args: '-o $OUT --route r=$RELAY', exit: 1, code: 'usage', says: /missing required argument 'key'/ },
  {
    name: 'one argument too many',
    args: 'a.bin b.bin -o $OUT --route r=$RELAY',
    exit: 1,
    code: 'usage',
    says: /too many arguments/,
  },
];

test.each(MISTAKES)('$name: exit $exit, one line, nothing left behind', async ({ args, exit, says }) => {
  const before = await world.outputs();
  const outcome = await heddle(['get', ...args.split(' ').map(filled)]);
  expectOneLine(outcome, exit);
  expect(outcome.stderr).toMatch(says);
  expect(outcome.stdout.length).toBe(0);
  expect(await world.outputs()).toEqual(before);
});

const ONE_OF_EACH_CODE = MISTAKES.filter(({ code }, at) => MISTAKES.findIndex((other) => other.code === code) === at);

test.each([...ONE_OF_EACH_CODE, ...MISTAKES.slice(-4)])(
  '$name: with --json the last line says $code',
  async ({ args, exit, code, says }) => {
    const outcome = await heddle(['get', ...args.split(' ').map(filled), '--json']);
    expect(outcome).toMatchObject({ code: exit, stderr: '' });
    expect(lastLine(outcome)).toMatchObject({ type: 'error', code });
    expect(lastLine(outcome).message).toMatch(says);
  },
);

function filled(word: string): string {
  return word.replaceAll(/\$([A-Z_]+)/g, (_, name: string) => values[name] ?? name);
}

function expectOneLine(outcome: Outcome, exit: number): void {
  expect(outcome.stderr).toMatch(/^heddle: [^\n]+\n$/);
  expect(outcome.stderr).not.toMatch(/\bat .*:\d+:\d+|node:internal|Node\.js v/);
  expect(outcome).toMatchObject({ code: exit, signal: null });
}

const isRoot = process.getuid?.() === 0;

describe('outputs that fail', () => {
  test('a folder that may not be written', async () => {
    // permissions mean nothing to root, but even root cannot create files in /sys
    const folder = isRoot && existsSync('/sys/kernel') ? '/sys/kernel' : world.output('closed');
    if (!isRoot) {
      await mkdir(folder);
      await chmod(folder, 0o500);
    }
    expectOneLine(await get('-o', `${folder}/out.bin`), 6);
  });

  test.skipIf(!existsSync('/dev/full'))('a full device, by name', async () => {
    expectOneLine(await get('-o', '/dev/full'), 6);
  });

  test.skipIf(!existsSync('/dev/full'))('a full device, as standard output', async () => {
    await using full = await open('/dev/full', 'w');
    expectOneLine(await heddle(['get', 'a.bin', '--route', `r=${values['RELAY']}`], { stdout: full.fd }), 6);
  });

  test.skipIf(!canMount())(`a full disk${canMount() ? '' : ' (skipped: needs root and tmpfs)'}`, async () => {
    const disk = world.folder.file('disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const outcome = await get('-o', `${disk}/out.bin`);
      expectOneLine(outcome, 6);
      expect(outcome.stderr).toMatch(/ENOSPC/);
      expect(execFileSync('ls', ['-A', disk]).toString()).toBe('');
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('a reader that leaves', async () => {
    await using program = startProgram(['get', 'a.bin', '--route', `r=${values['RELAY']}`], { stdout: 'leave' });
    program.child.stdout?.once('data', () => program.child.stdout?.destroy());
    expectOneLine(await program.ended, 6);
  });

  test('a reader of --json that leaves changes nothing for the file', async () => {
    const target = world.output('whole.bin');
    const args = ['get', 'a.bin', '-o', target, '--json', '--route', `r=${values['RELAY']}`];
    await using program = startProgram(args, { stdout: 'leave' });
    program.child.stdout?.destroy();
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
    expect((await world.read('whole.bin')).equals(objectBytes(SIZE, 1))).toBe(true);
  });

  test('an old file keeps its content when the transfer fails', async () => {
    await writeFile(world.output('old.bin'), 'precious');
    const outcome = await heddle(['get', 'b.bin', '-o', world.output('old.bin'), '--route', `r=${values['RELAY']}`]);
    expectOneLine(outcome, 5);
    expect((await world.read('old.bin')).toString()).toBe('precious');
  });

  function get(...more: readonly string[]): Promise<Outcome> {
    return heddle(['get', 'a.bin', '--route', `r=${values['RELAY']}`, ...more]);
  }
});

describe('interrupted', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s in the middle: exit 130 at once, one line, and left is what the next one goes on with',
    async (signal) => {
      await using program = await halfway('collect', '-o', world.output('half.bin'));
      program.signal(signal);
      expectOneLine(await program.ended, 130);
      const left = (await world.outputs()).filter((name) => name.startsWith('half.bin'));
      expect(left).toEqual(['half.bin.part', 'half.bin.part.record']);
    },
  );

  test('though the reader does not read', async () => {
    await using program = await halfway('leave');
    program.signal('SIGINT');
    const { promise, resolve } = Promise.withResolvers<number | null>();
    program.child.once('exit', resolve);
    expect(await promise).toBe(130);
    expect(program.stderr).toMatch(/^heddle: [^\n]+\n$/);
  });

  test('also as the last line of --json', async () => {
    await using program = await halfway('collect', '-o', world.output('half.bin'), '--json');
    program.signal('SIGINT');
    const outcome = await program.ended;
    expect(outcome).toMatchObject({ code: 130, stderr: '' });
    expect(lastLine(outcome)).toMatchObject({ type: 'error', code: 'aborted' });
  });

  /** A transfer of which a part has come, over a link too thin for the rest. */
  async function halfway(stdout: 'collect' | 'leave', ...more: readonly string[]): Promise<Program> {
    const log = new WireLog();
    const tap = owned.use(await startWireTap('thin', thin.port, log));
    const program = startProgram(['get', 'a.bin', '--route', `r=${tap.url}`, ...more], { stdout });
    await Promise.race([log.segmentsFrom('thin', 5), program.ended]);
    return program;
  }
});

function canMount(): boolean {
  if (!isRoot) return false;
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
