// What every channel adapter must hold, whoever wrote it: run it with a world of your own, as adapters.test.ts does.
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { objectBytes } from '../../support/object-bytes.ts';
import { AdapterKit, patternOf, SEGMENT } from './adapter-kit.ts';
import type { Place } from './adapter-kit.ts';

const SEGMENTS = 21;
/** The bytes of the object. */
export const CONTENT: Buffer = objectBytes(20 * SEGMENT + 1_234, 7);
/** What a buffer's next user writes all over it. */
const SCRIBBLE = 0xee;

/** Somebody who serves CONTENT, an empty object, and not a third one; and an address where nobody is. */
export type AdapterWorld = AsyncDisposable & {
  readonly whole: Place;
  readonly empty: Place;
  readonly missing: Place;
  readonly nobody: Place;
  /** Breaks every connection. */
  breakAll(): void | Promise<void>;
};

const partOf = (index: number): Buffer => CONTENT.subarray(index * SEGMENT, (index + 1) * SEGMENT);

function expectParts(kit: AdapterKit): void {
  for (const { frame, payload } of kit.all('segment')) {
    expect(frame.encoding).toBe('identity');
    expect(Buffer.compare(payload, partOf(frame.index)), `bytes of segment ${frame.index}`).toBe(0);
  }
}

