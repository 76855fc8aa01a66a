// What becomes of a transfer when its channels end, fall silent or are refused.
import { describe, expect, test } from 'vitest';
import { elementAt } from '../../../protocol/pattern.ts';
import { checkedPlays, typesOf, upTo } from './plays.ts';

const { opened, playOf } = checkedPlays();

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
    expect(play.pass(150).filter(({ type }) => type === 'dial')).toHaveLength(1);
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
