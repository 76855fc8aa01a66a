// Several relays that lie in the same way, quicker and nearer than the only honest one: whom the client would ask first
// each time. The bytes are right, the honest route and the origin are not blamed, and no lie ends what one can finish.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { createClient } from '../../client/index.ts';
import { HeddleError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { SourceFrame } from '../../protocol/frames.ts';
import { startRewriting } from '../support/false-relay.ts';
import type { Rewrite } from '../support/false-relay.ts';
import { objectBytes, sha256Of } from '../support/object-bytes.ts';
import { heddle } from '../support/program.ts';
import { lastLine, routeOf, startWorld } from '../support/world.ts';
import type { LastLine, World } from '../support/world.ts';

/** 50 bytes per second: silence for nobody who only waits for the next byte. */
const DRIP_MEGABITS = 0.000_4;
const SIZE = 1_500_000;
const content = objectBytes(SIZE, 71);
const owned = new AsyncDisposableStack();
let world: World;
let honest: string;
let outputs = 0;

beforeAll(async () => {
  world = owned.use(await startWorld({ 'a.bin': content }));
  const target = { port: world.origin.port };
  const link = owned.use(await startLink({ target, megabitsPerSecond: 16, delayMs: 40 }));
  honest = `honest=http://127.0.0.1:${link.port}`;
});
afterAll(() => owned.disposeAsync());

/** What every one of them does with what passes. */
type Lie = (frame: SourceFrame) => readonly SourceFrame[];

function bent(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 2 : byte));
}

const LIES: readonly (readonly [string, Lie])[] = [
  [
    'bend the same bits of the same segments',
    (frame) =>
      frame.type === 'segment' && frame.index % 3 === 0 ? [{ ...frame, payload: bent(frame.payload) }] : [frame],
  ],
  [
    'give the same other bytes for the whole object',
    (frame) => (frame.type === 'segment' ? [{ ...frame, payload: new Uint8Array(frame.payload.length) }] : [frame]),
  ],
  ['keep the proofs to themselves', (frame) => (frame.type === 'proof' ? [] : [frame])],
  [
    'forge all proofs',
    (frame) =>
      frame.type === 'proof' ? [{ ...frame, page: { ...frame.page, nodes: bent(frame.page.nodes) } }] : [frame],
  ],
  ['swallow every third segment', (frame) => (frame.type === 'segment' && frame.index % 3 === 0 ? [] : [frame])],
  ['swallow all segments', (frame) => (frame.type === 'segment' ? [] : [frame])],
  [
    'say of every segment that it was sent already',
    (frame) => (frame.type === 'segment' ? [dropped(frame, 'already-sent')] : [frame]),
  ],
  [
    'say of every segment that they do not hold it',
    (frame) => (frame.type === 'segment' ? [dropped(frame, 'not-held')] : [frame]),
  ],
  ['claim to hold nothing', (frame) => (frame.type === 'hello' ? [{ ...frame, held: [] }] : [frame])],
  ['claim another size', (frame) => (frame.type === 'hello' ? [{ ...frame, size: frame.size * 1_000 }] : [frame])],
  ['claim another root', (frame) => (frame.type === 'hello' ? [{ ...frame, root: bent(frame.root) }] : [frame])],
  [
    'claim a manifest that nobody signed',
    (frame) => (frame.type === 'hello' ? [{ ...frame, manifest: `${frame.manifest.slice(0, -8)}AAAAAAAA` }] : [frame]),
  ],
  ['greet again and again', (frame) => (frame.type === 'hello' ? Array.from({ length: 500 }, () => frame) : [frame])],
  ['answer no PING', (frame) => (frame.type === 'pong' ? [] : [frame])],
  [
    'answer each PING with epochs and nonces that never were',
    (frame) =>
      frame.type === 'pong'
        ? [
            { ...frame, epoch: 0xffff_fff0 },
            { ...frame, nonce: 0xffff_fff0 },
          ]
        : [frame],
  ],
  [
    'claim to have nothing to send any more',
    (frame) => (frame.type === 'segment' ? [{ type: 'idle', epoch: frame.epoch + 9, at: 0xffff_fff0 }] : [frame]),
  ],
  [
    'deal everything to nobody',
    (frame) => {
      if (frame.type !== 'segment') return [frame];
      const { epoch, index } = frame;
      const pattern = { epoch, from: index, to: index + 64, lead: new Uint16Array(64), cycle: new Uint16Array(0) };
      return [{ type: 'dealt', pattern }, frame];
    },
  ],
];

/** What would end a transfer if the client said it of itself. */
const CODES: readonly ErrorCode[] = [
  'object-changed',
  'root-mismatch',
  'corrupt',
  'no-route',
  'overloaded',
  'internal',
];

function dropped(frame: SourceFrame & { type: 'segment' }, reason: 'already-sent' | 'not-held'): SourceFrame {
  const { index, epoch, by } = frame;
  return { type: 'dropped', index, epoch, by, reason };
}

describe('two relays that', { timeout: 60_000 }, () => {
  test.each(LIES)('%s', async (_what, lie) => {
    await fetchPast(lie);
  });

  test('come to a drip, a byte now and then', async () => {
    const links: ShapedLink[] = [];
    let count = 0;
    await fetchPast((frame) => {
      if (frame.type === 'segment') count += 1;
      if (count === 5) for (const link of links) link.setRate({ up: 10, down: DRIP_MEGABITS });
      return [frame];
    }, links);
  });

  test.each(CODES)('end every channel with %s', async (code) => {
    let count = 0;
    await fetchPast((frame) => {
      if (frame.type !== 'segment') return [frame];
      count += 1;
      return count % 5 === 0 ? [{ type: 'error', code, text: 'it is over' }] : [frame];
    });
  });
});

describe('the only relay there is, when it would', { timeout: 60_000 }, () => {
  test.each(LIES)('%s, leads to the object or to one error, and soon', async (_what, lie) => {
    await using liar = await startRewriting(world.origin.port, () => lie as Rewrite);
    outputs += 1;
    const path = world.output(`${outputs}.bin`);
    const client = createClient({ routes: [{ name: 'liar', url: liar.url }], giveUpMs: 1_500 });
    const ended = await client.download('a.bin', path).done.catch((error: unknown) => error);
    if (ended instanceof HeddleError) {
      expect(['corrupt', 'no-route', 'bad-manifest', 'root-mismatch', 'no-source-for-range']).toContain(ended.code);
      expect(await world.outputs()).not.toContain(`${outputs}.bin`);
    } else expect(sha256Of(await world.read(`${outputs}.bin`))).toBe(sha256Of(content));
  });
});

async function fetchPast(lie: Lie, links: ShapedLink[] = []): Promise<LastLine> {
  await using stack = new AsyncDisposableStack();
  const routes = ['--route', honest];
  for (const name of ['liar1', 'liar2']) {
    const liar = stack.use(await startRewriting(world.origin.port, () => lie as Rewrite));
    const target = { port: liar.port };
    const link = stack.use(await startLink({ target, megabitsPerSecond: 48, delayMs: 2 }));
    links.push(link);
    routes.push('--route', `${name}=http://127.0.0.1:${link.port}`);
  }
  outputs += 1;
  const path = world.output(`${outputs}.bin`);
  const outcome = await heddle(['get', 'a.bin', '-o', path, '--json', ...routes]);
  expect(outcome).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(sha256Of(await world.read(`${outputs}.bin`))).toBe(sha256Of(content));
  const done = lastLine(outcome);
  expect(routeOf(done, 'honest')).toMatchObject({ corrupt: 0, state: 'active' });
  return done;
}
