// A transfer as a whole, by hand: how it begins and ends, what the loss of a channel, a bad segment or a refusal does,
// and that inputs which mean nothing change nothing.
import { afterEach, describe, expect, test } from 'vitest';
import type { Effect, Input } from '../../../client/core/messages.ts';
import { CORE_DEFAULTS } from '../../../client/core/options.ts';
import { elementAt } from '../../../protocol/pattern.ts';
import { rangesHave } from '../../../protocol/ranges.ts';
import { SEGMENT } from './core-state.ts';
import { PlayedTransfer } from './played-transfer.ts';
import type { PlayOrder } from './played-transfer.ts';

const plays: PlayedTransfer[] = [];

function playOf(order: PlayOrder): PlayedTransfer {
  const play = new PlayedTransfer(order);
  plays.push(play);
  return play;
}

/** A transfer over `routes` routes, each with an open channel; channel n is on route n − 1. */
function opened(order: PlayOrder): PlayedTransfer {
  const play = playOf(order);
  for (let channel = 1; channel <= (order.routes ?? 1); channel += 1) play.open(channel);
  return play;
}

afterEach(() => {
  for (const play of plays.splice(0)) expect(play.faults).toEqual([]);
});

const typesOf = (effects: readonly Effect[]): string[] => effects.map(({ type }) => type);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('from the beginning to the end', () => {
  test('what an earlier transfer left is not asked for again, and completes it', () => {
    const have = [
      { first: 0, length: 30 },
      { first: 33, length: 20 },
      { first: 70, length: 1 },
    ];
    const play = playOf({ routes: 2, segments: 90, have, options: { output: 'any' } });
    expect(play.finish()).toBe('done');
    const asked = upTo(90).filter((index) => (play.arrivals[index] ?? 0) > 0);
    expect(asked).toEqual(upTo(90).filter((index) => !rangesHave(have, index)));
    expect(play.delivered.toSorted((a, b) => a - b)).toEqual(asked);
  });

  test('if an earlier transfer left everything, HELLO is the end', () => {
    const play = playOf({ segments: 40, have: [{ first: 0, length: 40 }], options: { output: 'any' } });
    play.open(1);
    expect(play.outcome).toBe('done');
    expect(play.arrivals).toEqual([]);
  });

  test('asks for nothing behind the end of a range, before any HELLO as well', () => {
    const play = playOf({ routes: 2, size: 100 * SEGMENT, firstByte: 5 * SEGMENT, endByte: 7 * SEGMENT });
    for (const channel of [1, 2]) play.feed({ type: 'connected', channel, connectMs: 5 }, 5);
    const patterns = play.effects.flatMap((effect) => ('pattern' in effect ? [effect.pattern] : []));
    expect(patterns.length).toBeGreaterThan(0);
    for (const { to } of patterns) expect(to).toBe(7);
  });

  test('an empty object is done with its HELLO', () => {
    const play = playOf({ routes: 2, size: 0 });
    play.open(1);
    expect(play.outcome).toBe('done');
    expect(play.delivered).toEqual([]);
    expect(play.channels).toEqual([]);
    expect(play.transfer.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 100 * SEGMENT + 7])('%i bytes arrive once and in order', (size) => {
    const play = opened({ routes: 2, size });
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(Math.ceil(size / SEGMENT)));
    expect(play.arrivals).toEqual(play.delivered.map(() => 1));
    const { counters, routes } = play.snapshot;
    expect(counters).toMatchObject({ receivedBytes: size, wasteBytes: 0, corrupt: 0 });
    expect(routes.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0)).toBe(size);
    expect(
      routes.reduce((sum, { patternBytes }) => sum + patternBytes, 0),
      'all of it by pattern',
    ).toBe(size);
  });

  test.each([
    [0, 1, 0, 1],
    [5 * SEGMENT, 7 * SEGMENT, 5, 7],
    [5 * SEGMENT - 1, 7 * SEGMENT + 1, 4, 8],
    [99 * SEGMENT, undefined, 99, 100],
    [20 * SEGMENT, 1e12, 20, 100],
    [100 * SEGMENT, undefined, 100, 100],
  ])('of bytes %i to %s only segments %i to %i are asked for', (firstByte, endByte, from, to) => {
    const play = opened({ segments: 100, firstByte, ...(endByte === undefined ? {} : { endByte }) });
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(100).slice(from, to));
    // before the size is known, credit may reach a little beyond the object's end, never beyond what is wanted of it
    const first = play.arrivals.findIndex((count) => count > 0);
    if (to > from) expect(first).toBe(from);
  });

  test('in any order each segment is delivered as soon as it is proven', () => {
    const play = opened({ routes: 2, segments: 40, options: { output: 'any' } });
    play.up(2);
    play.down(2);
    expect(play.delivered.length).toBeGreaterThan(0);
    expect(play.delivered).not.toContain(0);
    expect(play.finish()).toBe('done');
    expect(play.delivered.toSorted((a, b) => a - b)).toEqual(upTo(40));
  });

  test('it is done only when the sink has taken everything', () => {
    const play = opened({ segments: 3 });
    play.sinkTakes = false;
    play.up(1);
    play.down(1);
    expect(play.delivered).toEqual([0, 1, 2]);
    play.pass(1_000);
    play.take(0);
    play.take(2);
    expect(play.outcome).toBeUndefined();
    play.take(1);
    expect(play.outcome).toBe('done');
  });

  test('at the end every channel is closed: with BYE when it owes nothing', () => {
    const play = opened({ segments: 2 });
    expect(play.finish()).toBe('done');
    expect(play.effects.slice(-2)).toEqual([{ type: 'close', channel: 1, graceful: true }, { type: 'done' }]);
    const two = opened({ routes: 2, segments: 20 });
    expect(two.finish()).toBe('done');
    expect(two.channels).toEqual([]);
  });

  test('after the end nothing is taken in and nothing comes out', () => {
    const play = opened({ segments: 1 });
    play.finish();
    const before = play.effects.length;
    play.feed([{ type: 'tick' }, { type: 'taken', index: 0 }, { type: 'closed', channel: 1, code: 'refused' }], 1_000);
    expect(play.effects).toHaveLength(before);
  });

  test('the next tick is never far away', () => {
    const play = opened({ segments: 1_000 });
    for (let turn = 0; turn < 50; turn += 1) {
      play.feed({ type: 'tick' }, 7);
      expect(play.transfer.deadline()).toBeLessThanOrEqual(play.now + CORE_DEFAULTS.tickMs);
    }
  });
});

