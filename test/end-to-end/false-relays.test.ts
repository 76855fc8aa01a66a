// Relays that lie: they answer nonsense, change bytes, lose or repeat segments, or lead to another object. The bytes are
// right in the end, the liar is blamed and nobody else, and where no honest route is left there is a clear error.
import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { Frame } from '../../protocol/frames.ts';
import { NONSENSE, startNonsense, startRewriting } from '../support/false-relay.ts';
import type { FalseRelay, Rewrite } from '../support/false-relay.ts';
import { objectBytes, sha256Of } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import type { Outcome } from '../support/program.ts';
import { startOriginProgram, startRelayProgram } from '../support/servers.ts';
import type { ServerProgram } from '../support/servers.ts';
import { lastLine, routeOf, startWorld } from '../support/world.ts';
import type { LastLine, World } from '../support/world.ts';

const SIZE = 6_000_000;
const content = objectBytes(SIZE, 41);
const owned = new AsyncDisposableStack();
let world: World;
let relay: ServerProgram;
/** Two honest routes that take about a second for the object. */
let honest: string[];

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
  relay = owned.use(await startRelayProgram({ main: world.origin.url }));
  const links = await Promise.all(
    [1, 2].map(() => startLink({ target: { port: relay.port }, megabitsPerSecond: 24, delayMs: 5 })),
  );
  honest = links.flatMap((link, at) => {
    owned.use(link);
    return ['--route', `h${at + 1}=http://127.0.0.1:${link.port}/v1/via/main`];
  });
});
afterAll(() => owned.disposeAsync());

describe('nonsense', () => {
  test.each(Object.entries(NONSENSE))('%s: the honest routes bring the object', async (_, answer) => {
    await using liar = await startNonsense(answer);
    const done = await expectObject(await getOver(liar));
    expect(liar.taken()).toBeGreaterThan(0);
    expect(routeOf(done, 'liar')).toMatchObject({ bytes: 0, corrupt: 0 });
    expect(routeOf(done, 'liar').state).not.toBe('active');
  });
});

// corrupt: undefined where it depends on what is under way
type Lie = {
  readonly name: string;
  readonly tell: () => Rewrite;
  readonly state?: string;
  readonly corrupt: number | undefined;
};

/** Applies `change` to every `n`-th segment, counted per connection. */
function everySegment(n: number, change: (frame: Frame & { type: 'segment' }) => readonly Frame[]): () => Rewrite {
  return () => {
    let count = 0;
    return (frame) => {
      if (frame.type !== 'segment') return [frame];
      count += 1;
      return count % n === 0 ? change(frame) : [frame];
    };
  };
}

function flipped(payload: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(payload);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x10;
  return bytes;
}

const LIES: readonly Lie[] = [
  {
    name: 'flips a bit in every fourth segment: banned',
    tell: everySegment(4, (frame) => [{ ...frame, payload: flipped(frame.payload) }]),
    state: 'excluded',
    corrupt: 2,
  },
  {
    name: 'cuts segments short: banned',
    tell: everySegment(3, (frame) => [{ ...frame, payload: frame.payload.subarray(0, -1) }]),
    state: 'excluded',
    corrupt: 2,
  },
  {
    name: 'sends empty segments: banned',
    tell: everySegment(3, (frame) => [{ ...frame, payload: new Uint8Array(0) }]),
    state: 'excluded',
    corrupt: 2,
  },
  {
    name: 'gives segments other numbers: banned',
    tell: everySegment(3, (frame) => [{ ...frame, index: frame.index + 3 }]),
    state: 'excluded',
    corrupt: 2,
  },
  {
    name: 'sends what nobody asked for: banned',
    tell: everySegment(5, (frame) => [frame, { ...frame, index: 0xffff_fff0 }]),
    state: 'excluded',
    corrupt: 2,
  },
  {
    name: 'repeats segments: banned',
    tell: everySegment(5, (frame) => [frame, frame]),
    state: 'excluded',
    corrupt: 2,
  },
  { name: 'swallows every tenth segment: banned', tell: everySegment(10, () => []), state: 'excluded', corrupt: 2 },
  {
    name: 'drops every tenth segment, and says so',
    tell: everySegment(10, ({ index, epoch, by }) => [{ type: 'dropped', index, epoch, by, reason: 'read-failed' }]),
    corrupt: 0,
  },
  {
    name: 'says hello and nothing else',
    tell: () => (frame) => (frame.type === 'hello' ? [frame] : []),
    corrupt: 0,
  },
  {
    name: 'keeps the proofs to itself',
    tell: () => (frame) => (frame.type === 'proof' ? [] : [frame]),
    corrupt: 0,
  },
  {
    name: 'forges a proof: not banned for one, and another route is asked',
    tell: () => {
      let forged = false;
      return (frame) => {
        if (frame.type !== 'proof' || forged) return [frame];
        forged = true;
        return [{ ...frame, page: { ...frame.page, nodes: flipped(frame.page.nodes) } }];
      };
    },
    corrupt: 1,
  },
  {
    name: 'says ERROR in the middle',
    tell: everySegment(20, () => [{ type: 'error', code: 'overloaded', text: 'enough' }]),
    corrupt: 0,
  },
  {
    name: 'claims epochs that were never sent',
    tell: everySegment(1, (frame) => [{ ...frame, epoch: frame.epoch + 1_000 }]),
    // with a new pattern on its way what it sends under the old one was not asked for any more, by its own words
    corrupt: undefined,
  },
];

