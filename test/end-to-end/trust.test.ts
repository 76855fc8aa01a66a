// Whom to believe about an object: relays that lie about its size under the right root, and origins whose key is
// remembered from the first time.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import { open } from '../../client/io/identity.ts';
import type { Frame } from '../../protocol/frames.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { encodeManifest, MANIFEST_TYPE } from '../../protocol/manifest.ts';
import { jwsOf, signingKey } from '../client/io/signed-object.ts';
import { startRewriting } from '../support/false-relay.ts';
import { objectBytes, sha256Of } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import { startOriginProgram } from '../support/servers.ts';
import { lastLine, routeOf, startWorld } from '../support/world.ts';
import type { LastLine, World } from '../support/world.ts';

const SIZE = 3_000_000;
const LEAVES = Math.ceil(SIZE / LEAF_BYTES);
const content = objectBytes(SIZE, 43);
const owned = new AsyncDisposableStack();
let world: World;
/** An honest route that answers after the liar. */
let honest: string[];
let root: string;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
  const link = await startLink({ target: { port: world.origin.port }, megabitsPerSecond: 64, delayMs: 40 });
  owned.use(link);
  honest = ['--route', `honest=http://127.0.0.1:${link.port}`];
  const outcome = await heddle(['get', 'a.bin', '-o', world.output('first.bin'), '--json', ...honest]);
  root = lastLine(outcome).root;
});
afterAll(() => owned.disposeAsync());

/** Passes everything on, but says that the object has `size` bytes, under a key of its own. */
function claiming(size: number): () => (frame: Frame) => readonly Frame[] {
  const signer = signingKey();
  const header = Buffer.from(
    JSON.stringify({ alg: 'EdDSA', typ: MANIFEST_TYPE, jwk: { kty: 'OKP', crv: 'Ed25519', x: signer.x } }),
  );
  return () => (frame) => {
    if (frame.type !== 'hello') return [frame];
    const manifest = encodeManifest({ ...open(frame.manifest).manifest, size });
    return [{ ...frame, size, manifest: jwsOf(header, manifest, signer.key) }];
  };
}

const SIZES = {
  'one byte more': SIZE + 1,
  'one byte less': SIZE - 1,
  'a full last leaf': LEAVES * LEAF_BYTES,
  'one leaf more': SIZE + LEAF_BYTES,
  'one leaf less': SIZE - LEAF_BYTES,
  'a single leaf': 1_000,
  'a complete tree': 64 * LEAF_BYTES,
  'a hundred times as much': 100 * SIZE,
  'the most that can be written': Number.MAX_SAFE_INTEGER,
  'the most that has numbers': 0xffff_ffff * LEAF_BYTES,
};

describe('a wrong size under the right root', { timeout: 60_000 }, () => {
  test.each(Object.entries(SIZES))('%s: the honest route brings the object, and is not blamed', async (_, size) => {
    await using liar = await startRewriting(world.origin.port, claiming(size));
    for (const output of [world.output('out.bin'), '-']) {
      const routes = ['--route', `liar=${liar.url}`, ...honest];
      const outcome = await heddle(['get', 'a.bin', '-o', output, '--root', root, '--json', ...routes]);
      expect(outcome).toMatchObject({ code: 0, signal: null });
      const bytes = output === '-' ? outcome.stdout : await world.read('out.bin');
      expect(sha256Of(bytes)).toBe(sha256Of(content));
      const done: LastLine = lastLine(outcome, output === '-' ? 'stderr' : 'stdout');
      expect(done).toMatchObject({ type: 'done', bytes: SIZE });
      expect(routeOf(done, 'honest')).toMatchObject({ corrupt: 0, state: 'active' });
    }
  });

  test.each(Object.entries(SIZES))('%s, and no other route: the right bytes or an error', async (_, size) => {
    await using liar = await startRewriting(world.origin.port, claiming(size));
    for (const pin of [['--root', root], []]) {
      const output = world.output(`alone-${pin.length}.bin`);
      const outcome = await heddle(['get', 'a.bin', '-o', output, '--route', `liar=${liar.url}`, '--json', ...pin]);
      if (outcome.code === 0) {
        expect(sha256Of(await readFile(output))).toBe(sha256Of(content));
        expect(lastLine(outcome).bytes).toBe(SIZE);
      } else expect(outcome.code).toBeOneOf([3, 4, 5, 6]);
    }
  });
});

describe('remembered origins', () => {
  test('the key is remembered after the first transfer; another one is refused, and the line is named', async () => {
    const state = world.folder.file('home');
    const args = ['get', 'a.bin', '-o', world.output('known.bin'), '--quiet'];
    const env = { XDG_STATE_HOME: state };
    expect(await heddle([...args, '--route', `one=${world.origin.url}`], { env })).toMatchObject({ code: 0 });
    const file = `${state}/heddle/known_origins`;
    const line = await readFile(file, 'utf8');
    expect(line).toMatch(/^127\.0\.0\.1:\d+ ed25519 [\w-]{43}\n$/);
    expect(await heddle([...args, '--route', `one=${world.origin.url}`], { env })).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toBe(line);

    await writeFile(file, line.replace(/ [\w-]{43}\n/, ` ${'A'.repeat(43)}\n`));
    const refused = await heddle([...args, '--route', `one=${world.origin.url}`], { env });
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/^heddle: [^\n]*known_origins:1 remembers A{43}[^\n]*\(key-mismatch\)\n$/);
    const pinned = [...args, '--root', root, '--route', `one=${world.origin.url}`];
    expect(await heddle(pinned, { env }), 'a pinned root needs no key').toMatchObject({ code: 0 });
  });

  test('what a remembered origin says counts, though a stranger answers first with another object', async () => {
    const objects = world.folder.file('others');
    await mkdir(objects);
    await writeFile(`${objects}/a.bin`, objectBytes(SIZE, 44));
    await using other = await startOriginProgram({ dir: objects, state: world.folder.file('state-of-other') });
    const env = { XDG_STATE_HOME: world.folder.file('home-2') };
    const get = (...routes: string[]) =>
      heddle(['get', 'a.bin', '-o', world.output('k.bin'), '--json', ...routes], { env });
    await get(...honest);
    for (const output of ['k.bin', '-']) {
      const routes = ['--route', `liar=${other.url}`, ...honest];
      const path = output === '-' ? '-' : world.output(output);
      const outcome = await heddle(['get', 'a.bin', '-o', path, '--json', ...routes], { env });
      const done = lastLine(outcome, output === '-' ? 'stderr' : 'stdout');
      if (output === '-' && done.type === 'error') continue; // some of the stranger's bytes may be out by then
      expect(done).toMatchObject({ type: 'done', root });
      expect(sha256Of(output === '-' ? outcome.stdout : await world.read('k.bin'))).toBe(sha256Of(content));
      expect(routeOf(done, 'liar')).toMatchObject({ bytes: 0, state: 'excluded' });
    }
  });

  test('a key that cannot be kept is said, and changes nothing', async () => {
    const args = ['get', 'a.bin', '-o', world.output('w.bin'), '--route', `one=${world.origin.url}`];
    const outcome = await heddle(args, { env: { XDG_STATE_HOME: '/dev/null' } });
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toMatch(/^heddle: cannot remember keys in \/dev\/null\/heddle\/known_origins: /m);
  });
});