describe('what means nothing', () => {
  /** A running transfer with segments 0 and up received over channel 1, and channel 3 closed. */
  function running(): PlayedTransfer {
    const play = opened({ routes: 3, segments: 200 });
    play.up(1);
    play.down(1, 3);
    play.end(3);
    play.pass(5);
    play.effects.length = 0;
    return play;
  }

  /** Everything of the snapshot but what was received in vain. */
  function essence(play: PlayedTransfer): unknown {
    const { counters, routes, ...rest } = play.snapshot;
    const { receivedBytes, wasteBytes, ...others } = counters;
    const useful = routes.map((route) => ({ ...route, counts: { ...route.counts, waste: 0, wasteBytes: 0 } }));
    return { ...rest, routes: useful, others, useful: receivedBytes - wasteBytes };
  }

  const received = (play: PlayedTransfer): number => play.arrivals.findIndex((count) => count > 0);

  test.each<[string, (play: PlayedTransfer) => Input]>([
    ['PONG with an unknown nonce', () => ({ type: 'pong', channel: 1, nonce: 99_999, epoch: 1, queued: 0 })],
    ['IDLE of an old epoch', () => ({ type: 'idle', channel: 1, epoch: 0 })],
    ['proof page nobody asked for', () => ({ type: 'proof', channel: 1, first: 5_120, count: 512, ok: true })],
    ['DROPPED of what is here', (play) => dropped(1, received(play), 'not-held')],
    ['DROPPED nobody waits for', () => dropped(1, 190, 'not-held')],
    ['DROPPED of a SEND that was never sent', () => ({ ...dropped(1, 190, 'cancelled'), by: 'send' })],
    ['second HELLO', () => ({ type: 'hello', channel: 1, size: 200 * SEGMENT, held: [] })],
    ['second "connected"', () => ({ type: 'connected', channel: 1, connectMs: 1 })],
    ['HELLO on a channel that is gone', () => ({ type: 'hello', channel: 3, size: 5, held: [] })],
    ['bytes on a channel that is gone', () => ({ type: 'received', channel: 3, bytes: 1_000 })],
    ['end of a channel that is gone', () => ({ type: 'closed', channel: 3, code: 'connection-lost' })],
    ['refusal on a channel that is gone', () => ({ type: 'refused', channel: 3, code: 'refused' })],
    ['end of a channel that never was', () => ({ type: 'closed', channel: 77, code: 'connection-lost' })],
    ['"taken" of what was taken', (play) => ({ type: 'taken', index: play.delivered[0] ?? 0 })],
    ['"taken" of what is missing', () => ({ type: 'taken', index: 180 })],
    [
      'verdict on what was delivered',
      (play) => ({ type: 'verified', channel: 1, index: play.delivered[0] ?? 0, ok: true }),
    ],
    ['verdict on what is missing', () => ({ type: 'verified', channel: 1, index: 180, ok: true })],
  ])('%s changes nothing', (_, input) => {
    const play = running();
    const before = essence(play);
    const effects = play.feed(input(play));
    expect(essence(play)).toEqual(before);
    expect(typesOf(effects).filter((type) => !['pattern', 'credit'].includes(type))).toEqual([]);
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(200));
  });

  test.each([1, 2, 3, 77])('a segment that is here already, over channel %i, is waste and nothing else', (channel) => {
    const play = running();
    const index = received(play);
    const before = essence(play);
    const { wasteBytes } = play.snapshot.counters;
    const effects = play.feed({ type: 'segment', channel, index, epoch: 1, by: 'pattern' });
    expect(typesOf(effects)).toEqual(['discard']);
    expect(play.snapshot.counters.wasteBytes).toBe(wasteBytes + SEGMENT);
    const ofRoutes = play.snapshot.routes.reduce((sum, { counts }) => sum + counts.wasteBytes, 0);
    expect(ofRoutes).toBe(channel === 77 ? wasteBytes : wasteBytes + SEGMENT);
    const routes = (essence(play) as { routes: { corrupt: number }[] }).routes.map((route) => ({
      ...route,
      corrupt: 0,
    }));
    expect({ ...(essence(play) as object), routes }).toEqual(before);
    expect(play.finish()).toBe('done');
  });

  test('who goes on sending what nobody asked for is banned', () => {
    const play = running();
    for (let index = 190; index < 190 + CORE_DEFAULTS.corruptLimit; index += 1) {
      play.feed({ type: 'segment', channel: 2, index, epoch: 1, by: 'pattern' });
    }
    expect(play.route(1)).toMatchObject({ state: 'excluded', reason: 'corrupt' });
    expect(play.finish()).toBe('done');
  });
});