describe('lies', () => {
  test.each(LIES)('a relay that $name', async ({ tell, state, corrupt }) => {
    await using liar = await startRewriting(relay.port, tell);
    const done = await expectObject(await getOver(liar, '/v1/via/main'));
    expect(liar.taken()).toBeGreaterThan(0);
    if (state !== undefined) expect(routeOf(done, 'liar').state).toBe(state);
    if (corrupt === undefined) return;
    if (corrupt === 0) expect(routeOf(done, 'liar').corrupt).toBe(0);
    else expect(routeOf(done, 'liar').corrupt).toBeGreaterThanOrEqual(corrupt);
  });

  test('one bad segment is fetched again elsewhere, and the route stays', async () => {
    await using liar = await startRewriting(relay.port, () => {
      let lied = false;
      return (frame) => {
        if (frame.type !== 'segment' || lied) return [frame];
        lied = true;
        return [{ ...frame, payload: flipped(frame.payload) }];
      };
    });
    const done = await expectObject(await getOver(liar, '/v1/via/main'));
    expect(routeOf(done, 'liar')).toMatchObject({ corrupt: 1, state: 'active' });
  });

  test('a liar alone: exit 4, one line, nothing left behind', async () => {
    await using liar = await startRewriting(relay.port, LIES[0]!.tell);
    const before = await world.outputs();
    const args = ['get', 'a.bin', '-o', world.output('alone.bin'), '--route', `liar=${liar.url}/v1/via/main`];
    const outcome = await heddle(args);
    expect(outcome.code).toBe(4);
    expect(outcome.stderr).toMatch(/^heddle: [^\n]*liar: corrupt[^\n]*\n$/);
    expect(await world.outputs()).toEqual(before);
  });
});

describe('a relay that leads to another object under the same key', () => {
  let other: ServerProgram;
  beforeAll(async () => {
    const objects = world.folder.file('others');
    await mkdir(objects);
    await writeFile(`${objects}/a.bin`, objectBytes(SIZE, 42));
    other = owned.use(await startOriginProgram({ dir: objects, state: world.folder.file('state-of-other') }));
  });

  test('with the root pinned, it is left out and the others go on', async () => {
    const { root } = await expectObject(
      await heddle(['get', 'a.bin', '-o', world.output('out.bin'), '--json', ...honest]),
    );
    const pinned = await getOver(other, '', '--root', root);
    const done = await expectObject(pinned);
    expect(routeOf(done, 'liar')).toMatchObject({ bytes: 0, state: 'excluded' });
  });

  test('with nothing known, it is an error: exit 4, nothing left behind', async () => {
    const before = await world.outputs();
    const args = ['get', 'a.bin', '-o', world.output('torn.bin'), '--route', `liar=${other.url}`, ...honest];
    const outcome = await heddle(args);
    expect(outcome.code).toBe(4);
    expect(outcome.stderr).toMatch(/^heddle: the root is sha256:[^\n]*\(root-mismatch\)\n$/);
    expect(await world.outputs()).toEqual(before);
  });
});

function getOver(liar: Pick<FalseRelay, 'url'>, path = '', ...more: readonly string[]): Promise<Outcome> {
  const route = ['--route', `liar=${liar.url}${path}`];
  return heddle(['get', 'a.bin', '-o', world.output('out.bin'), '--json', ...route, ...honest, ...more]);
}

/** The object came, whole and right, and no honest route was blamed. */
async function expectObject(outcome: Outcome): Promise<LastLine> {
  expect(outcome).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(sha256Of(await world.read('out.bin'))).toBe(sha256Of(content));
  const done = lastLine(outcome);
  expect(done).toMatchObject({ type: 'done', verified: true });
  for (const name of ['h1', 'h2']) expect(routeOf(done, name)).toMatchObject({ corrupt: 0, state: 'active' });
  return done;
}