/** Registers the tests; `start` makes a world for each. */
export function adapterSuite(start: () => Promise<AdapterWorld>): void {
  const run = (name: string, body: (world: AdapterWorld) => Promise<void>): void =>
    test(name, async () => {
      await using world = await start();
      await body(world);
    });

  run(
    'with credit for everything brings everything once, in order, greeted before, its bytes told as they come',
    async ({ whole }) => {
      using kit = await AdapterKit.at(whole);
      await kit.open(100);
      const segments = await kit.until('segment', SEGMENTS);
      expect(segments.map(({ frame }) => frame.index)).toEqual(Array.from({ length: SEGMENTS }, (_, index) => index));
      expectParts(kit);
      expect(kit.all('payload').reduce((sum, { bytes }) => sum + bytes, 0)).toBe(CONTENT.length);
      expect(kit.all('greeted')).toEqual([{ type: 'greeted', size: CONTENT.length }]);
      const order = kit.said.map(({ type }) => type).filter((type) => type !== 'frame');
      expect(order.slice(0, 3)).toEqual(['connected', 'greeted', 'payload']);
    },
  );

  run('answers no more than the credit, and goes on where it stopped when there is more', async ({ whole }) => {
    using kit = await AdapterKit.at(whole);
    await kit.open(3);
    await kit.until('segment', 3);
    kit.write({ type: 'ping', nonce: 9 });
    await kit.untilFrames('pong');
    expect(kit.answers()).toEqual(['0 pattern', '1 pattern', '2 pattern']);
    kit.write({ type: 'credit', total: 5 });
    await kit.until('segment', 5);
    expect(kit.answers().slice(3)).toEqual(['3 pattern', '4 pattern']);
  });

  run('brings its own segments only, SENDs first, and a segment again only when told so', async ({ whole }) => {
    using kit = await AdapterKit.at(whole);
    await kit.open(4, [2, 1]);
    await kit.until('segment', 4);
    const send = (first: number, again: boolean) => ({ type: 'send', ranges: [{ first, length: 1 }], again }) as const;
    kit.write(send(20, false), send(1, false), send(3, true), { type: 'credit', total: 5 });
    await kit.untilHeard(() => kit.answers().length === 8, 'eight answers');
    expect(kit.answers()).toEqual([
      ...['1 pattern', '3 pattern', '5 pattern', '7 pattern'],
      ...['20 send', '1 already-sent', '3 send', '9 pattern'],
    ]);
    expectParts(kit);
  });

  run('goes over to a modified pattern, and says under which one it answers', async ({ whole }) => {
    using kit = await AdapterKit.at(whole);
    await kit.open(2);
    await kit.until('segment', 2);
    kit.write({ type: 'pattern', pattern: patternOf(2, [1, 2], 10) }, { type: 'credit', total: 4 });
    await kit.until('segment', 4);
    const answered = kit.all('segment').map(({ frame }) => [frame.index, frame.epoch]);
    expect(answered).toEqual([
      [0, 1],
      [1, 1],
      [10, 2],
      [12, 2],
    ]);
    kit.write({ type: 'ping', nonce: 77 });
    expect(await kit.untilFrames('pong')).toMatchObject([{ nonce: 77, epoch: 2 }]);
  });

  run('answers what the object does not have by DROPPED, whoever asks for it', async ({ whole }) => {
    using kit = await AdapterKit.at(whole);
    await kit.open(1);
    await kit.until('segment');
    kit.write({ type: 'send', ranges: [{ first: SEGMENTS + 5, length: 1 }], again: false });
    await kit.untilFrames('dropped');
    expect(kit.answers()).toEqual(['0 pattern', `${SEGMENTS + 5} not-held`]);
  });

  run('keeps what is written before its source answered, and takes frames it has no use for', async ({ whole }) => {
    using kit = await AdapterKit.at(whole);
    await kit.open(1);
    kit.write({ type: 'encode', accepted: 0 }, { type: 'steer', on: false }, { type: 'credit', total: 2 });
    kit.write({ type: 'ping', nonce: 5 });
    await kit.until('segment', 2);
    expect(await kit.untilFrames('pong')).toMatchObject([{ nonce: 5 }]);
  });

  run('never touches a place again that it has handed over', async ({ whole }) => {
    using kit = await AdapterKit.at(whole);
    await kit.open(5);
    await kit.until('segment', 5);
    const handed = kit.held.splice(0);
    for (const { payload } of handed) payload.fill(SCRIBBLE);
    kit.write({ type: 'credit', total: 100 });
    await kit.until('segment', SEGMENTS);
    expect(handed.every(({ payload }) => payload.every((byte) => byte === SCRIBBLE))).toBe(true);
    expectParts(kit);
  });

  run('greets for an empty object and brings nothing', async ({ empty }) => {
    using kit = await AdapterKit.at(empty);
    await kit.open(4);
    expect(await kit.until('greeted')).toEqual([{ type: 'greeted', size: 0 }]);
    kit.write({ type: 'ping', nonce: 1 });
    await kit.untilFrames('pong');
    expect(kit.all('segment')).toEqual([]);
  });

  run('refuses for what is not there, and then says nothing more', async ({ missing }) => {
    using kit = await AdapterKit.at(missing);
    await kit.open(4);
    await kit.untilHeard(() => kit.all('refused').length > 0, 'a refusal');
    expect(kit.all('refused')).toMatchObject([{ refusal: { code: 'object-not-found', retryAfterMs: undefined } }]);
    kit.write({ type: 'credit', total: 9 });
    await turns();
    expect(kit.said.at(-1)?.type).toBe('refused');
    expect(kit.all('greeted')).toEqual([]);
  });

  run('closes once when nobody is there', async ({ nobody }) => {
    using kit = await AdapterKit.at(nobody);
    // some see it when they dial, others when they ask
    await kit.untilHeard(() => kit.said.length > 0, 'anything');
    if (kit.all('connected').length > 0) await kit.open(1);
    await kit.untilHeard(() => kit.all('closed').length > 0, 'the end');
    await turns();
    expect(kit.all('closed').map(({ error }) => error.code)).toEqual([
      expect.stringMatching(/^(unreachable|connection-lost)$/),
    ]);
    expect(kit.said.at(-1)?.type).toBe('closed');
  });

  run('closes once when its source breaks off', async ({ whole, breakAll }) => {
    using kit = await AdapterKit.at(whole);
    await kit.open(2);
    await kit.until('segment', 2);
    await breakAll();
    // who keeps no connection sees it when more is wanted
    kit.write({ type: 'credit', total: 100 }, { type: 'ping', nonce: 1 });
    await kit.untilHeard(() => kit.all('closed').length > 0, 'the end');
    await turns();
    expect(kit.all('closed')).toHaveLength(1);
    expect(kit.said.at(-1)?.type).toBe('closed');
  });

  for (const graceful of [true, false]) {
    run(
      `says nothing after it was closed ${graceful ? 'politely' : 'at once'}, and may be closed twice`,
      async ({ whole }) => {
        using kit = await AdapterKit.at(whole);
        await kit.open(100);
        await kit.until('segment', 2);
        kit.adapter.close(graceful);
        const { length } = kit.said;
        kit.write({ type: 'ping', nonce: 1 }, { type: 'credit', total: 200 });
        kit.adapter.close(graceful);
        await turns();
        expect(kit.said).toHaveLength(length);
      },
    );
  }

  run('says nothing when it is closed before it is connected', async ({ whole }) => {
    using kit = await AdapterKit.at(whole);
    kit.adapter.close(false);
    await turns();
    expect(kit.said).toEqual([]);
  });

  run('where it says what its copy is it also brings samples of it', async ({ whole }) => {
    using kit = await AdapterKit.at(whole);
    if (whole.route.mirror === undefined) return expect(kit.adapter.sample).toBeUndefined();
    await kit.open(1);
    await kit.until('greeted');
    const spans = [
      { first: 5, last: 99 },
      { first: CONTENT.length - 10, last: CONTENT.length - 1 },
    ];
    const { promise, resolve } = Promise.withResolvers<readonly Uint8Array[]>();
    kit.adapter.sample?.(spans, resolve);
    const samples = (await promise).map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(samples).toEqual(spans.map(({ first, last }) => CONTENT.subarray(first, last + 1).toString('hex')));
    return undefined;
  });
}

/** Time for whatever would still be said: many turns of the loop. Nothing is waited for that has to come. */
async function turns(): Promise<void> {
  for (let count = 0; count < 50; count += 1) await turn();
}