describe('a channel that ends', () => {
  test('leaves its segments to the others at once, in the same turn', () => {
    const play = opened({ routes: 2, segments: 1_000 });
    play.up(1);
    play.up(2);
    const owed = upTo(1_000).filter((index) => elementAt(play.snapshot.pattern, index) === 1);
    expect(owed.length).toBeGreaterThan(10);
    const effects = play.end(1);
    expect(typesOf(effects)).toContain('pattern');
    const { pattern } = play.snapshot;
    expect(owed.filter((index) => elementAt(pattern, index) !== 2)).toEqual([]);
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(1_000));
    expect(play.snapshot.counters.wasteBytes).toBe(0);
  });

  test('is dialled again with a new number, which nobody had before', () => {
    const play = opened({ routes: 2, segments: 1_000 });
    play.end(1);
    const dials = play.pass(1_000).filter((effect) => effect.type === 'dial');
    expect(dials).toEqual([{ type: 'dial', channel: 3, route: 0 }]);
    play.open(3);
    expect(play.route(0).state).toBe('active');
    expect(play.finish()).toBe('done');
  });

  test('if all end, the transfer goes on as soon as one is back', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    play.down(1, 2);
    play.end(1);
    play.end(2);
    expect(play.channels).toEqual([]);
    play.pass(1_000);
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(100));
  });

  test('before it was connected it is only a failed dial', () => {
    const play = playOf({ routes: 2, segments: 10 });
    play.end(1, 'unreachable');
    expect(play.route(0)).toMatchObject({ state: 'down', reason: 'unreachable' });
    play.open(2);
    expect(play.finish()).toBe('done');
  });
});

describe('a channel that falls silent', () => {
  test('loses its segments while others receive, and what it brings late is still taken', () => {
    const play = opened({ routes: 2, segments: 400 });
    play.up(1);
    play.up(2);
    // it sent before it fell silent; that is still on its way
    const late = upTo(2).map(() => play.sources.get(1)!.set.next()!);
    while (play.route(0).state !== 'stalled' && play.now < 5_000) {
      play.up(2);
      play.down(2, 1);
      play.pass(10);
    }
    expect(play.route(0).state).toBe('stalled');
    const { pattern } = play.snapshot;
    for (let index = pattern.from; index < pattern.to; index += 1) expect(elementAt(pattern, index)).not.toBe(1);
    for (const answer of late) play.answer(1, answer);
    expect(play.route(0).corrupt).toBe(0);
    expect(play.route(0).state).toBe('active');
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(400));
  });

  test('if all do, none is blamed, and they go on where they were', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    play.up(2);
    play.pass(5_000);
    expect(play.snapshot.routes.map(({ state }) => state)).toEqual(['active', 'active']);
    expect(play.finish()).toBe('done');
    expect(play.snapshot.counters.wasteBytes).toBe(0);
  });
});

describe('a bad segment', () => {
  test('is asked for elsewhere, and only it', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    const { index } = play.sources.get(1)!.set.next() as { index: number };
    play.bad.add(index);
    play.feed({ type: 'segment', channel: 1, index, epoch: play.snapshot.pattern.epoch, by: 'pattern' });
    const sends = play.effects.filter((effect) => effect.type === 'send');
    expect(sends).toEqual([{ type: 'send', channel: 2, ranges: [{ first: index, length: 1 }], again: false }]);
    expect(play.snapshot.counters.corrupt).toBe(1);
    expect(play.snapshot.routes.map(({ corrupt }) => corrupt)).toEqual([1, 0]);
    expect(play.finish()).toBe('done');
    expect(play.delivered).toEqual(upTo(100));
  });

  test('is asked for again from the only source', () => {
    const play = opened({ segments: 20 });
    play.bad.add(3);
    expect(play.finish()).toBe('done');
    expect(play.arrivals[3]).toBe(2);
    expect(play.delivered).toEqual(upTo(20));
  });

  test('bans its route after a few, and the others deliver the object', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    for (let index = 0; index < 100; index += 1) if (elementAt(play.snapshot.pattern, index) === 1) play.bad.add(index);
    play.down(1);
    expect(play.route(0)).toMatchObject({ state: 'excluded', reason: 'corrupt' });
    expect(play.route(1).corrupt).toBe(0);
    play.bad.clear();
    expect(play.finish()).toBe('done');
    expect(play.effects.filter((effect) => effect.type === 'dial' && effect.route === 0)).toHaveLength(1);
  });

  test('from the only route ends the transfer as corrupt', () => {
    const play = opened({ segments: 20 });
    for (const index of upTo(20)) play.bad.add(index);
    expect(play.finish()).toBe('corrupt');
  });

  test('is blamed on its route even if the channel has ended meanwhile', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.verifies = false;
    play.up(1);
    const [answer] = play.down(1, 1);
    play.end(1);
    play.feed({ type: 'verified', channel: 1, index: (answer as { index: number }).index, ok: false });
    expect(play.snapshot.routes.map(({ corrupt }) => corrupt)).toEqual([1, 0]);
  });

  test('nothing is delivered before its verdict', () => {
    const play = opened({ segments: 20 });
    play.verifies = false;
    play.up(1);
    play.down(1);
    play.pass(500);
    expect(play.delivered).toEqual([]);
    play.feed({ type: 'verified', channel: 1, index: 1, ok: true });
    expect(play.delivered).toEqual([]);
    play.feed({ type: 'verified', channel: 1, index: 0, ok: true });
    expect(play.delivered).toEqual([0, 1]);
  });
});

describe('proof pages', () => {
  const proves = (effects: readonly Effect[]): { channel: number; first: number }[] =>
    effects
      .flatMap((effect) => (effect.type === 'prove' ? [effect] : []))
      .map(({ channel, first }) => ({ channel, first }));

  test('are asked for ahead of what is asked for', () => {
    const play = opened({ segments: 100_000, options: { proofNodes: 64 } });
    for (let turn = 0; turn < 20; turn += 1) {
      play.up(1);
      play.down(1);
      play.pass(5);
      const highest = play.arrivals.length - 1;
      const pages = new Set(proves(play.effects).map(({ first }) => first / 64));
      for (let page = 0; page <= Math.floor(highest / 64) + 1; page += 1) expect(pages).toContain(page);
    }
  });

  test('a false one is asked for elsewhere, and its route is blamed', () => {
    const play = playOf({ routes: 2, segments: 100 });
    play.proves = false;
    play.open(1);
    play.open(2);
    const [asked] = proves(play.effects);
    play.feed({ type: 'proof', channel: asked!.channel, first: 0, count: 100, ok: false });
    expect(play.snapshot.routes.map(({ corrupt }) => corrupt)).toEqual(asked!.channel === 1 ? [1, 0] : [0, 1]);
    expect(proves(play.pass(20))).toEqual([{ channel: 3 - asked!.channel, first: 0 }]);
  });
});

describe('what an epoch that is confirmed allows', () => {
  test('a segment that an old pattern may have released stays with its channel until it confirms a newer one', () => {
    const play = opened({ routes: 2, segments: 1_000 });
    const mayOwe = (): number[] => upTo(1_000).filter((index) => elementAt(play.snapshot.pattern, index) === 1);
    const before = mayOwe().slice(0, 3);
    play.pass(500);
    for (const index of before) expect(mayOwe()).toContain(index);
  });
});

describe('a source that does not have all', () => {
  test('what it drops is asked of another', () => {
    const play = opened({ routes: 2, segments: 50 });
    play.up(1);
    const { index } = play.sources.get(1)!.set.next() as { index: number };
    play.feed(dropped(1, index, 'read-failed', play.snapshot.pattern.epoch));
    expect(play.effects.filter((effect) => effect.type === 'send')).toMatchObject([
      { channel: 2, ranges: [{ first: index, length: 1 }] },
    ]);
    expect(play.finish()).toBe('done');
  });

  test('what nobody has ends the transfer at once, instead of being asked for without end', () => {
    const play = playOf({ segments: 50, held: [{ first: 0, length: 40 }] });
    play.open(1);
    expect(play.outcome).toBe('no-source-for-range');
    expect(play.effects.at(-1)).toMatchObject({
      message: expect.stringContaining(`bytes ${40 * SEGMENT} to ${50 * SEGMENT - 1} (segments 40 to 49)`),
    });
  });

  test('it is never asked for what its HELLO says it does not have', () => {
    const play = playOf({ routes: 2, segments: 50 });
    play.open(1);
    play.feed({ type: 'connected', channel: 2, connectMs: 20 }, 20);
    play.feed({ type: 'hello', channel: 2, size: play.size, held: [{ first: 0, length: 10 }] }, 20);
    const { pattern } = play.snapshot;
    for (let index = 10; index < 50; index += 1) expect(elementAt(pattern, index)).not.toBe(2);
  });
});

describe('refusals', () => {
  test('a route that refuses for good is left out; the others go on', () => {
    const play = playOf({ routes: 2, segments: 20 });
    play.open(2);
    play.feed({ type: 'connected', channel: 1, connectMs: 20 }, 20);
    play.feed({ type: 'refused', channel: 1, code: 'unknown-upstream' });
    expect(play.route(0)).toMatchObject({ state: 'excluded', reason: 'unknown-upstream' });
    expect(play.finish()).toBe('done');
  });

  test('one that asks for a pause is asked again afterwards', () => {
    const play = playOf({ routes: 1, segments: 20 });
    play.feed({ type: 'connected', channel: 1, connectMs: 20 }, 20);
    play.feed({ type: 'refused', channel: 1, code: 'overloaded', retryAfterMs: 2_000 });
    expect(play.pass(1_900).filter(({ type }) => type === 'dial')).toEqual([]);
    expect(play.pass(200).filter(({ type }) => type === 'dial')).toHaveLength(1);
    play.open(2);
    expect(play.finish()).toBe('done');
  });

  test('if all refuse, the transfer says why', () => {
    const play = playOf({ routes: 2, segments: 20 });
    play.feed({ type: 'refused', channel: 1, code: 'refused' });
    play.feed({ type: 'refused', channel: 2, code: 'object-not-found' });
    expect(play.outcome).toBe('object-not-found');
    expect(play.effects.at(-1)).toMatchObject({
      type: 'fail',
      message: '{route 0}: refused, {route 1}: object-not-found',
    });
    expect(play.channels).toEqual([]);
  });

  test('a failure closes what is open, by reset', () => {
    const play = opened({ routes: 2, segments: 100 });
    play.up(1);
    play.feed({ type: 'refused', channel: 1, code: 'refused' });
    const effects = play.feed({ type: 'refused', channel: 2, code: 'refused' });
    expect(typesOf(effects)).toEqual(['close', 'fail']);
    expect(effects[0]).toMatchObject({ channel: 2, graceful: false });
  });
});

function dropped(
  channel: number,
  index: number,
  reason: Extract<Input, { type: 'dropped' }>['reason'],
  epoch = 1,
): Extract<Input, { type: 'dropped' }> {
  return { type: 'dropped', channel, index, epoch, by: 'pattern', reason };
}
